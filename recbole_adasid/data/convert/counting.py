"""What happened to the lines of a raw file: how many were read, skipped or left with empty cells, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

SHOWN = 3
"""Line numbers listed per reason."""
_WIDTH = 60

Raw = TypeVar("Raw")
Row = TypeVar("Row")


class Unusable(ValueError):
    """A record that cannot become a row.

    Attributes:
        value: the unusable value; None: there is none, or the reason says it all.
    """

    def __init__(self, reason: str, value: Any = None) -> None:
        """Store the reason, in a few words."""
        super().__init__(reason)
        self.value = value


@dataclass
class Emptied:
    """Cells of a column that were left empty although there was a value."""

    cells: int
    line: int
    """Line of the first."""
    value: Any
    """Value of the first."""

    def told(self, unit: str) -> str:
        """Describe the first value and its place."""
        return f"first {_shown(self.value)} {'on' if unit == 'line' else 'in'} {unit} {self.line}"


@dataclass
class LineCount:
    """Line counts of one file, without blank lines."""

    path: Path | str
    read: int = 0
    line: int = 0
    """The line currently being converted."""
    left_out: dict[str, int] = field(default_factory=dict)
    """Skipped lines by reason."""
    first: dict[str, list[int]] = field(default_factory=dict)
    """The first line numbers by reason."""
    values: dict[str, Any] = field(default_factory=dict)
    """The first value by reason, if there is one."""
    emptied: dict[str, Emptied] = field(default_factory=dict)
    """By column name."""
    unit: str = "line"
    """What a line is called in messages."""

    @property
    def flawless(self) -> bool:
        """Whether every line gave a row and every value a cell."""
        return not self.left_out and not self.emptied

    def leave_out(self, reason: Unusable) -> None:
        """Count the line as skipped."""
        text = str(reason)
        self.left_out[text] = self.left_out.get(text, 0) + 1
        named = self.first.setdefault(text, [])
        if len(named) < SHOWN:
            named.append(self.line)
        if reason.value is not None:
            self.values.setdefault(text, reason.value)

    def note_emptied(self, columns: Sequence[str], values: Sequence[Any], cells: Sequence[str]) -> None:
        """Count the line's empty cells that had a value."""
        for column, value, cell in zip(columns, values, cells):
            if cell or not _says_something(value):
                continue
            self.emptied.setdefault(column, Emptied(0, self.line, value)).cells += 1

    def summary(self) -> str:
        """Return a summary sentence: the file, its lines, what was skipped or left empty, and where."""
        said = [f"{self.path}: {self.read:,} {self.unit}s read"]
        parts = [
            f"{count:,} with {reason} ({self._places(reason, count)}){self._example(reason)}"
            for reason, count in self._by_number()
        ]
        said.append(f"{sum(self.left_out.values()):,} left out: {'; '.join(parts)}" if parts else "all used")
        empty = "; ".join(f"{one.cells:,} of {name}, {one.told(self.unit)}" for name, one in self.emptied.items())
        return ", ".join(said) + (f". Cells left empty, as their values cannot be used: {empty}" if empty else "")

    def _example(self, reason: str) -> str:
        return f", first {_shown(self.values[reason])}" if reason in self.values else ""

    def _places(self, reason: str, count: int) -> str:
        first = self.first[reason]
        shown = ", ".join(map(str, first))
        return f"{self.unit} {shown}" if count == 1 else f"{self.unit}s {shown}" + (" …" if count > len(first) else "")

    def _by_number(self) -> list[tuple[str, int]]:
        return sorted(self.left_out.items(), key=lambda entry: (-entry[1], entry[0]))


def usable(numbered: Iterable[tuple[int, Raw]], make: Callable[[Raw], Row], count: LineCount) -> Iterator[Row]:
    """Yield `make` of each numbered line, and count those that are :class:`Unusable`."""
    for line, raw in numbered:
        count.read += 1
        count.line = line
        try:
            row = make(raw)
        except Unusable as reason:
            count.leave_out(reason)
            continue
        yield row


def _says_something(value: Any) -> bool:
    """Tell whether a value is non-empty, at any depth."""
    if isinstance(value, str):
        return bool(value.strip())
    if isinstance(value, Mapping):
        return any(map(_says_something, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(_says_something, value))
    return value is not None and value == value  # NaN is not


def _shown(value: Any) -> str:
    """Return a value as a short text on one line."""
    text = repr(value) if isinstance(value, (str, bytes)) else " ".join(str(value).split())
    return text if len(text) <= _WIDTH else f"{text[:_WIDTH]}…"
