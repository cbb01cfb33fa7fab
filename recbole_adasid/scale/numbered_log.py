"""A log of any size by numbers in place of names, in files: memory grows with users and items alone.

Users and items are numbered in the order of their first interaction, as RecBole does.

Letters: I interactions, U users, N items, R records of a bucket.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.data.ordering import lexsort
from recbole_adasid.scale.buckets import BYTES_OF_A_RECORD, Buckets, array_on_disk, stretches, token_hashes
from recbole_adasid.scale.log_files import Rows, log_paths, read_log, rows_at_most

# Memory that a row takes while it is read: texts, mostly.
_BYTES_OF_A_ROW = 600
GIB = 2**30


class OrderedRows(NamedTuple):
    """Interactions [R] of consecutive users, each one's oldest first; equal times stand as they were read."""

    user: NDArray[np.int64]
    item: NDArray[np.int64]
    position: NDArray[np.int64]
    """Place in the log."""
    whole: NDArray[np.int64]
    rest: NDArray[np.float64]
    """With ``whole`` the time: the sum of both."""

    def some(self, rows: NDArray[np.intp]) -> OrderedRows:
        """Return some of them."""
        user, item, position, whole, rest = self
        return OrderedRows(user[rows], item[rows], position[rows], whole[rows], rest[rows])


@dataclass(frozen=True)
class NumberedLog:
    """The interactions of a log by numbers of users and items, from 0."""

    grouped: Buckets
    """By neighbouring users."""
    interactions: int
    """I."""
    users: NDArray[np.int64]
    """Where each of the U users stands first in the log, ascending."""
    items: NDArray[np.int64]
    """Where each of the N items does."""

    def ordered(self) -> Iterator[OrderedRows]:
        """Yield one bucket's interactions after another, sorted, and remove it."""
        for records in self.grouped.take():
            order = lexsort([records[key] for key in ("rest", "whole", "user")])  # stable: ties by position
            user, item, *others = (records[name][order] for name in OrderedRows._fields)
            yield OrderedRows(user, item.astype(np.int64), *others)


