"""Swing in pieces, in whatever order and on whatever workers, gives what one process gives, to the bit."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from recbole_adasid.data.baskets import Baskets, user_blocks
from recbole_adasid.distributed.ray_cluster import Cluster, ClusterSettings, WorkerFailed
from recbole_adasid.pairs import swing, swing_on_ray
from recbole_adasid.pairs.item_pairs import ItemPairs
from recbole_adasid.pairs.swing import Weighing, swing_pairs
from recbole_adasid.pairs.swing_on_ray import RayEngine, Sums, best_of_range, sums_of_piece

N_ITEMS = 40


def random_log(seed: int, users: int = 60, interactions: int = 500) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.integers(users, size=interactions), (N_ITEMS * rng.random(interactions) ** 2).astype(np.int64)


def assert_same(found: ItemPairs, expected: ItemPairs) -> None:
    for name, values in vars(expected).items():
        assert np.array_equal(getattr(found, name), values) and getattr(found, name).dtype == values.dtype


class InPieces:
    """An engine that does in this process, one by one and in a random order, what workers do."""

    def __init__(self, seed: int, block_items: int, n_cuts: int, limit: int) -> None:
        self.random = np.random.default_rng(seed)
        self.block_items, self.n_cuts, self.limit, self.pieces = block_items, n_cuts, limit, 0

    def mine(self, weighing: Weighing, baskets: Baskets, n_items: int, top_k: int | None) -> ItemPairs:
        blocks = [baskets.part(part) for part in user_blocks(baskets.starts, self.block_items)]
        todo = [(one, other, 0) for one in range(len(blocks)) for other in range(one, len(blocks))]
        cuts = np.r_[0, np.sort(self.random.integers(0, n_items + 1, self.n_cuts)), n_items]
        sums: list[list[Sums]] = []
        while todo:
            one, other, portion = todo.pop(int(self.random.integers(len(todo))))
            about, *parts = sums_of_piece(weighing, blocks[one], blocks[other], n_items, portion, cuts, self.limit)
            sums.insert(int(self.random.integers(len(sums) + 1)), parts)
            todo += [] if about[0] is None else [(one, other, about[0])]
            self.pieces += 1
        found = [
            best_of_range(weighing, n_items, top_k, low, high, *(parts[block] for parts in sums))
            for block, (low, high) in enumerate(zip(cuts[:-1], cuts[1:]))
        ]
        return ItemPairs(*(np.concatenate(columns) for columns in zip(*(vars(part).values() for part in found))))


@pytest.mark.parametrize("block_items", [40, 100, 10_000])
@pytest.mark.parametrize("limit", [1, 10**9])
@pytest.mark.parametrize("top_k", [3, None])
def test_any_partition_of_users_and_items_gives_the_same_bits(
    block_items: int, limit: int, top_k: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    users, items = random_log(1)
    whole = swing_pairs(users, items, N_ITEMS, top_k=top_k)
    monkeypatch.setattr(swing, "_TILE_USERS", 7)
    monkeypatch.setattr(swing, "_MEETINGS", 1)
    engine = InPieces(2, block_items, 3, limit)
    assert_same(swing_pairs(users, items, N_ITEMS, top_k=top_k, engine=engine), whole)
    assert engine.pieces > (1 if limit == 1 or block_items < 10_000 else 0)


def test_a_catalogue_larger_than_the_blocks_is_numbered_anew_within_them(monkeypatch: pytest.MonkeyPatch) -> None:
    users, items = random_log(3)
    whole = swing_pairs(users, items, N_ITEMS)
    far = items * 1_000_003
    found = swing_pairs(users, far, N_ITEMS * 1_000_003, engine=InPieces(4, 30, 2, 10**9))
    assert_same(ItemPairs(found.trigger // 1_000_003, found.target // 1_000_003, found.weight), whole)


def test_sums_do_not_depend_on_their_order_where_those_of_floats_would() -> None:
    weighing = Weighing.of(1.0, 0.5, np.array([2, 3, 7]), 1000)
    terms = weighing.terms(np.array([2, 3, 7]), np.array([3, 7, 7]), np.array([2, 2, 5]))
    floats = weighing.by_size[[2, 3, 7]] * weighing.by_size[[3, 7, 7]] / np.array([3.0, 3.0, 6.0])
    assert (floats[0] + floats[1]) + floats[2] != floats[0] + (floats[1] + floats[2])
    assert weighing.weights(terms) == pytest.approx(floats, rel=1e-12)
    assert (terms[0] + terms[1]) + terms[2] == terms[0] + (terms[1] + terms[2])


@pytest.mark.parametrize("power", [0.0, 0.5, 10.0])
@pytest.mark.parametrize("most_users", [0, 2, 1000, 10**9])
def test_the_largest_sum_that_there_can_be_fits_and_the_smallest_term_counts(power: float, most_users: int) -> None:
    weighing = Weighing.of(0.01, power, np.array([2, 1000]), most_users)
    heaviest, lightest = weighing.terms(np.array([2, 1000]), np.array([2, 1000]), np.array([2, 1000])).tolist()
    assert heaviest * most_users * (most_users - 1) // 2 < 2**63 and lightest >= 1
    if most_users == 1000 and power == 0.5:  # the defaults: no less exact than the float32 that weights end in
        assert lightest > 2**24


def test_users_are_cut_into_blocks_of_bounded_size_and_none_is_cut() -> None:
    baskets = Baskets(0, np.array([0, 2, 9, 10, 12, 12, 15]), np.zeros(15, dtype=np.int32))
    blocks = list(user_blocks(baskets.starts, 4))
    assert [(part.start, part.stop) for part in blocks] == [(0, 1), (1, 2), (2, 5), (5, 6)]
    assert [baskets.part(part).starts.tolist() for part in blocks] == [[0, 2], [0, 7], [0, 1, 3, 3], [0, 3]]


def test_items_are_cut_where_their_users_other_items_are_evenly_shared() -> None:
    baskets = Baskets(0, np.array([0, 3, 5]), np.array([0, 1, 4, 1, 2], dtype=np.int32))
    reach = swing_on_ray.item_reach(baskets, 6)
    assert reach.tolist() == [2, 3, 1, 0, 2, 0]
    assert swing_on_ray.even_cuts(reach, 2).tolist() == [0, 1, 6]
    assert swing_on_ray.even_cuts(reach[5:], 3).tolist() == [0, 0, 0, 1]


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut the work as if a worker had next to no memory."""
    monkeypatch.setattr(swing_on_ray, "BYTES_OF_AN_ITEM_OF_A_USER", 2**28 // 100)
    monkeypatch.setattr(swing_on_ray, "BYTES_OF_A_SUM", 2**28 // 50)


@pytest.mark.parametrize("top_k", [2, None])
def test_two_workers_find_what_one_process_finds(two_workers: Cluster, small_blocks: None, top_k: int | None) -> None:
    users, items = random_log(5)
    engine = RayEngine(two_workers.settings)
    assert_same(
        swing_pairs(users, items, N_ITEMS, top_k=top_k, engine=engine), swing_pairs(users, items, N_ITEMS, top_k=top_k)
    )


@pytest.mark.slow
def test_workers_go_on_with_what_one_task_has_no_memory_for(
    two_workers: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(swing_on_ray, "_TASKS_OF_A_WORKER", 0)  # one block of users
    monkeypatch.setattr(swing_on_ray, "BYTES_OF_A_SUM", 2**28)
    random = np.random.default_rng(7)
    users, items = np.repeat(np.arange(80_000), 3), random.integers(1_000, size=240_000)  # six tiles, a portion each
    pieces = []
    each = Cluster.each

    def noting(self, start, jobs):
        for outcome in each(self, start, jobs):
            pieces.append(outcome.job)
            yield outcome

    monkeypatch.setattr(Cluster, "each", noting)
    found = swing_pairs(users, items, 1_000, engine=RayEngine(two_workers.settings))
    users_done = [piece for piece in pieces if isinstance(piece, swing_on_ray.Piece)]
    assert users_done == [(0, 0, number) for number in range(6)]
    assert_same(found, swing_pairs(users, items, 1_000))


@pytest.mark.parametrize(("users", "items"), [([], []), ([1, 2, 3], [0, 1, 2])])
def test_two_workers_find_nothing_where_there_is_nothing(two_workers: Cluster, users: list, items: list) -> None:
    assert len(swing_pairs(users, items, 3, engine=RayEngine(two_workers.settings))) == 0


def worker_of(name: str) -> Iterator[int]:
    """Yield the processes of this machine's workers that are at a task of that name."""
    import psutil

    for process in psutil.Process().children(recursive=True):
        try:
            if " ".join(process.cmdline()).startswith(f"ray::{name}"):
                yield process.pid
        except psutil.Error:
            continue


def test_a_worker_that_is_killed_in_the_middle_changes_nothing(
    two_workers: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(6)
    users, items = np.repeat(np.arange(20_000), 10), random.integers(2_000, size=200_000)
    killed: list[int] = []

    def kill_one() -> None:
        end = time.monotonic() + 30
        while not killed and time.monotonic() < end:
            for pid in worker_of("sums_of_piece"):
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)
                break
            time.sleep(0.02)

    killer = threading.Thread(target=kill_one)
    killer.start()
    found = swing_pairs(users, items, 2_000, engine=RayEngine(two_workers.settings))
    killer.join()
    assert killed
    assert_same(found, swing_pairs(users, items, 2_000))


def test_a_worker_larger_than_every_node_is_refused(two_workers: Cluster) -> None:
    engine = RayEngine(ClusterSettings(worker_memory=4096.0))
    with pytest.raises(WorkerFailed, match="no node of the cluster has 4096 GiB .* lower ray_worker_memory"):
        swing_pairs([1, 1, 2, 2], [0, 1, 0, 1], 2, engine=engine)
