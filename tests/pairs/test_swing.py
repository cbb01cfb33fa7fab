from collections import defaultdict

import numpy as np
import pytest

from recbole_adasid.data.baskets import Limits, baskets_of
from recbole_adasid.pairs import item_pairs as pairs_module
from recbole_adasid.pairs import swing
from recbole_adasid.pairs.item_pairs import RunningSum
from recbole_adasid.pairs.mining_state import KeptMining
from recbole_adasid.pairs.swing import BasketPair, InProcess, Weighing, swing_pairs


def four_loops(users, items, n_items, alpha, power):
    """The definition, literally: for each item i, item j, user u and user v."""
    bought = defaultdict(set)
    for user, item in zip(users, items):
        bought[user].add(item)
    score = {}
    for i in range(n_items):
        for j in range(n_items):
            for u in sorted(bought):
                for v in sorted(bought):
                    if i != j and u < v and {i, j} <= bought[u] and {i, j} <= bought[v]:
                        weight = (len(bought[u]) * len(bought[v])) ** -power
                        term = weight / (alpha + len(bought[u] & bought[v]))
                        score[i, j] = score.get((i, j), 0.0) + term
    return score


def as_dict(pairs):
    return {(i, j): w for i, j, w in zip(pairs.trigger.tolist(), pairs.target.tolist(), pairs.weight.tolist())}


def random_interactions(seed):
    rng = np.random.default_rng(seed)
    return rng.integers(100, 112, size=70), rng.integers(0, 9, size=70)


@pytest.mark.parametrize(("alpha", "power"), [(1.0, 0.5), (0.5, 0.0), (3.0, 1.0)])
@pytest.mark.parametrize("block", [8_000_000, 5])
def test_scores_equal_four_nested_loops(monkeypatch, alpha, power, block):
    monkeypatch.setattr(pairs_module, "BLOCK_PRODUCTS", block)
    users, items = random_interactions(1)
    expected = four_loops(users.tolist(), items.tolist(), 9, alpha, power)
    pairs = swing_pairs(users, items, 9, alpha=alpha, user_weight_power=power, top_k=None)
    assert len(pairs) == len(expected) > 30
    assert as_dict(pairs) == pytest.approx(expected, rel=1e-6)


def test_one_pair_of_users_by_hand():
    pairs = swing_pairs([1, 1, 2, 2, 2], [0, 1, 0, 1, 2], 3, alpha=1.0)
    assert as_dict(pairs) == pytest.approx({(0, 1): 6**-0.5 / 3, (1, 0): 6**-0.5 / 3})


def test_repeated_interactions_count_once():
    users, items = random_interactions(2)
    twice = swing_pairs(np.tile(users, 2), np.tile(items, 2), 9)
    assert as_dict(twice) == as_dict(swing_pairs(users, items, 9))


def test_a_pair_counts_however_light_it_is_beside_others():
    light = np.repeat([3, 4], 60), np.tile(np.arange(2, 62), 2)
    users, items = np.r_[[1, 1, 2, 2], light[0]], np.r_[[0, 1, 0, 1], light[1]]
    found = swing_pairs(users, items, 62, user_weight_power=20.0, top_k=None)  # 60^-40 beside 2^-40: far below a bit
    assert len(found) == 2 + 60 * 59 and (found.weight > 0).all()


def test_the_smallest_term_is_one_and_terms_are_whole_numbers():
    weighing = Weighing(1.0, np.array([0.0, 1e-9, 1.0]), bits=10)
    terms = weighing.terms(np.array([1, 2]), np.array([1, 2]), np.array([2, 3]))
    assert terms.tolist() == [1, 256] and terms.dtype == np.int64
    assert weighing.weights(terms).tolist() == [2**-10, 0.25]


