"""A log of any size, filtered and sorted for the main job, in files that later runs reopen.

Letters: I interactions, U users, N items, V users with two or more interactions, R interactions of a part.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recbole_adasid.data.baskets import user_blocks
from recbole_adasid.data.log.log_filters import Fits, mark_core, users_of
from recbole_adasid.data.log.numbered_log import LogNumbering, NumberedLog, begins_of_runs
from recbole_adasid.data.log.token_file import TokenFile, write_tokens
from recbole_adasid.io.buckets import array_on_disk, mapped, stretches


@dataclass(frozen=True)
class SortedLog:
    """Interactions by user, oldest first; users and items are in order of their first interaction."""

    folder: Path
    """Folder of its files."""
    items: NDArray[np.int32]
    """Items [I], numbered from 1, memory-mapped."""
    starts: NDArray[np.int64]
    """[U + 1], where each user's interactions begin, plus the end of the last; memory-mapped."""
    order: NDArray[np.int64]
    """Users [V], from 0, with a second interaction, in order of its time, ties by number."""
    user_names: TokenFile
    """Tokens of the U users."""
    item_names: TokenFile
    """Tokens of the N items."""
    read: int
    """Interactions of the log before filtering."""

    @classmethod
    def open(cls, folder: Path) -> SortedLog:
        """Open what :class:`LogSorting` wrote into a folder.

        Raises:
            ValueError: if a file has the wrong size.
        """
        about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
        for name, size in about["sizes"].items():
            if (folder / name).stat().st_size != size:
                raise ValueError(f"{name} does not have its original {size} bytes")
        return cls(
            folder=folder,
            items=mapped(folder / "interactions", "i4"),
            starts=mapped(folder / "starts", "i8"),
            order=mapped(folder / "order", "i8"),
            user_names=TokenFile(folder / "users"),
            item_names=TokenFile(folder / "items"),
            read=about["read"],
        )

    @property
    def n_users(self) -> int:
        """Return U."""
        return len(self.starts) - 1

    @property
    def n_items(self) -> int:
        """Return N."""
        return len(self.item_names)

    @cached_property
    def item_tokens(self) -> list[str]:
        """Return the tokens of the N items, in memory."""
        return [token for part in self.item_names.parts() for token in part]


