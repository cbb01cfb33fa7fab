"""A log of any size as the baskets that Swing reads, by way of files: memory grows with users and items alone.

Users and items are numbered in the order of their first interaction, as RecBole does, and a user's last interactions
are held out as the main job's split does, so that the pairs are those of the main job on the same log.

Letters: I interactions, U users, N items, R records of a bucket.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recbole_adasid.data.baskets import Baskets, Limits, first_of_groups, latest_of_users
from recbole_adasid.scale.buckets import BYTES_OF_A_RECORD, Buckets, array_on_disk, stretches, token_hashes
from recbole_adasid.scale.log_files import Rows, log_paths, read_log, rows_at_most

# Memory that a row takes while it is read: texts, mostly.
_BYTES_OF_A_ROW = 600
GIB = 2**30


@dataclass(frozen=True)
class PreparedLog:
    """The training interactions of a log."""

    baskets: Baskets
    """Of the users, in files."""
    tokens: list[str]
    """Of the N items, those without training interactions included."""
    sizes: NDArray[np.int64]
    """How many items a user has, each number once."""
    most_users: int
    """That an item has."""
    interactions: int
    """I, those held out included."""


class LogPreparation:
    """The way of a log from its files to baskets.

    Args:
        folder: for files in between, and for the baskets; it is there and empty.
        limits: of users and items.
        held_out: interactions of a user, the last ones, that are not for training.
        memory: GiB that it may take beside the numbers of users and items.
        progress: show a bar while files are read.
    """

    def __init__(
        self, folder: Path, limits: Limits, *, held_out: int = 2, memory: float = 1.0, progress: bool = False
    ) -> None:
        self.folder, self.limits, self.held_out, self.progress = folder, limits, held_out, progress
        self.bytes = int(memory * GIB)
        self.rows_at_once = max(1, self.bytes // 2 // _BYTES_OF_A_ROW)
        self.n_buckets = 1

    def prepare(self, where: str | Path, columns: Mapping[str, str]) -> PreparedLog:
        """Return what Swing needs of the log ``where``, in columns that ``columns`` names; see :func:`read_log`.

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
        tokens = self._tokens(items)
        grouped = self._group(total, users, items)
        n_kept = self._hold_out(grouped, len(users), len(items))
        baskets = self._baskets(n_kept, len(items))
        most_users = int(self._counts(baskets.items, len(items)).max(initial=0))
        return PreparedLog(baskets, tokens, np.unique(np.diff(baskets.starts)), most_users, total)

    def _read(self, log: Iterator[Rows]) -> tuple[dict[str, Buckets], int]:
        """Return users and items in buckets by a hash of 128 bits, and I; times and new tokens go into files."""
        fields = [("hash", "u8"), ("check", "u8"), ("position", "i8")]
        buckets = {name: Buckets(self.folder / name, self.n_buckets, fields) for name in ("users", "items")}
        total = 0
        with ExitStack() as stack:
            times, seen, tokens = (stack.enter_context((self.folder / name).open("wb")) for name in _AS_READ)
            for rows in log:
                position = np.arange(total, total + len(rows.users))
                for name, values in (("users", rows.users), ("items", rows.items)):
                    codes, distinct = pd.factorize(values)
                    if name == "items":
                        seen.write(position[np.unique(codes, return_index=True)[1]].tobytes())
                        tokens.writelines(f"{_on_one_line(token)}\n".encode() for token in distinct)
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
            order = np.argsort(records["hash"], kind="stable")
            begins = _begins(records["hash"][order])
            if not np.array_equal(begins, begins | _begins(records["check"][order])):  # two tokens with one hash
                order = np.lexsort((records["check"], records["hash"]))
                begins = _begins(records["hash"][order]) | _begins(records["check"][order])
            first = records["position"][order][begins]
            first_of[records["position"][order]] = first[np.cumsum(begins) - 1]
            places.append(first)
        return np.sort(np.concatenate(places))

    def _tokens(self, places: NDArray[np.int64]) -> list[str]:
        """Return the items' tokens: those that were written where an item stands first in the whole log."""
        seen = np.memmap(self.folder / "seen", dtype="i8", mode="r")
        found: list[str] = []
        with (self.folder / "tokens").open("rb") as lines:
            for part in stretches(len(seen), self.rows_at_once):
                wanted = places[slice(*np.searchsorted(places, (seen[part][0], seen[part][-1] + 1)))]
                chosen = np.isin(seen[part], wanted, assume_unique=True)
                found += [line[:-1].decode() for is_first, line in zip(chosen.tolist(), lines) if is_first]
        return found

    def _group(self, total: int, users: NDArray[np.int64], items: NDArray[np.int64]) -> Buckets:
        """Return interactions in buckets of neighbouring users, by number, with their times."""
        fields = [("user", "i8"), ("item", "i4"), ("whole", "i8"), ("rest", "f8")]
        grouped = Buckets(self.folder / "grouped", self.n_buckets, fields)
        first_of = [np.memmap(self.folder / f"{name}.first", dtype="i8", mode="r") for name in ("users", "items")]
        times = np.memmap(self.folder / "times", dtype=_TIME, mode="r")
        for part in stretches(total, self.rows_at_once):
            user, item = (np.searchsorted(places, one[part]) for places, one in zip((users, items), first_of))
            bucket = user * self.n_buckets // len(users)
            grouped.add(bucket, user, item, times["whole"][part], times["rest"][part])
        for name in ("users.first", "items.first", *_AS_READ):
            (self.folder / name).unlink()
        return grouped

    def _hold_out(self, grouped: Buckets, n_users: int, n_items: int) -> int:
        """Write the interactions that count, ordered by user and item, and return how many there are."""
        total = 0
        with (self.folder / "kept").open("wb") as kept:
            for number, records in enumerate(grouped.take()):
                order = np.lexsort((records["rest"], records["whole"], records["user"]))  # stable: ties by position
                user, item = records["user"][order], records["item"][order].astype(np.int64)
                user -= -(-number * n_users // self.n_buckets)  # the first user of the bucket
                training = for_training(user, self.held_out)
                user, item = user[training], item[training]
                latest = latest_of_users(user, item, n_items, self.limits.max_user_items)
                user, item = user[latest], item[latest]
                order = np.lexsort((item, user))
                some = np.empty(len(order), dtype=_KEPT)
                some["size"], some["item"] = np.bincount(user)[user[order]], item[order]
                some["begins"] = _begins(user[order])
                kept.write(some.tobytes())
                total += len(some)
        return total

    def _baskets(self, total: int, n_items: int) -> Baskets:
        """Return the baskets without what is over the limit of an item."""
        kept = np.memmap(self.folder / "kept", dtype=_KEPT, mode="r") if total else np.empty(0, dtype=_KEPT)
        stays = array_on_disk(self.folder / "stays", total, "?")
        stays[:] = True
        if self.limits.max_item_users is not None:
            self._limit_items(kept, stays, n_items, self.limits.max_item_users)
        sizes, n_items_kept = [], 0
        with (self.folder / "items").open("wb") as items:
            number = -1
            for part in stretches(total, self.rows_at_once):
                user = number + np.cumsum(kept["begins"][part])
                chosen = stays[part]
                items.write(kept["item"][part][chosen].astype(np.int32).tobytes())
                sizes.append((user[0], np.bincount(user[chosen] - user[0], minlength=user[-1] - user[0] + 1)))
                number, n_items_kept = int(user[-1]), n_items_kept + int(chosen.sum())
        of_users = np.zeros(number + 1, dtype=np.int64)
        for first, counts in sizes:
            of_users[first : first + len(counts)] += counts
        starts = np.r_[0, np.cumsum(of_users[of_users > 0])]
        there = n_items_kept > 0
        path = self.folder / "items"
        return Baskets(0, starts, np.memmap(path, dtype="i4", mode="r") if there else np.empty(0, dtype=np.int32))

    def _limit_items(self, kept: NDArray[Any], stays: NDArray[np.bool_], n_items: int, limit: int) -> None:
        """Take out of ``stays`` what items have beyond the ``limit`` users of fewest items."""
        counts = self._counts(kept["item"], n_items)
        crowded = Buckets(self.folder / "crowded", self.n_buckets, [("item", "i4"), ("size", "i4"), ("place", "i8")])
        for part in stretches(len(kept), self.rows_at_once):
            item, size = kept["item"][part], kept["size"][part]
            over = np.flatnonzero(counts[item] > limit)
            crowded.add(item[over] % self.n_buckets, item[over], size[over], over + part.start)
        for records in crowded.take():
            group = np.unique(records["item"], return_inverse=True)[1].reshape(-1)
            stays[records["place"][~first_of_groups(group, records["size"], limit)]] = False

    def _counts(self, items: NDArray[np.int32], n_items: int) -> NDArray[np.int64]:
        """Return how often each item [N] stands in an array in a file."""
        counts = np.zeros(n_items, dtype=np.int64)
        for part in stretches(len(items), self.rows_at_once):
            distinct, times = np.unique(items[part], return_counts=True)
            counts[distinct] += times
        return counts


_AS_READ = ("times", "seen", "tokens")
_TIME = np.dtype([("whole", "i8"), ("rest", "f8")])
_KEPT = np.dtype([("item", "i4"), ("size", "i4"), ("begins", "?")])


def for_training(users: NDArray[np.int64], held_out: int) -> NDArray[np.bool_]:
    """Mark what the main job trains on: a user's rows, in the order of time, but for the last ``held_out``.

    As there, a user keeps two interactions at least.
    """
    ends = np.flatnonzero(np.diff(users, append=-1))
    sizes = np.diff(ends, prepend=-1)
    to_last = np.repeat(ends, sizes) - np.arange(len(users))
    return to_last >= np.repeat(np.clip(sizes - 2, 0, held_out), sizes)


def _exact(times: NDArray[Any]) -> NDArray[Any]:
    """Return times as whole numbers and what is left of them: whole numbers and floats side by side, none rounded."""
    exact = np.zeros(len(times), dtype=_TIME)
    if times.dtype.kind == "f":
        exact["whole"] = np.floor(times).clip(-(2.0**62), 2.0**62)
        exact["rest"] = times - exact["whole"]
    else:
        exact["whole"] = times
    return exact


def _begins(values: NDArray) -> NDArray[np.bool_]:
    """Mark where a value differs from the one before it."""
    return np.r_[True, values[1:] != values[:-1]][: len(values)]


def _on_one_line(token: str) -> str:
    if "\n" in token or "\r" in token:
        raise ValueError(f"the item {token!r} is of several lines: name items in one line.")
    return token
