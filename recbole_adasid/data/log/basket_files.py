"""Baskets of any number of users, in files, for Swing.

Letters: I interactions, R some of them, U users, N items.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.data.baskets import Baskets, Limits, add_counts, first_of_groups, latest_of_users
from recbole_adasid.data.log.numbered_log import begins_of_runs
from recbole_adasid.data.ordering import lexsort
from recbole_adasid.io.buckets import Buckets, array_on_disk, stretches

Block = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Users and item rows, [R] each, of all interactions of consecutive users, oldest first per user."""


class BasketFiles:
    """Builds the same baskets as :func:`~recbole_adasid.data.baskets.baskets_of`, block by block.

    Args:
        folder: for the baskets and temporary files; exists and is empty.
        limits: of users and items.
        rows_at_once: interactions held in memory.
        n_buckets: files that those of crowded items are sorted into, each of which must fit in memory.
    """

    def __init__(self, folder: Path, limits: Limits, *, rows_at_once: int, n_buckets: int) -> None:
        self.folder, self.limits = folder, limits
        self.rows_at_once, self.n_buckets = rows_at_once, n_buckets

    def baskets(self, blocks: Iterable[Block], n_items: int) -> Baskets:
        """Return the baskets of all users, in files that must be kept."""
        total = self._keep(blocks, n_items)
        kept = np.memmap(self.folder / "kept", dtype=_KEPT, mode="r") if total else np.empty(0, dtype=_KEPT)
        stays = array_on_disk(self.folder / "stays", total, "?")
        stays[:] = True
        if self.limits.max_item_users is not None:
            self._limit_items(kept, stays, n_items, self.limits.max_item_users)
        baskets = self._without(kept, stays)
        for name in ("kept", "stays"):
            (self.folder / name).unlink(missing_ok=True)
        return baskets

    def _keep(self, blocks: Iterable[Block], n_items: int) -> int:
        """Write the interactions to keep, sorted by user and item, and return their number."""
        total = 0
        with (self.folder / "kept").open("wb") as kept:
            for user, item in blocks:
                user = user - user[:1]
                latest = latest_of_users(user, item, n_items, self.limits.max_user_items)
                user, item = user[latest], item[latest]
                order = lexsort((item, user))
                some = np.empty(len(order), dtype=_KEPT)
                some["size"], some["item"] = np.bincount(user)[user[order]], item[order]
                some["begins"] = begins_of_runs(user[order])
                kept.write(some.tobytes())
                total += len(some)
        return total

    def _without(self, kept: NDArray[Any], stays: NDArray[np.bool_]) -> Baskets:
        """Return the baskets with only the interactions that stay."""
        sizes, total, number = [], 0, -1
        path = self.folder / "baskets"
        with path.open("wb") as items:
            for part in stretches(len(kept), self.rows_at_once):
                user = number + np.cumsum(kept["begins"][part])
                chosen = stays[part]
                items.write(kept["item"][part][chosen].astype(np.int32).tobytes())
                sizes.append((user[0], np.bincount(user[chosen] - user[0], minlength=user[-1] - user[0] + 1)))
                number, total = int(user[-1]), total + int(chosen.sum())
        of_users = np.zeros(number + 1, dtype=np.int64)
        for first, counts in sizes:
            of_users[first : first + len(counts)] += counts
        starts = np.r_[0, np.cumsum(of_users[of_users > 0])]
        return Baskets(0, starts, np.memmap(path, dtype="i4", mode="r") if total else np.empty(0, dtype=np.int32))

    def _limit_items(self, kept: NDArray[Any], stays: NDArray[np.bool_], n_items: int, limit: int) -> None:
        """Clear ``stays`` for items' users beyond the ``limit`` users with the fewest items."""
        counts = np.zeros(n_items, dtype=np.int64)
        for part in stretches(len(kept), self.rows_at_once):
            add_counts(counts, kept["item"][part])
        crowded = Buckets(self.folder / "crowded", self.n_buckets, [("item", "i4"), ("size", "i4"), ("place", "i8")])
        for part in stretches(len(kept), self.rows_at_once):
            item, size = kept["item"][part], kept["size"][part]
            over = np.flatnonzero(counts[item] > limit)
            crowded.add(item[over] % self.n_buckets, item[over], size[over], over + part.start)
        for records in crowded.take():
            group = np.unique(records["item"], return_inverse=True)[1].reshape(-1)
            stays[records["place"][~first_of_groups(group, records["size"], limit)]] = False


_KEPT = np.dtype([("item", "i4"), ("size", "i4"), ("begins", "?")])
