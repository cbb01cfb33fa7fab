"""What became of the lines of a raw file: how many were read, and which were left out for what reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

SHOWN = 3
"""Line numbers that are named for each reason."""

Raw = TypeVar("Raw")
Row = TypeVar("Row")


class Unusable(ValueError):
    """A record that cannot become a row; the message is the reason, in a few words."""


@dataclass
class LineCount:
    """The count of one file's lines, blank ones apart."""

    path: Path
    read: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    """How many by reason."""
    first: dict[str, list[int]] = field(default_factory=dict)
    """The first line numbers by reason."""

    def leave_out(self, line: int, reason: str) -> None:
        """Count a line that gives no row."""
        self.left_out[reason] = self.left_out.get(reason, 0) + 1
        named = self.first.setdefault(reason, [])
        if len(named) < SHOWN:
            named.append(line)

    def summary(self) -> str:
        """Return a sentence: the file, its lines, and what was left out and where."""
        head = f"{self.path}: {self.read:,} lines read"
        if not self.left_out:
            return f"{head}, all used"
        parts = [
            f"{count:,} with {reason} ({_lines(self.first[reason], count)})" for reason, count in self._by_number()
        ]
        return f"{head}, {sum(self.left_out.values()):,} left out: {'; '.join(parts)}"

    def _by_number(self) -> list[tuple[str, int]]:
        return sorted(self.left_out.items(), key=lambda entry: (-entry[1], entry[0]))


def usable(numbered: Iterable[tuple[int, Raw]], make: Callable[[Raw], Row], count: LineCount) -> Iterator[Row]:
    """Yield what `make` makes of each numbered line, and count those that it finds :class:`Unusable`."""
    for line, raw in numbered:
        count.read += 1
        try:
            row = make(raw)
        except Unusable as reason:
            count.leave_out(line, str(reason))
            continue
        yield row


def _lines(first: list[int], count: int) -> str:
    shown = ", ".join(map(str, first))
    return f"line {shown}" if count == 1 else f"lines {shown}" + (" …" if count > len(first) else "")
