"""RecBole's tuner, `recbole.trainer.HyperTuning`, repaired: every grid point once, and repeatable.

RecBole 1.2.1 fails in an exhaustive search on hyperopt 0.2.7 and later (it passes a `RandomState`, which has no
`integers`), draws grid points at random until it finds no new one for a while, stops a grid after ten trials without
progress, and seeds nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from recbole_adasid.io.extras import imports_for

ALGORITHMS = ("exhaustive", "random", "bayes")


def need_hyperopt() -> None:
    """Check that hyperopt is installed.

    Raises:
        ImportError: if it is not; the message names the extra.
    """
    with imports_for("tuning", "tuning"):
        import hyperopt  # noqa: F401


def search(
    objective: Callable[[dict[str, Any]], float],
    space: Mapping[str, Mapping[str, Any]],
    *,
    algorithm: str,
    max_trials: int,
    early_stop: int | None,
    seed: int,
) -> None:
    """Let RecBole's tuner try points; the objective records the results.

    Args:
        objective: returns the score of a point; higher is better, −∞ leaves the point out.
        space: `choice`, `uniform`, `quniform` and `loguniform`, in RecBole's format.
        algorithm: `exhaustive`, `random` or `bayes` (hyperopt's TPE).
        max_trials: maximum number of points; an exhaustive search tries all.
        early_stop: stop after this many trials without progress; None: never.
        seed: seed of the points; the same scores reproduce the same search.

    Raises:
        ImportError: if hyperopt is not installed.
    """
    need_hyperopt()
    import hyperopt
    import numpy
    from recbole.trainer import HyperTuning

    class Repeatable(HyperTuning):  # type: ignore[misc]
        def run(self) -> None:
            stop = {} if early_stop is None else {"early_stop_fn": self.stop}
            hyperopt.fmin(
                *(self.trial, self.space),
                **{"algo": self.algo, "max_evals": int(self.max_evals), "rstate": numpy.random.default_rng(seed)},
                **{"show_progressbar": False, "verbose": False, **stop},
            )

        def stop(self, trials: Any, *state: Any) -> tuple[bool, Any]:
            """Do as RecBole's function, for which an infinite loss would be the end of progress."""
            left_out = numpy.isinf(trials.trials[-1]["result"]["loss"])
            return (False, state) if left_out else self.early_stop_fn(trials, *state)

        @staticmethod
        def _print_result(result_dict: dict[str, Any]) -> None:
            """Print nothing: RecBole would treat a score of 0 as missing."""

    def objective_function(point: dict[str, Any], _files: Any) -> dict[str, Any]:
        score = objective(point)
        result = {"model": "TIGER", "best_valid_score": score, "valid_score_bigger": True}
        return {**result, "best_valid_result": {}, "test_result": {}}

    logging.getLogger("hyperopt").setLevel(logging.CRITICAL)  # the error is also raised
    given = {"params_dict": space, "algo": algorithm, "max_evals": max_trials, "early_stop": early_stop or max_trials}
    Repeatable(objective_function, **given).run()
