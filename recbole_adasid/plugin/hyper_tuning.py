"""RecBole's tuner, `recbole.trainer.HyperTuning`, in working order: every point of a grid once, and repeatable.

By itself RecBole 1.2.1 fails in an exhaustive search on hyperopt 0.2.7 and later (it hands over a `RandomState`, which
has no `integers`), draws the points of a grid until it finds no new one for a while, stops a grid after ten trials
without progress, and seeds nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

ALGORITHMS = ("exhaustive", "random", "bayes")


def search(
    objective: Callable[[dict[str, Any]], float],
    space: Mapping[str, Mapping[str, Any]],
    *,
    algorithm: str,
    max_trials: int,
    early_stop: int | None,
    seed: int,
) -> None:
    """Let RecBole's tuner try points; the objective keeps what it finds.

    Args:
        objective: gives the score of a point, the higher the better.
        space: `choice`, `uniform`, `quniform` and `loguniform`, as RecBole takes them.
        algorithm: `exhaustive`, `random` or `bayes` (hyperopt's TPE).
        max_trials: how many points are tried at most; an exhaustive search tries all.
        early_stop: trials without progress to stop after; None: never.
        seed: of the points; the same scores for the same points give the same search again.

    Raises:
        ImportError: if hyperopt is not installed.
    """
    try:
        import hyperopt
    except ImportError as error:
        raise ImportError(f"the search needs hyperopt ({error}): pip install 'recbole-adasid[tuning]'") from error
    import numpy
    from recbole.trainer import HyperTuning

    class Repeatable(HyperTuning):  # type: ignore[misc]
        def run(self) -> None:
            stop = {} if early_stop is None else {"early_stop_fn": self.early_stop_fn}
            hyperopt.fmin(
                *(self.trial, self.space),
                **{"algo": self.algo, "max_evals": int(self.max_evals), "rstate": numpy.random.default_rng(seed)},
                **{"show_progressbar": False, "verbose": False, **stop},
            )

        @staticmethod
        def _print_result(result_dict: dict[str, Any]) -> None:
            """Say nothing: RecBole would take a score of 0 for none here."""

    def objective_function(point: dict[str, Any], _files: Any) -> dict[str, Any]:
        score = objective(point)
        result = {"model": "TIGER", "best_valid_score": score, "valid_score_bigger": True}
        return {**result, "best_valid_result": {}, "test_result": {}}

    logging.getLogger("hyperopt").setLevel(logging.CRITICAL)  # the error is raised, too
    given = {"params_dict": space, "algo": algorithm, "max_evals": max_trials, "early_stop": early_stop or max_trials}
    Repeatable(objective_function, **given).run()
