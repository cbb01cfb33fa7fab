"""A log of any size in files, names replaced by numbers: memory grows only with users and items.

Users and items are numbered in order of their first interaction, as in RecBole.

Letters: I interactions, U users, N items, R records of a bucket.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.data.log.log_files import (
    BYTES_OF_A_ROW,
    Rows,
    Tokens,
    bytes_of_a_row,
    log_paths,
    read_log,
    rows_at_most,
)
from recbole_adasid.data.log.log_times import TIME
from recbole_adasid.data.ordering import lexsort
from recbole_adasid.io.buckets import BYTES_OF_A_RECORD, Buckets, array_on_disk, mapped, stretches, token_hashes

GIB = 2**30


@dataclass(frozen=True)
class NumberedLog:
    """A log's interactions as user and item numbers, from 0."""

    grouped: Buckets
    """Buckets of neighbouring users, of about equal numbers of interactions."""
    interactions: int
    """I."""
    users: NDArray[np.int64]
    """Position of each of the U users' first interaction in the log, ascending."""
    items: NDArray[np.int64]
    """The same for each of the N items."""

    def ordered(self, *names: str) -> Iterator[list[NDArray[Any]]]:
        """Yield columns [R] of interactions, bucket by bucket: users ascending, oldest first per user.

        Equal times keep their order. Each bucket is removed after use.

        Args:
            names: the columns: ``user``, ``item``, ``position`` in the log, and the time, the sum of ``whole`` and
                ``rest``.
        """
        for records in self.grouped.take():
            order = lexsort([records[key] for key in ("rest", "whole", "user")])  # stable: ties by position
            columns = [records[name][order] for name in names]
            del records, order  # free memory for the next one
            yield columns