@pytest.mark.parametrize("n_items", [9, 400])
@pytest.mark.parametrize("products", [5, 10**9])
@pytest.mark.parametrize("cuts", [[0, 5, 12], [0, 1, 7, 12]])
def test_sets_of_users_against_each_other_add_up_to_all_of_them(monkeypatch, cuts, products, n_items):
    monkeypatch.setattr(swing, "_TILE_USERS", 3)
    monkeypatch.setattr(swing, "_MEETINGS", 1)
    monkeypatch.setattr(swing, "BLOCK_PRODUCTS", products)
    users, items = random_interactions(7)
    baskets = baskets_of(users, items * (n_items // 9), n_items, Limits())
    assert baskets.n_users == 12
    sets = [baskets.part(slice(start, stop)) for start, stop in zip(cuts[:-1], cuts[1:])]
    weighing = Weighing.of(1.0, 0.5, np.diff(baskets.starts), baskets.most_users(n_items))
    found = {}
    for row, ours in enumerate(sets):
        for theirs in sets[row:]:
            pair, total = BasketPair(weighing, ours, theirs, n_items), RunningSum([])
            for number in range(len(pair)):
                for part in pair.sums(number):
                    total.add(part)
            columns = pair.listed(total)
            assert {column.dtype for column in columns} == {np.dtype(np.int64)}
            for i, j, value in zip(*(column.tolist() for column in columns)):
                found[i, j] = found.get((i, j), 0) + value
    of_nine = four_loops(users.tolist(), items.tolist(), 9, 1.0, 0.5)
    expected = {(i * (n_items // 9), j * (n_items // 9)): weight for (i, j), weight in of_nine.items() if i < j}
    weights = {key: float(weighing.weights(np.array(value))) for key, value in found.items()}
    assert weights == pytest.approx(expected, rel=1e-6)
    assert len(weights) > 15


def test_top_k_keeps_the_heaviest_targets_and_breaks_ties_by_the_smaller_row():
    users, items = random_interactions(3)
    everything = as_dict(swing_pairs(users, items, 9, top_k=None))
    pairs = swing_pairs(users, items, 9, top_k=2)
    for trigger in range(9):
        ranked = sorted((-w, j) for (i, j), w in everything.items() if i == trigger)
        assert pairs.target[pairs.trigger == trigger].tolist() == [j for _, j in ranked[:2]]
    clique = swing_pairs([1, 1, 1, 1, 2, 2, 2, 2], [3, 2, 1, 0, 0, 1, 2, 3], 4, top_k=2)
    assert clique.target.tolist() == [1, 2, 0, 2, 0, 1, 0, 1]


def test_a_user_over_the_limit_keeps_the_last_items():
    limited = swing_pairs([1, 1, 1, 2, 2, 2], [0, 1, 2, 0, 1, 2], 3, max_user_items=2)
    assert set(as_dict(limited)) == {(1, 2), (2, 1)}


def test_an_item_over_the_limit_keeps_the_users_of_fewest_items():
    users, items = [1, 1, 1, 2, 2, 3, 3], [0, 1, 2, 0, 1, 0, 1]
    limited = swing_pairs(users, items, 3, max_item_users=2)
    assert as_dict(limited) == pytest.approx({(0, 1): 0.5 / 3, (1, 0): 0.5 / 3})


def test_rows_are_int64_and_weights_positive_float32():
    pairs = swing_pairs(*random_interactions(4), 9)
    assert (pairs.trigger.dtype, pairs.target.dtype, pairs.weight.dtype) == (np.int64, np.int64, np.float32)
    assert (pairs.weight > 0).all()


@pytest.mark.parametrize(("users", "items"), [([], []), ([1, 2, 3], [0, 1, 2]), ([1, 1], [0, 1])])
def test_without_two_agreeing_users_there_is_no_pair(users, items):
    assert len(swing_pairs(users, items, 3)) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"alpha": 0.0}, "alpha is 0.0"),
        ({"top_k": 0}, "top_k is 0"),
        ({"max_user_items": -1}, "max_user_items is -1"),
        ({"max_item_users": 0}, "max_item_users is 0"),
        ({"items": [1, 3]}, "outside 0 … 2"),
        ({"users": [1]}, "1 users for 2 items"),
    ],
)
def test_wrong_values_are_refused_with_a_sentence(arguments, message):
    with pytest.raises(ValueError, match=message):
        swing_pairs(**{"users": [1, 1], "items": [0, 1], "n_items": 3, **arguments})


class Stopped(Exception):
    """Stands for a process that was killed."""


def stop_after(state, portions):
    """Let a mining state take in so many portions and stop at the next."""
    note = state.note

    def noting(done, parts):
        note(done, parts)
        if done > portions:
            raise Stopped

    state.note = noting
    return state


@pytest.mark.parametrize("portions", [0, 3, 8])
def test_mining_that_was_stopped_goes_on_and_ends_the_same_to_the_bit(monkeypatch, tmp_path, portions):
    monkeypatch.setattr(swing, "_TILE_USERS", 3)  # twelve users: ten tiles
    monkeypatch.setattr(swing, "_MEETINGS", 1)
    users, items = random_interactions(6)
    whole = swing_pairs(users, items, 9)
    with pytest.raises(Stopped):
        state = KeptMining(tmp_path / "state", seconds=0, clock=lambda: 0.0)
        swing_pairs(users, items, 9, engine=InProcess(stop_after(state, portions)))
    state = KeptMining(tmp_path / "state", seconds=0)
    assert state.restore()[0] == portions + 1
    noted = []
    monkeypatch.setattr(state, "note", lambda done, parts: noted.append(done))
    again = swing_pairs(users, items, 9, engine=InProcess(state))
    assert noted == list(range(portions + 2, 11))  # what was done is not done again
    for name in ("trigger", "target", "weight"):
        assert np.array_equal(getattr(again, name), getattr(whole, name))


@pytest.mark.parametrize("meetings", [1, 30, 10**9])
@pytest.mark.parametrize("products", [1, 50, 10**9])
def test_pairs_do_not_depend_on_how_the_work_is_cut(monkeypatch, meetings, products):
    users, items = random_interactions(6)
    whole = swing_pairs(users, items, 9)
    monkeypatch.setattr(swing, "_TILE_USERS", 3)
    monkeypatch.setattr(swing, "_MEETINGS", meetings)
    monkeypatch.setattr(swing, "BLOCK_PRODUCTS", products)
    found = swing_pairs(users, items, 9)
    for name in ("trigger", "target", "weight"):
        assert np.array_equal(getattr(found, name), getattr(whole, name))


def test_by_default_50_targets_are_kept_and_users_and_items_count_with_1000_of_each_other():
    clique = swing_pairs(np.repeat([1, 2], 60), np.tile(np.arange(60), 2), 60)
    assert np.bincount(clique.trigger).tolist() == [50] * 60
    long = swing_pairs(np.r_[np.zeros(1001), np.ones(3)], np.r_[np.arange(1001), np.arange(3)], 1001)
    assert set(as_dict(long)) == {(1, 2), (2, 1)}
    for others, n_pairs in ((998, 2), (999, 0)):  # users of one item alone count before those of two
        users, items = np.r_[np.arange(others), [2000, 2000, 2001, 2001]], np.r_[np.zeros(others, int), [0, 1, 0, 1]]
        assert len(swing_pairs(users, items, 2)) == n_pairs


def test_no_bar_is_shown_unless_it_is_asked_for(capsys):
    for progress, shown in ((None, False), (False, False), (True, True)):
        engine = InProcess() if progress is None else InProcess(progress=progress)
        swing_pairs(*random_interactions(1), 9, engine=engine)
        assert ("Swing" in capsys.readouterr().err) == shown


@pytest.mark.parametrize(("n_users", "tile_users"), [(4, 3), (12, 6), (13, 7)])
def test_tiles_get_larger_beyond_so_many_on_a_side(monkeypatch, n_users, tile_users):
    monkeypatch.setattr(swing, "_TILE_USERS", 3)
    monkeypatch.setattr(swing, "_TILES", 2)
    baskets = baskets_of(np.arange(n_users), np.zeros(n_users, dtype=np.int64), 1, Limits())
    pair = BasketPair(Weighing.of(1.0, 0.5, np.diff(baskets.starts), n_users), baskets, baskets, 1)
    assert pair.tile_users == tile_users and len(pair.rows) == len(pair.columns) == 2


def test_user_pairs_are_taken_together_until_their_items_are_half_a_block(monkeypatch):
    monkeypatch.setattr(swing, "BLOCK_PRODUCTS", 60)
    monkeypatch.setattr(pairs_module, "BLOCK_PRODUCTS", 60)
    random = np.random.default_rng(0)
    baskets = baskets_of(random.integers(40, size=400), random.integers(30, size=400), 30, Limits())
    sizes = np.diff(baskets.starts)
    pair = BasketPair(Weighing.of(1.0, 0.5, sizes, baskets.most_users(30)), baskets, baskets, 30)
    taken = [int((sizes[first] + sizes[second]).sum()) for first, second in pair._user_pairs(0)]
    assert len(pair) == 1 and len(taken) > 20
    assert min(taken[:-1]) > 30 and max(taken) <= 30 + 60 + 2 * max(sizes)


def test_the_largest_sum_has_62_bits():
    # Users of 2 items or more have 4 of them, w = 1/2: two users add 1/4 / (2 + 2) to a pair, exactly 2^-4.
    weighing = Weighing.of(2.0, 0.5, np.array([1, 4, 0]), most_users=2)
    assert weighing.by_size.tolist() == [0, 1, 2**-0.5, 3**-0.5, 0.5]
    assert weighing.bits == 62 - (-4 + 1)
    largest = weighing.terms(np.array([4]), np.array([4]), np.array([2]))
    assert largest.tolist() == [2**61]
    nobody = Weighing.of(2.0, 0.5, np.zeros(0, dtype=np.int64), most_users=0)
    assert nobody.by_size.tolist() == [0, 1] and nobody.bits == 62