class LogNumbering:
    """The way of a log from its files to numbers.

    Args:
        folder: for files in between; it is there and empty.
        memory: GiB that it may take beside the numbers of users and items.
        progress: show a bar while files are read.
        named: whose tokens are kept, ``users`` or ``items`` or both; see :meth:`tokens`.
    """

    def __init__(
        self, folder: Path, *, memory: float = 1.0, progress: bool = False, named: Sequence[str] = ("items",)
    ) -> None:
        self.folder, self.progress, self.named = folder, progress, named
        self.bytes = int(memory * GIB)
        self.rows_at_once = max(1, self.bytes // 2 // _BYTES_OF_A_ROW)
        self.n_buckets = 1

    def number(self, where: str | Path, columns: Mapping[str, str]) -> NumberedLog:
        """Return the log ``where``, in columns that ``columns`` names, by numbers; see :func:`read_log`.

        Raises:
            ValueError: if the log has no interaction, or a row that cannot be used.
            CannotWrite: if the disk has no room for the files in between.
        """
        paths = log_paths(where)
        most = sum(map(rows_at_most, paths))
        self.n_buckets = 1 + most * BYTES_OF_A_RECORD // self.bytes
        hashed, total = self._read(read_log(paths, columns, self.rows_at_once, progress=self.progress))
        if not total:
            raise ValueError(f"{where} holds no interactions: name another log.")
        users, items = (self._numbered(name, buckets, total) for name, buckets in hashed.items())
        return NumberedLog(self._group(total, users, items), total, users, items)

    def tokens(self, name: str, places: NDArray[np.int64]) -> Iterator[list[str]]:
        """Yield tokens, in the order of their first interaction: those that were written where one stands first.

        Args:
            name: ``users`` or ``items``, one of those whose tokens are kept.
            places: where each stands first in the log, ascending.
        """
        seen = np.memmap(self.folder / f"{name}.seen", dtype="i8", mode="r")
        with (self.folder / f"{name}.tokens").open("rb") as lines:
            for part in stretches(len(seen), self.rows_at_once):
                wanted = places[slice(*np.searchsorted(places, (seen[part][0], seen[part][-1] + 1)))]
                chosen = np.isin(seen[part], wanted, assume_unique=True)
                yield [line[:-1].decode() for is_first, line in zip(chosen.tolist(), lines) if is_first]

    def _read(self, log: Iterator[Rows]) -> tuple[dict[str, Buckets], int]:
        """Return users and items in buckets by a hash of 128 bits, and I; times and new tokens go into files."""
        fields = [("hash", "u8"), ("check", "u8"), ("position", "i8")]
        buckets = {name: Buckets(self.folder / name, self.n_buckets, fields) for name in _KINDS}
        total = 0
        with ExitStack() as stack:
            times = stack.enter_context((self.folder / "times").open("wb"))
            seen, tokens = (
                {name: stack.enter_context((self.folder / f"{name}.{kind}").open("wb")) for name in self.named}
                for kind in ("seen", "tokens")
            )
            for rows in log:
                position = np.arange(total, total + len(rows.times))
                for name, (codes, distinct) in zip(_KINDS, (rows.users, rows.items)):
                    if name in self.named:
                        firsts = first_rows(codes, len(distinct))
                        present = np.argsort(firsts)[: int((firsts < len(codes)).sum())]
                        seen[name].write(position[firsts[present]].tobytes())
                        tokens[name].write(_lines(name, distinct[present]))
                    hashed, check = (values[codes] for values in token_hashes(distinct))
                    buckets[name].add(hashed % np.uint64(self.n_buckets), hashed, check, position)
                times.write(_exact(rows.times).tobytes())
                total += len(position)
        return buckets, total

    def _numbered(self, name: str, hashed: Buckets, total: int) -> NDArray[np.int64]:
        """Write for each interaction where its user or item stands first, and return those places, ascending."""
        first_of = array_on_disk(self.folder / f"{name}.first", total, "i8")
        places = []
        for records in hashed.take():
            order = np.argsort(records["hash"])
            begins = begins_of_runs(records["hash"][order])
            if not np.array_equal(begins, begins | begins_of_runs(records["check"][order])):  # two tokens, one hash
                order = np.lexsort((records["check"], records["hash"]))
                begins = begins_of_runs(records["hash"][order]) | begins_of_runs(records["check"][order])
            position = records["position"][order]
            first = np.minimum.reduceat(position, np.flatnonzero(begins)) if len(order) else position
            first_of[position] = first[np.cumsum(begins) - 1]
            places.append(first)
        return np.sort(np.concatenate(places))

    def _group(self, total: int, users: NDArray[np.int64], items: NDArray[np.int64]) -> Buckets:
        """Return interactions in buckets of neighbouring users, with their times."""
        fields = [("user", "i8"), ("item", "i4"), ("position", "i8"), ("whole", "i8"), ("rest", "f8")]
        grouped = Buckets(self.folder / "grouped", self.n_buckets, fields)
        first_of = [np.memmap(self.folder / f"{name}.first", dtype="i8", mode="r") for name in _KINDS]
        times = np.memmap(self.folder / "times", dtype=_TIME, mode="r")
        for part in stretches(total, self.rows_at_once):
            user, item = (_ranks(places, one[part]) for places, one in zip((users, items), first_of))
            position = np.arange(part.start, part.stop)
            bucket = user * self.n_buckets // len(users)
            grouped.add(bucket, user, item, position, times["whole"][part], times["rest"][part])
        for name in ("users.first", "items.first", "times"):
            (self.folder / name).unlink()
        return grouped


_KINDS = ("users", "items")
_TIME = np.dtype([("whole", "i8"), ("rest", "f8")])


def training_sizes(sizes: NDArray[np.int64], held_out: int) -> NDArray[np.int64]:
    """Return how many of a user's interactions the main job trains on: all but the last ``held_out``.

    As there, a user keeps two interactions at least.
    """
    return sizes - np.clip(sizes - 2, 0, held_out)


def _ranks(places: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where each of some places stands among all, which are ascending."""
    order = np.argsort(wanted)  # neighbours look at neighbours, which are in the processor's cache
    ranks = np.empty(len(wanted), dtype=np.int64)
    ranks[order] = np.searchsorted(places, wanted[order])
    return ranks


def first_rows(codes: NDArray[np.integer], n_codes: int) -> NDArray[np.int64]:
    """Return the first row that has each code; beyond the last row for one that none has."""
    firsts = np.full(n_codes, len(codes), dtype=np.int64)
    firsts[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)  # of several values for one place the last one stays
    return firsts


def begins_of_runs(values: NDArray) -> NDArray[np.bool_]:
    """Mark where a value differs from the one before it."""
    return np.r_[True, values[1:] != values[:-1]][: len(values)]


def _exact(times: NDArray[Any]) -> NDArray[Any]:
    """Return times as whole numbers and what is left of them: whole numbers and floats side by side, none rounded."""
    exact = np.zeros(len(times), dtype=_TIME)
    if times.dtype.kind == "f":
        exact["whole"] = np.floor(times).clip(-(2.0**62), 2.0**62)
        exact["rest"] = times - exact["whole"]
    else:
        exact["whole"] = times
    return exact


def _lines(name: str, tokens: NDArray[np.object_]) -> bytes:
    """Return tokens, one a line.

    Raises:
        ValueError: for one that is of several lines.
    """
    text = "\n".join([*tokens.tolist(), ""])
    if text.count("\n") > len(tokens) or "\r" in text:
        token = next(token for token in tokens if "\n" in token or "\r" in token)
        raise ValueError(f"the token {token!r} among {name} is of several lines: name {name} in one line.")
    return text.encode()
