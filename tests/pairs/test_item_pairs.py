"""What miners of item pairs share, against the definitions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from recbole_adasid.data.baskets import check_interactions
from recbole_adasid.data.ordering import rank_in_group
from recbole_adasid.pairs import item_pairs as pairs_module
from recbole_adasid.pairs.item_pairs import RunningSum, best_targets, blocks, sorted_pairs


@pytest.mark.parametrize("top_k", [1, 2, None])
def test_pairs_are_ordered_by_trigger_weight_and_target_and_cut_at_the_best(top_k: int | None) -> None:
    random = np.random.default_rng(0)
    trigger, target = np.divmod(random.permutation(60)[:40], 10)
    weight = random.integers(1, 4, size=40).astype(float)
    rows = sorted(zip(trigger.tolist(), (-weight).tolist(), target.tolist()))
    expected = [row for n, row in enumerate(rows) if top_k is None or sum(r[0] == row[0] for r in rows[:n]) < top_k]
    found = sorted_pairs(trigger.astype(np.int32), target.astype(np.int32), weight, top_k)
    assert list(zip(found.trigger.tolist(), (-found.weight).tolist(), found.target.tolist())) == expected
    assert (found.trigger.dtype, found.target.dtype, found.weight.dtype) == (np.int64, np.int64, np.float32)
    assert len(found) == len(expected)


def test_weights_that_are_equal_in_float32_are_tied() -> None:
    found = sorted_pairs(np.zeros(2), np.array([2, 1]), np.array([1.0 + 1e-12, 1.0]), 1)
    assert found.target.tolist() == [1]


def test_undirected_pairs_are_listed_both_ways() -> None:
    found = best_targets(np.array([0, 1]), np.array([1, 2]), np.array([3.0, 5.0]), None)
    rows = list(zip(found.trigger.tolist(), found.target.tolist(), found.weight.tolist()))
    assert rows == [(0, 1, 3.0), (1, 2, 5.0), (1, 0, 3.0), (2, 1, 5.0)]


def test_places_in_a_group_go_by_the_key_and_then_by_place() -> None:
    group, key = np.array([7, 3, 7, 7, 3]), np.array([2, 9, 1, 2, 9])
    ranks = rank_in_group(group, key)
    assert ranks.tolist() == [1, 0, 0, 2, 1] and ranks.dtype == np.int64
    assert rank_in_group(group[:0], key[:0]).tolist() == []


def test_blocks_hold_about_so_much_work_and_every_row_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs_module, "BLOCK_PRODUCTS", 10)
    work = np.array([4, 4, 4, 30, 1, 1, 0, 9, 5])
    cut = list(blocks(work))
    assert [row for part in cut for row in range(part.start, part.stop)] == list(range(len(work)))
    assert all(work[part].sum() <= 10 or part.stop - part.start == 1 or work[part][0] > 0 for part in cut)
    assert all(work[part][1:].sum() < 10 for part in cut) and 4 <= len(cut) <= 8
    assert list(blocks(np.array([1, 1]))) == [slice(0, 2)] and list(blocks(np.array([], dtype=np.int64))) == []


def test_a_running_sum_is_the_sum_and_keeps_few_parts() -> None:
    random = np.random.default_rng(0)
    parts = [
        sparse.random(8, 8, density=0.1 + 0.5 * (n % 3 == 0), random_state=random, format="csr") for n in range(40)
    ]
    total = RunningSum(parts[:1])
    for part in parts[1:]:
        total.add(part)
    assert total.value(8).toarray() == pytest.approx(sum(part.toarray() for part in parts))
    sizes = [part.nnz for part in total.parts]
    assert len(sizes) <= 7 and all(one > 2 * other for one, other in zip(sizes, sizes[1:]))


def test_a_sum_of_nothing_is_zeros_and_the_list_given_is_not_changed() -> None:
    assert RunningSum([]).value(3).toarray().tolist() == [[0.0] * 3] * 3
    given = [sparse.eye(2, format="csr")]
    RunningSum(given).add(sparse.eye(2, format="csr"))
    assert len(given) == 1


def test_interactions_are_checked_for_number_and_range() -> None:
    check_interactions([], [], 0)
    check_interactions([5, 5], [0, 2], 3)
    with pytest.raises(ValueError, match="There are 1 users for 2 items: pass one user per item."):
        check_interactions([1], [0, 1], 3)
    for items, told in (([0, 3], "from 0 to 3, outside 0 … 2: pass padding-free rows"), ([-1, 0], "from -1 to 0")):
        with pytest.raises(ValueError, match=told):
            check_interactions([1, 1], items, 3)


@pytest.mark.parametrize(("before", "joined"), [(1, True), (4, True), (5, False)])
def test_a_part_joins_what_is_at_most_twice_as_large(before: int, joined: bool) -> None:
    def of_size(size: int) -> sparse.csr_matrix:
        return sparse.csr_matrix((np.ones(size), (np.arange(size), np.arange(size))), shape=(9, 9))

    total = RunningSum([of_size(before)])
    total.add(of_size(2))
    assert len(total.parts) == (1 if joined else 2)


def test_sums_of_integers_are_exact_beyond_what_floats_hold() -> None:
    large = 2**53 + 1
    total = RunningSum([sparse.csr_matrix(np.array([[0, large], [0, 0]]))])
    total.parts.append(sparse.csr_matrix(np.array([[0, 2], [0, 1]])))
    found = total.value(2)
    assert found.dtype == np.int64 and found.toarray().tolist() == [[0, large + 2], [0, 1]]
