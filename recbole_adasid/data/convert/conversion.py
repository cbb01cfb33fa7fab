"""Writing rows into `NAME.inter` and `NAME.item`, with a summary of their contents."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from recbole_adasid.data.convert.rows import Rows
from recbole_adasid.data.convert.tally import Statistics, Tally
from recbole_adasid.io.atomic import written_whole

CORE = 5
"""Minimum interactions per user and item in the summary's core, as used in papers."""


@dataclass(frozen=True)
class ItemCount:
    """What happened to the items.

    Attributes:
        written: lines of the `.item` file.
        filled: how many of them have text in each column, by column name.
        bare: items with interactions but without metadata: written without texts.
        idle: items with metadata but without interactions, left out or written as asked.
        repeated: repeated lines of an item, left out.
    """

    written: int
    filled: dict[str, int]
    bare: int
    idle: int
    repeated: int


@dataclass(frozen=True)
class Report:
    """Result of a conversion."""

    home: Path
    everything: Statistics
    core: Statistics
    repetitions: int
    items: ItemCount | None
    lines: tuple[str, ...]

    def text(self) -> str:
        """Return the report as text, with the columns of the AdaSID paper's Table 1 and averages."""
        head = f"{'':<9}{'users':>12}{'items':>12}{'interactions':>14}{'density':>10}{'per user':>10}{'per item':>10}"
        rows = [_row("all", self.everything), _row(f"{CORE}-core", self.core)]
        return "\n".join([head, *rows, "", *self.lines, *self._remarks(), f"written to {self.home}"])

    def _remarks(self) -> Iterator[str]:
        if self.repetitions:
            yield (
                f"interactions: {self.repetitions:,} repeat an earlier one with the same user and item; all are kept, "
                "rm_dup_inter=first drops them in a run"
            )
        if self.items is not None:
            count = self.items
            shares = ", ".join(f"{name} {filled:,}" for name, filled in count.filled.items())
            yield f"items: {count.written:,} written; with {shares}" if shares else f"items: {count.written:,} written"
            yield (
                f"items: {count.bare:,} without metadata, {count.idle:,} without interactions, "
                f"{count.repeated:,} repeated lines (the first is kept)"
            )


def convert(
    interactions: Rows, items: Rows | None, home: Path, *, all_items: bool = False, overwrite: bool = False
) -> Report:
    """Write `NAME.inter` and, if there are items, `NAME.item` into the folder `home` named NAME.

    Interactions keep their order, which breaks ties between equal times. Items keep theirs too; those without metadata
    follow in order of their first interaction. Files appear whole, both or neither. Without items, a `NAME.item` that
    is there stays.

    Args:
        interactions: starting with user, item and time.
        items: starting with the item.
        home: the dataset's folder, created if needed.
        all_items: write items without interactions too.
        overwrite: replace existing files.

    Raises:
        FileExistsError: if a file that would be written exists, and ``overwrite`` is not set.
        ValueError: if a raw file is damaged, or has no usable interaction.
        CannotWrite: if the disk is full or not writable.
    """
    paths = [home / f"{home.name}{suffix}" for suffix in (".inter", ".item")]
    _refuse_to_overwrite(paths if items is not None else paths[:1], overwrite)
    with ExitStack() as stack:
        inter = stack.enter_context(written_whole(paths[0]))
        tally = stack.enter_context(Tally(home))
        is_written = _write_interactions(interactions, inter, tally)
        if not tally.interactions:
            read = interactions.lines
            raise ValueError(f"No {read.unit} has a usable interaction. {read.summary()}.")
        count = None
        if items is not None:
            item = stack.enter_context(written_whole(paths[1]))
            count = _write_items(items, item, is_written, all_items)
        everything, core = tally.statistics(CORE)
        repetitions = tally.repetitions()
    lines = tuple(rows.lines.summary() for rows in (interactions, items) if rows is not None)
    return Report(home, everything, core, repetitions, count, lines)


def _refuse_to_overwrite(paths: list[Path], overwrite: bool) -> None:
    """Check that no file would be overwritten unasked.

    Raises:
        FileExistsError: if a file exists and must not be replaced.
    """
    there = [path for path in paths if path.exists()]
    if there and not overwrite:
        raise FileExistsError(
            f"{there[0]} already exists: move it away, choose another name, or convert with --overwrite=true."
        )


def _write_interactions(rows: Rows, path: Path, tally: Tally) -> dict[str, bool]:
    """Return the items in order of their first interaction, each mapped to False: not yet written."""
    is_written: dict[str, bool] = {}
    with _text_file(path, rows.columns) as file:
        for row in rows.rows:
            file.write("\t".join(row) + "\n")
            tally.add(row[0], row[1])
            is_written[row[1]] = False
    return is_written


def _write_items(rows: Rows, path: Path, is_written: dict[str, bool], all_items: bool) -> ItemCount:
    names = [column.partition(":")[0] for column in rows.columns[1:]]
    filled = [0] * len(names)
    idle = repeated = 0
    with _text_file(path, rows.columns) as file:
        for item, *texts in rows.rows:
            if is_written.get(item):
                repeated += 1
                continue
            if item not in is_written:
                idle += 1
                if not all_items:
                    continue
            is_written[item] = True
            file.write("\t".join([item, *texts]) + "\n")
            filled = [count + bool(text) for count, text in zip(filled, texts)]
        bare = [item for item, written in is_written.items() if not written]
        file.writelines(item + "\t" * len(names) + "\n" for item in bare)
    return ItemCount(len(is_written), dict(zip(names, filled)), len(bare), idle, repeated)


def _text_file(path: Path, columns: tuple[str, ...]) -> TextIO:
    """Open an atomic file for writing and write its header."""
    file = path.open("w", encoding="utf-8", newline="\n", buffering=1 << 20)
    file.write("\t".join(columns) + "\n")
    return file


def _row(label: str, size: Statistics) -> str:
    averages = [f"{size.interactions / count:.2f}" if count else "-" for count in (size.users, size.items)]
    return (
        f"{label:<9}{size.users:>12,}{size.items:>12,}{size.interactions:>14,}{size.density:>10.4%}"
        f"{averages[0]:>10}{averages[1]:>10}"
    )
