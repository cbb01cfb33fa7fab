"""Examples without cold items, against a walk through the interactions without them."""

from __future__ import annotations

import numpy as np
import pytest

from recbole_adasid.data.cold_items import draw_cold_items, warm_examples
from recbole_adasid.data.windows import build_windows


def by_walking(users, items, cold, targets, longest) -> list[tuple[int, list[int], int]]:
    """Return the row, the history and the target of every example that is left."""
    found = []
    for row, target in enumerate(targets.tolist()):
        earlier = [items[place] for place in range(target) if users[place] == users[target]]
        history = [int(item) for item in earlier if not cold[item - 1]][-longest:]
        if history and not cold[items[target] - 1]:
            found.append((row, history, int(items[target])))
    return found


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("longest", [1, 3, 50])
def test_histories_and_targets_are_those_of_a_walk_without_cold_items(seed: int, longest: int) -> None:
    random = np.random.default_rng(seed)
    users, items = np.sort(random.integers(5, size=60)), random.integers(1, 11, size=60)
    cold = draw_cold_items(10, 0.4, seed)
    all_windows, _, _ = build_windows(users, items, longest)
    targets = (all_windows.starts + all_windows.lengths)[random.random(len(all_windows)) < 0.7]  # some are held out
    found = warm_examples(users, items, cold, targets, longest)
    expected = by_walking(users, items, cold, targets, longest)
    history, lengths = found.windows.gather(np.arange(len(found.windows)))
    behind = found.windows.flat_items[found.windows.starts + found.windows.lengths]
    got = [
        (row, items_[:length].tolist(), target)
        for row, items_, length, target in zip(found.rows.tolist(), history, lengths, behind.tolist())
    ]
    assert got == expected and 0 < len(got) < len(targets)
    assert found.places.tolist() == [place for place in range(60) if not cold[items[place] - 1]]
    assert np.array_equal(found.windows.flat_items, items[found.places])


def test_without_cold_items_everything_stays() -> None:
    users, items = np.array([1, 1, 1, 2, 2]), np.array([3, 1, 2, 2, 3])
    windows, targets, _ = build_windows(users, items, 2)
    places = windows.starts + windows.lengths
    found = warm_examples(users, items, np.zeros(3, dtype=bool), places, 2)
    assert found.rows.tolist() == [0, 1, 2] and found.places.tolist() == [0, 1, 2, 3, 4]
    assert found.windows.starts.tolist() == windows.starts.tolist()
    assert found.windows.lengths.tolist() == windows.lengths.tolist()


def test_as_many_items_are_drawn_as_asked_for_and_the_same_by_the_same_seed() -> None:
    drawn = draw_cold_items(200, 0.05, 7)
    assert drawn.sum() == 10 and np.array_equal(drawn, draw_cold_items(200, 0.05, 7))
    assert not np.array_equal(drawn, draw_cold_items(200, 0.05, 8))
    assert draw_cold_items(200, 1e-6, 7).sum() == 1
    assert set(np.flatnonzero(drawn)) < set(np.flatnonzero(draw_cold_items(200, 0.5, 7)))