class LogNumbering:
    """Turns a log's files into numbers.

    Args:
        folder: for temporary files; exists and is empty.
        memory: GiB available in addition to the numbers of users and items.
        progress: show a bar while reading files.
        named: which tokens to keep: ``users``, ``items`` or both; see :meth:`tokens`.
    """

    def __init__(
        self, folder: Path, *, memory: float = 1.0, progress: bool = False, named: Sequence[str] = ("items",)
    ) -> None:
        self.folder, self.progress, self.named = folder, progress, named
        self.bytes = int(memory * GIB)
        self.rows_at_once = max(1, self.bytes // 2 // BYTES_OF_A_ROW)
        self.n_buckets = 1

    def number(self, where: str | Path, columns: Mapping[str, str], key: str = "columns") -> NumberedLog:
        """Return the log ``where`` as numbers, with column names from ``columns``; see :func:`read_log`.

        Raises:
            FileNotFoundError: if there is no such log.
            SettingsError: if it has an unsupported file, or an unknown name in ``columns`` (setting ``key``).
            ValueError: if the log has no interaction, or an unusable row.
            CannotWrite: if the disk has no room for temporary files.
        """
        paths = log_paths(where)
        self.n_buckets = 1 + sum(map(rows_at_most, paths)) * BYTES_OF_A_RECORD // self.bytes
        at_once = min(self.rows_at_once, max(1, self.bytes // 2 // max(map(bytes_of_a_row, paths))))
        chunks, hashed = self._read(read_log(paths, columns, at_once, key=key, progress=self.progress))
        if not chunks:
            raise ValueError(f"{where} holds no interactions: name another log.")
        users, rows_of_users = self._numbered("users", hashed["users"], sum(chunk.users for chunk in chunks))
        items, _ = self._numbered("items", hashed["items"], sum(chunk.items for chunk in chunks))
        return NumberedLog(self._group(chunks, users, rows_of_users, items), int(rows_of_users.sum()), users, items)

    def tokens(self, name: str, places: NDArray[np.int64]) -> Iterator[list[str]]:
        """Yield tokens in order of their first interaction, with the spelling at that place.

        Args:
            name: ``users`` or ``items``, which must be kept.
            places: position of each one's first interaction in the log, ascending.
        """
        seen = np.memmap(self.folder / f"{name}.seen", dtype="i8", mode="r")
        with (self.folder / f"{name}.tokens").open("rb") as lines:
            for part in stretches(len(seen), self.rows_at_once):
                wanted = places[slice(*np.searchsorted(places, (seen[part][0], seen[part][-1] + 1)))]
                chosen = np.isin(seen[part], wanted, assume_unique=True)
                yield [line[:-1].decode() for is_first, line in zip(chosen.tolist(), lines) if is_first]

    def _read(self, log: Iterator[Rows]) -> tuple[list[_Chunk], dict[str, Buckets]]:
        """Return the sizes of a log's chunks, and their names in buckets by a 128-bit hash.

        A name is one *entry* per chunk, however many of its rows have it: entries are hashed, sorted and searched. Each
        row's entry and time are written to a file.
        """
        fields = [("hash", "u8"), ("check", "u8"), ("entry", "i8"), ("first", "i8"), ("rows", "i8")]
        buckets = {name: Buckets(self.folder / name, self.n_buckets, fields) for name in _NAMES}
        chunks: list[_Chunk] = []
        done = _Chunk(0, 0, 0)
        with (self.folder / "times").open("wb") as times:
            for rows in log:
                found = {name: _entries(column) for name, column in zip(_NAMES, (rows.users, rows.items))}
                for name, entries in found.items():
                    first = done.rows + entries.first
                    self._write_entries(name, entries, first)
                    hashed, check = token_hashes(entries.names)
                    number = getattr(done, name) + np.arange(len(first))
                    buckets[name].add(hashed % np.uint64(self.n_buckets), hashed, check, number, first, entries.rows)
                times.write(rows.times.tobytes())
                chunk = _Chunk(len(rows.times), *(len(entries.first) for entries in found.values()))
                done = _Chunk(*map(sum, zip(done, chunk)))
                chunks += [chunk] * bool(chunk.rows)
        return chunks, buckets

    def _write_entries(self, name: str, entries: _Entries, first: NDArray[np.int64]) -> None:
        """Append each row's entry in a chunk and, if tokens are kept, the tokens and their first positions."""
        parts = {"codes": entries.codes.tobytes()}
        if name in self.named:
            parts |= {"seen": first.tobytes(), "tokens": _lines(name, entries.names)}
        for kind, content in parts.items():
            with (self.folder / f"{name}.{kind}").open("ab") as file:
                file.write(content)

    def _numbered(self, name: str, hashed: Buckets, n_entries: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the first position of each user or item in the log, ascending, and its number of rows.

        Each entry's first position is written to a file.
        """
        first_of = array_on_disk(self.folder / f"{name}.first", n_entries, "i8")
        places, rows = [], []
        for records in hashed.take():
            if not len(records):
                continue
            order = np.argsort(records["hash"])
            begins = begins_of_runs(records["hash"][order])
            if not np.array_equal(begins, begins | begins_of_runs(records["check"][order])):  # two tokens, one hash
                order = np.lexsort((records["check"], records["hash"]))
                begins = begins_of_runs(records["hash"][order]) | begins_of_runs(records["check"][order])
            runs = np.flatnonzero(begins)
            first = np.minimum.reduceat(records["first"][order], runs)
            first_of[records["entry"][order]] = first[np.cumsum(begins) - 1]
            places.append(first)
            rows.append(np.add.reduceat(records["rows"][order], runs))
        place = np.concatenate(places)
        order = np.argsort(place)
        return place[order], np.concatenate(rows)[order]

    def _group(
        self,
        chunks: list[_Chunk],
        users: NDArray[np.int64],
        rows_of_users: NDArray[np.int64],
        items: NDArray[np.int64],
    ) -> Buckets:
        """Return interactions in buckets of neighbouring users, with their times."""
        total = int(rows_of_users.sum())
        n_buckets = 1 + total * BYTES_OF_A_RECORD // self.bytes
        bucket_of = ((np.cumsum(rows_of_users) - rows_of_users) * n_buckets // total).astype(np.int32)
        fields = [("user", "i8"), ("item", "i4"), ("position", "i8"), ("whole", "i8"), ("rest", "f8")]
        grouped = Buckets(self.folder / "grouped", n_buckets, fields)
        times = mapped(self.folder / "times", TIME)
        codes, first_of = (
            {name: mapped(self.folder / f"{name}.{kind}", dtype) for name in _NAMES}
            for kind, dtype in (("codes", "i4"), ("first", "i8"))
        )
        done = _Chunk(0, 0, 0)
        for chunk in chunks:
            ends = _Chunk(*map(sum, zip(done, chunk)))
            rows = slice(done.rows, ends.rows)
            user, item = (
                _ranks(places, first_of[name][getattr(done, name) : getattr(ends, name)])[codes[name][rows]]
                for name, places in zip(_NAMES, (users, items))
            )
            position = np.arange(rows.start, rows.stop)
            grouped.add(bucket_of[user], user, item, position, times["whole"][rows], times["rest"][rows])
            done = ends
        for path in ("times", *(f"{name}.{kind}" for name in _NAMES for kind in ("codes", "first"))):
            (self.folder / path).unlink()
        return grouped


_NAMES = ("users", "items")


class _Chunk(NamedTuple):
    """Size of one chunk of a log, or of all."""

    rows: int
    users: int
    """Number of user entries."""
    items: int


class _Entries(NamedTuple):
    """The distinct names of a chunk, in order of their first rows."""

    names: NDArray[np.object_]
    first: NDArray[np.int64]
    """First row of each."""
    rows: NDArray[np.int64]
    """Number of rows of each."""
    codes: NDArray[np.int32]
    """Entry of each row of the chunk."""


def _entries(column: Tokens) -> _Entries:
    codes, n_names = column.codes, len(column.distinct)
    first = np.full(n_names, len(codes), dtype=np.int64)
    first[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)  # the last assignment to an index wins
    present = np.argsort(first)[: int((first < len(codes)).sum())]
    number = np.zeros(n_names, dtype=np.int32)
    number[present] = np.arange(len(present))
    rows = np.bincount(codes, minlength=n_names)
    return _Entries(column.distinct[present], first[present], rows[present], number[codes])


def training_sizes(sizes: NDArray[np.int64], held_out: int) -> NDArray[np.int64]:
    """Return how many of a user's interactions the main job trains on: all except the last ``held_out``.

    As there, a user keeps at least two interactions.
    """
    return sizes - np.clip(sizes - 2, 0, held_out)


def _ranks(places: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the rank of each of the given places among all ``places``, which are ascending."""
    order = np.argsort(wanted)  # sorted lookups hit the processor's cache
    ranks = np.empty(len(wanted), dtype=np.int64)
    ranks[order] = np.searchsorted(places, wanted[order])
    return ranks


def begins_of_runs(values: NDArray) -> NDArray[np.bool_]:
    """Mark where a value differs from its predecessor."""
    return np.r_[True, values[1:] != values[:-1]][: len(values)]


def _lines(name: str, tokens: NDArray[np.object_]) -> bytes:
    """Return tokens, one per line.

    Raises:
        ValueError: for a token with a line break.
    """
    text = "\n".join([*tokens.tolist(), ""])
    if text.count("\n") > len(tokens):
        token = next(token for token in tokens if "\n" in token)
        raise ValueError(f"the token {token!r} in {name} has a line break: keep {name} on one line.")
    return text.encode()
