from __future__ import annotations

import math
import sys
from typing import Any

import pytest

from recbole_adasid.plugin.hyper_tuning import search

pytest.importorskip("hyperopt")
CHOICES = {"choice": {"b": ["0", "1"], "a": ["1", "2", "3"]}}


@pytest.fixture(autouse=True)
def no_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["program"])


def asked(space: dict[str, Any] = CHOICES, **given: Any) -> list[dict[str, Any]]:
    """Return the points of a search for a = 2, b = 1, in order."""
    points: list[dict[str, Any]] = []

    def objective(point: dict[str, Any]) -> float:
        points.append(dict(point))
        return -abs(float(point["a"]) - 2) - abs(float(point.get("b", 1)) - 1)

    search(objective, space, **{"algorithm": "exhaustive", "max_trials": 3, "early_stop": None, "seed": 1, **given})
    return points


def test_an_exhaustive_search_tries_every_point_once_whatever_the_limits_of_other_searches() -> None:
    points = [(point["a"], point["b"]) for point in asked()]
    assert points == [(a, b) for a in "123" for b in "01"]


def test_a_large_grid_is_tried_whole() -> None:
    """RecBole draws points until it finds no new one in a thousand draws, which would leave some of these out."""
    space = {"choice": {"a": [str(number) for number in range(400)]}}
    assert sorted(int(point["a"]) for point in asked(space)) == list(range(400))


@pytest.mark.parametrize("algorithm", ["random", "bayes"])
def test_the_same_seed_gives_the_same_search_and_another_seed_another(algorithm: str) -> None:
    space = {"uniform": {"a": [0, 4]}}
    first, again, other = (asked(space, algorithm=algorithm, max_trials=30, seed=seed) for seed in (1, 1, 2))
    assert first == again != other and len(first) == 30


def test_a_search_stops_after_as_many_trials_without_progress_as_asked() -> None:
    assert len(asked({"uniform": {"a": [3, 4]}}, algorithm="random", max_trials=200, early_stop=5)) < 100


def test_points_that_are_left_out_do_not_count_as_trials_without_progress() -> None:
    points: list[int] = []

    def objective(point: dict[str, Any]) -> float:
        points.append(int(point["a"]))
        return -math.inf if points[-1] < 6 else points[-1]

    space = {"choice": {"a": [str(number) for number in range(10)]}}
    search(objective, space, algorithm="exhaustive", max_trials=1, early_stop=3, seed=1)
    assert points == [*range(10)]


def test_bayes_goes_on_after_points_that_are_left_out() -> None:
    scores: list[float] = []

    def objective(point: dict[str, Any]) -> float:
        scores.append(-math.inf if len(scores) % 2 == 0 else -abs(point["a"] - 2))
        return scores[-1]

    search(objective, {"uniform": {"a": [0, 4]}}, algorithm="bayes", max_trials=24, early_stop=None, seed=1)
    assert len(scores) == 24  # the first 20 are drawn at random


def test_an_error_or_ctrl_c_in_a_trial_ends_the_search() -> None:
    for error in (ValueError("no such thing"), KeyboardInterrupt()):

        def fails(_: Any, error: BaseException = error) -> float:
            raise error

        with pytest.raises(type(error)):
            search(fails, CHOICES, algorithm="exhaustive", max_trials=1, early_stop=None, seed=1)


def test_recbole_s_own_exhaustive_search_works_too() -> None:
    from recbole.trainer import HyperTuning

    def objective(point: dict[str, Any], _: Any) -> dict[str, Any]:
        return {
            **{"model": "m", "best_valid_score": float(point["a"]), "valid_score_bigger": True},
            **{"best_valid_result": {}, "test_result": {}},
        }

    tuning = HyperTuning(objective, params_dict=CHOICES, early_stop=100)
    tuning.run()
    assert len(tuning.score_list) == 6 and tuning.best_params["a"] == "3"


def test_without_hyperopt_the_error_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hyperopt", None)
    with pytest.raises(ImportError, match=r"pip install 'recbole-adasid\[tuning\]'"):
        asked()