class LogSorting(LogNumbering):
    """Turns a log's files into a :class:`SortedLog`.

    Args:
        folder: for temporary files; exists and is empty.
        fits: accepted numbers of interactions of ``users`` and ``items``; a missing one keeps all.
        repeated: keep the ``first`` or ``last`` of a user's interactions with an item; None: all.
        memory: GiB available in addition to the data on users and items.
        progress: show a bar while reading files.
    """

    def __init__(
        self,
        folder: Path,
        *,
        fits: Mapping[str, Fits] | None = None,
        repeated: str | None = None,
        memory: float = 1.0,
        progress: bool = False,
    ) -> None:
        super().__init__(folder, memory=memory, progress=progress, named=("users", "items"))
        self.fits, self.repeated = dict(fits or {}), repeated

    def sort(self, where: str | Path, columns: Mapping[str, str], out: Path, key: str = "columns") -> bool:
        """Write the log ``where`` into the existing folder ``out``; return False if filters leave no interaction.

        Raises:
            ValueError: if the log has no interaction, or an unusable row.
            CannotWrite: if the disk has no room.
        """
        log = self.number(where, columns, key)
        flat = self._flatten(log)
        keep = self._filter(flat, len(log.items))
        numbers = self._renumber(flat, keep, log)
        if not len(numbers.users):
            return False
        self._write_interactions(flat, keep, numbers, out)
        self._write_names(log, numbers, out)
        about = {"read": log.interactions, "sizes": {path.name: path.stat().st_size for path in out.iterdir()}}
        (out / "about.json").write_text(json.dumps(about), encoding="utf-8")
        return True

    def _flatten(self, log: NumberedLog) -> _Flat:
        """Write interactions grouped by user, dropping repeats if requested."""
        sizes = np.zeros(len(log.users), dtype=np.int64)
        with ExitStack() as stack:
            files = [stack.enter_context((self.folder / name).open("wb")) for name in _FLAT]
            for user, *columns in log.ordered("user", *_FLAT):
                if self.repeated:
                    once = _once(user, columns[0], self.repeated)
                    user, *columns = (column[once] for column in (user, *columns))
                for file, column in zip(files, columns):
                    file.write(column.tobytes())
                if len(user):
                    sizes[user[0] : user[-1] + 1] += np.bincount(user - user[0])
        flat = (mapped(self.folder / name, kind) for name, kind in _FLAT.items())
        return _Flat(np.r_[0, np.cumsum(sizes)], *flat)

    def _filter(self, flat: _Flat, n_items: int) -> NDArray[np.bool_]:
        """Return which interactions stay [I]."""
        keep = array_on_disk(self.folder / "keep", len(flat.item), "?")
        keep[:] = True
        mark_core(flat.item, flat.starts, n_items, keep, self.fits, self.rows_at_once)
        return keep

    def _renumber(self, flat: _Flat, keep: NDArray[np.bool_], log: NumberedLog) -> _Numbers:
        """Return the remaining users and items in order of their first remaining interaction."""
        if len(flat.item) == log.interactions and bool(keep.all()):
            return _Numbers(*(np.arange(len(places), dtype=np.int64) for places in (log.users, log.items)))
        first_of_user, first_of_item = (np.full(len(places), _NEVER) for places in (log.users, log.items))
        for part in stretches(len(flat.item), self.rows_at_once):
            kept, position = keep[part], flat.position[part][keep[part]]
            np.minimum.at(first_of_user, users_of(flat.starts, part)[kept], position)
            np.minimum.at(first_of_item, flat.item[part][kept], position)
        return _Numbers(*(_in_order(firsts) for firsts in (first_of_user, first_of_item)))

    def _write_interactions(self, flat: _Flat, keep: NDArray[np.bool_], numbers: _Numbers, out: Path) -> None:
        item_ids = np.zeros(int(numbers.items.max()) + 1, dtype=np.int32)
        item_ids[numbers.items] = np.arange(1, len(numbers.items) + 1)
        sizes = np.zeros(len(numbers.users), dtype=np.int64)
        seconds = []
        with (out / "interactions").open("wb") as items:
            for block in user_blocks(np.r_[0, np.cumsum(np.diff(flat.starts)[numbers.users])], self.rows_at_once):
                rows, user = _rows_of(flat.starts, numbers.users[block])
                kept = keep[rows]
                rows, user = rows[kept], user[kept]
                items.write(item_ids[flat.item[rows]].tobytes())
                sizes[block] = np.bincount(user, minlength=block.stop - block.start)
                begins = np.flatnonzero(begins_of_runs(user))
                second = begins[sizes[block][user[begins]] > 1] + 1
                seconds.append((user[second] + block.start, flat.whole[rows[second]], flat.rest[rows[second]]))
        np.r_[0, np.cumsum(sizes)].tofile(out / "starts")
        users, whole, rest = (np.concatenate(column) for column in zip(*seconds))
        users[np.lexsort((rest, whole))].tofile(out / "order")

    def _write_names(self, log: NumberedLog, numbers: _Numbers, out: Path) -> None:
        for name in ("users", "items"):
            chosen, places = getattr(numbers, name), getattr(log, name)
            if np.array_equal(chosen, np.arange(len(places))):
                write_tokens(out / name, self.tokens(name, places))
                continue
            write_tokens(self.folder / f"every-{name}", self.tokens(name, places))
            every = TokenFile(self.folder / f"every-{name}")
            parts = stretches(len(chosen), self.rows_at_once)
            write_tokens(out / name, (every.of(chosen[part]).tolist() for part in parts))


class _Flat(NamedTuple):
    """Interactions [I] grouped by user, in files."""

    starts: NDArray[np.int64]
    item: NDArray[np.int32]
    position: NDArray[np.int64]
    whole: NDArray[np.int64]
    rest: NDArray[np.float64]


class _Numbers(NamedTuple):
    """The remaining users and items of the whole log, in their new order."""

    users: NDArray[np.int64]
    items: NDArray[np.int64]


_FLAT = {"item": "i4", "position": "i8", "whole": "i8", "rest": "f8"}
_NEVER = np.iinfo(np.int64).max


def _once(user: NDArray[np.int64], item: NDArray[np.int32], repeated: str) -> NDArray[np.intp]:
    """Return the first or last of a user's interactions with each item, in order."""
    both = pd.Series(user * (int(item.max(initial=0)) + 1) + item)
    return np.flatnonzero(~both.duplicated(keep=repeated).to_numpy())


def _in_order(firsts: NDArray[np.int64]) -> NDArray[np.int64]:
    order = np.argsort(firsts)
    return order[: int((firsts < _NEVER).sum())]


def _rows_of(starts: NDArray[np.int64], users: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows of some users' interactions, and each row's user as an index into ``users``."""
    sizes = starts[users + 1] - starts[users]
    owner = np.repeat(np.arange(len(users)), sizes)
    return np.arange(len(owner)) + np.repeat(starts[users] - (np.cumsum(sizes) - sizes), sizes), owner
