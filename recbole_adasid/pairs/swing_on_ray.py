"""Swing on Ray: blocks of users against each other, then summed by blocks of items.

Each task adds up the pairs of two blocks of users (:class:`~recbole_adasid.pairs.swing.BasketPair`) and splits the
sums by trigger; then one task per block of triggers adds up all its parts and keeps the best targets. Sums are
integers, so neither the blocks nor the order in which tasks finish affect the result.

Letters: N items, E entries of a sparse matrix, B blocks of items.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from tqdm import tqdm

from recbole_adasid.data.baskets import Baskets, user_blocks
from recbole_adasid.distributed.ray_cluster import Cluster, ClusterSettings, Outcome, WorkerFailed, cluster
from recbole_adasid.pairs.item_pairs import ItemPairs, RunningSum, sorted_pairs
from recbole_adasid.pairs.swing import BasketPair, Weighing

# Worker memory in bytes per unit, including the temporary copies of the products.
BYTES_OF_AN_ITEM_OF_A_USER = 100
BYTES_OF_A_SUM = 100
ITEM_BLOCKS = 256  # maximum: each task returns this many results
# Minimum tasks per worker, so that none is idle for long at the end.
_TASKS_OF_A_WORKER = 8


class Sums(NamedTuple):
    """Sums of directed pairs of items, ordered by trigger: three arrays [E]."""

    trigger: NDArray[np.int32]
    target: NDArray[np.int32]
    value: NDArray[np.int64]

    def between(self, low: int, high: int) -> Sums:
        """Return the sums of triggers ``low`` to ``high``, exclusive."""
        inside = slice(*np.searchsorted(self.trigger, (low, high)))
        return Sums(self.trigger[inside], self.target[inside], self.value[inside])


_NO_SUMS = Sums(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.int64))


class Piece(NamedTuple):
    """Two blocks of users by number, and their first unfinished portion."""

    ours: int
    theirs: int
    portion: int = 0


class RayEngine:
    """Swing on a Ray cluster; see :data:`recbole_adasid.pairs.swing.Engine`.

    Args:
        settings: cluster settings.
        progress: show bars.
    """

    def __init__(self, settings: ClusterSettings, progress: bool = False) -> None:
        self.settings, self.progress = settings, progress

    def mine(self, weighing: Weighing, baskets: Baskets, n_items: int, top_k: int | None) -> ItemPairs:
        """Return the pairs of all users."""
        found = list(self.parts(weighing, baskets, n_items, top_k))
        return ItemPairs(*(np.concatenate(columns) for columns in zip(*(vars(part).values() for part in found))))

    def parts(self, weighing: Weighing, baskets: Baskets, n_items: int, top_k: int | None) -> Iterator[ItemPairs]:
        """Yield the pairs, one range of triggers at a time.

        Raises:
            WorkerFailed: if a piece of work failed on every worker that tried it.
        """
        limit = max(1, self.settings.worker_bytes // BYTES_OF_A_SUM)
        reach = item_reach(baskets, n_items)
        with cluster(self.settings) as workers:
            n_blocks = max(1 + int(reach.sum()) // limit, 2 * workers.slots)
            cuts = even_cuts(reach, min(ITEM_BLOCKS, n_blocks))
            sums, sizes = self._sums(workers, weighing, baskets, n_items, cuts, limit)
            ranges = list(_ranges(reach, cuts, sizes, limit))
            gather = workers.task(best_of_range)
            shared = workers.share(weighing)
            found: dict[int, ItemPairs] = {}
            jobs = range(len(ranges))

            def start(number: int) -> Any:
                block, low, high = ranges[number]
                return gather(shared, n_items, top_k, low, high, *(results[block] for results in sums))

            bar = tqdm(total=len(ranges), desc="Swing, best targets", unit="block", disable=not self.progress)
            due = 0
            for outcome in workers.each(start, jobs):
                found[outcome.job] = _checked(outcome, f"the item rows {ranges[outcome.job][1:]}")
                bar.update()
                while due in found:
                    yield found.pop(due)
                    due += 1
            bar.close()

    def _sums(
        self, workers: Cluster, weighing: Weighing, baskets: Baskets, n_items: int, cuts: NDArray[np.int64], limit: int
    ) -> tuple[list[list[Any]], NDArray[np.int64]]:
        """Return references to the sums of every pair of blocks, a list of B each, and their total sizes [B]."""
        n_blocks = max(
            -(-len(baskets.items) * BYTES_OF_AN_ITEM_OF_A_USER // self.settings.worker_bytes),
            math.isqrt(2 * _TASKS_OF_A_WORKER * workers.slots),  # pairs of blocks are half its square
        )
        users = user_blocks(baskets.starts, max(1, -(-len(baskets.items) // n_blocks)))
        blocks = [workers.share(baskets.part(part)) for part in users]
        jobs = [Piece(one, other) for one in range(len(blocks)) for other in range(one, len(blocks))]
        add_up = workers.task(sums_of_piece, n_results=len(cuts))
        shared = workers.share(weighing)
        found: dict[Piece, list[Any]] = {}

        def start(piece: Piece) -> Any:
            about, *found[piece] = add_up(
                shared, blocks[piece.ours], blocks[piece.theirs], n_items, piece.portion, cuts, limit
            )
            return about

        sizes = np.zeros(len(cuts) - 1, dtype=np.int64)
        with tqdm(total=len(jobs), desc="Swing", unit="piece", disable=not self.progress) as bar:
            for outcome in workers.each(start, jobs):
                piece = outcome.job
                done, sizes_here = _checked(outcome, f"the users of the blocks {piece.ours} and {piece.theirs}")
                sizes += sizes_here
                if done is not None:  # its sums filled the worker's memory
                    jobs.append(piece._replace(portion=done))
                    bar.total += 1
                bar.update()
        return list(found.values()), sizes


def sums_of_piece(
    weighing: Weighing, ours: Baskets, theirs: Baskets, n_items: int, portion: int, cuts: NDArray[np.int64], limit: int
) -> list[Any]:
    """Add up the contributions of user pairs of two blocks, from a given portion, until there are about ``limit`` sums.

    Returns:
        First the next portion, None when finished, and the numbers of sums [B]; then B :class:`Sums`, one for each
        range of triggers between neighbouring ``cuts`` [B + 1].
    """
    same = ours.first_user == theirs.first_user
    pair = BasketPair(weighing, ours, ours if same else theirs, n_items)
    total, following = RunningSum([]), None
    for number in range(portion, len(pair)):
        for part in pair.sums(number):
            total.add(part)
        if 2 * sum(part.nnz for part in total.parts) >= limit and number + 1 < len(pair):
            following = number + 1
            break
    sums = directed(*pair.listed(total))
    parts = [sums.between(low, high) for low, high in zip(cuts[:-1].tolist(), cuts[1:].tolist())]
    return [(following, np.array([len(part.value) for part in parts])), *parts]


def best_of_range(weighing: Weighing, n_items: int, top_k: int | None, low: int, high: int, *parts: Sums) -> ItemPairs:
    """Return the best targets of the triggers ``low`` to ``high``, exclusive, from all sums of their block."""
    inside = [part.between(low, high) for part in (_NO_SUMS, *parts)]
    trigger, target, value = (np.concatenate(columns) for columns in zip(*inside))
    total = sparse.coo_matrix((value, (trigger - low, target)), shape=(high - low, n_items)).tocsr().tocoo()
    return sorted_pairs(total.row + low, total.col, weighing.weights(total.data), top_k)


def directed(first: NDArray[np.int64], second: NDArray[np.int64], value: NDArray[np.int64]) -> Sums:
    """Return undirected sums, each given once, in both directions."""
    trigger, target = np.concatenate([first, second]).astype(np.int32), np.concatenate([second, first])
    order = np.argsort(trigger, kind="stable")
    return Sums(trigger[order], target.astype(np.int32)[order], np.concatenate([value, value])[order])


def item_reach(baskets: Baskets, n_items: int) -> NDArray[np.int64]:
    """Return the maximum number of targets [N] of each item: the other items of its users, counted with repeats."""
    reach = np.zeros(n_items, dtype=np.int64)
    for part in user_blocks(baskets.starts, 1 << 22):
        some = baskets.part(part)
        sizes = np.diff(some.starts)
        reach += np.bincount(some.items, weights=np.repeat(sizes - 1, sizes), minlength=n_items).astype(np.int64)
    return reach


def even_cuts(amounts: NDArray[np.int64], n_blocks: int) -> NDArray[np.int64]:
    """Return the bounds [B + 1] of consecutive blocks of rows with about equal ``amounts`` [N]; B is ``n_blocks``."""
    upto = np.cumsum(amounts)
    inner = np.searchsorted(upto, upto[-1:].sum() * np.arange(1, n_blocks) / n_blocks)
    return np.r_[0, inner, len(amounts)].astype(np.int64)


def _ranges(
    reach: NDArray[np.int64], cuts: NDArray[np.int64], sizes: NDArray[np.int64], limit: int
) -> Iterator[tuple[int, int, int]]:
    """Yield the blocks of items with their bounds; a block with more than ``limit`` sums is split into ranges."""
    for block, (low, high) in enumerate(zip(cuts[:-1].tolist(), cuts[1:].tolist())):
        inner = low + even_cuts(reach[low:high], 1 + int(sizes[block]) // limit)
        yield from ((block, one, other) for one, other in zip(inner[:-1].tolist(), inner[1:].tolist()) if one < other)


def _checked(outcome: Outcome, what: str) -> Any:
    if outcome.error is not None:
        raise WorkerFailed(f"mining the pairs of {what} failed: {outcome.error}") from outcome.error
    return outcome.result
