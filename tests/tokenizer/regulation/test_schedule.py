"""The weights over the progress of training: equations 11 and 12, and their bounds."""

from __future__ import annotations

import pytest

from literal_regulation import schedule
from recbole_adasid.tokenizer.regulation.schedule import ProgressSchedule


def test_schedule_follows_equations_11_and_12_in_steps_and_as_fraction():
    settings = {"collision_floor": 0.05, "collaborative_ceiling": 0.35}
    steps = ProgressSchedule(start=100, end=900, unit="steps", **settings)
    fraction = ProgressSchedule(start=0.1, end=0.9, unit="fraction", **settings)
    for t in (0, 99, 100, 101, 500, 899, 900, 999):
        tau = min(1.0, max(0.0, (t - 100) / (900 - 100)))
        for given in (steps, fraction):
            assert given.progress(t, 1000) == pytest.approx(tau)
            weights = given.weights(t, 1000)
            assert weights.collision == pytest.approx(1 - (1 - 0.05) * tau)
            assert weights.collaborative == pytest.approx(0.35 * tau)


def test_without_rebalancing_both_weights_stay_constant():
    schedule = ProgressSchedule(
        start=0.1, end=0.9, collision_floor=0.05, collaborative_ceiling=0.35, collision_weight=2.0, enabled=False
    )
    assert {schedule.weights(t, 1000) for t in range(0, 1000, 100)} == {(2.0, 0.35)}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"start": 0.9, "end": 0.9}, "must exceed rebalancing_start"),
        ({"end": 2.0}, "cannot exceed 1"),
        ({"unit": "epochs"}, "Unknown rebalancing_unit 'epochs'"),
        ({"collision_floor": 1.5}, r"collision_floor must lie in \[0, 1\]"),
    ],
)
def test_impossible_schedules_are_refused(changes, message):
    settings = {"start": 0.0, "end": 1.0, "collision_floor": 0.05, "collaborative_ceiling": 0.35}
    with pytest.raises(ValueError, match=message):
        ProgressSchedule(**{**settings, **changes})


def test_a_schedule_is_of_fractions_and_of_weight_1_and_enabled_unless_it_is_told_otherwise() -> None:
    assert schedule().weights(500, 1000) == (0.5, 0.0)
    assert schedule(collision_weight=0.0, collision_floor=1.0).weights(500, 1000) == (0.0, 0.0)
    assert schedule(unit="steps", end=1000).weights(500, 2) == (0.5, 0.0)


@pytest.mark.parametrize(
    "changes",
    [{"start": -0.1}, {"end": 0.0}, {"end": 1.01}, {"collision_floor": -0.1}, {"collision_floor": 1.1}]
    + [{"collaborative_ceiling": -0.1}, {"collision_weight": -0.1}],
)
def test_a_schedule_beyond_its_bounds_is_refused(changes: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="rebalancing_end|collision_floor must lie"):
        schedule(**changes)
