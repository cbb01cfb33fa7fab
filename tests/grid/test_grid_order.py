from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest

from recbole_adasid.grid.order import agreement, order_table


def run(*validation: float, epochs: list[int] | None = None) -> dict[str, Any]:
    return {"pace": {"epochs": epochs or [3 * i + 2 for i in range(len(validation))], "validation": list(validation)}}


def literal_tau(first: list[float], second: list[float]) -> float:
    """Return Kendall's τ without ties: the share of concordant minus the share of discordant pairs."""
    signs = [np.sign((first[i] - first[j]) * (second[i] - second[j])) for i, j in combinations(range(len(first)), 2)]
    return float(np.mean(signs))


def test_agreement_is_kendall_s_tau_with_the_last_epoch() -> None:
    curves = np.random.default_rng(0).random((6, 4))
    expected = [literal_tau(column.tolist(), curves[:, -1].tolist()) for column in curves.T]
    assert agreement(curves) == pytest.approx(expected)
    assert expected[-1] == 1.0 > expected[0]


def test_the_table_has_the_mean_of_seeds_by_epoch_and_the_agreement() -> None:
    rows = [("A", [run(0.1, 0.3), run(0.3, 0.5)]), ("B", [run(0.3, 0.2)]), ("C", [run(0.05, 0.1)])]
    lines = order_table(rows)[-1].splitlines()
    assert lines[0] == "| epochs | 3 | 6 |"
    assert lines[2:] == [
        *("| A | 0.2000 | 0.4000 |", "| B | 0.3000 | 0.2000 |", "| C | 0.0500 | 0.1000 |"),
        "| *Kendall's τ with the last ranking* | *0.33* | *1.00* |",
    ]


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [("A", [run(0.1, 0.3)]), ("B", [run(0.3, 0.2)])],
        [("A", [run(0.1)]), ("B", [run(0.3)]), ("C", [run(0.2)])],
        [("A", [run(0.1, 0.2)]), ("B", [run(0.3, 0.2)]), ("C", [run(0.2, 0.2, epochs=[1, 7])])],
        [("A", [{}]), ("B", [{}]), ("C", [{}])],
    ],
    ids=["none", "two-cells", "one-epoch", "other-epochs", "no-history"],
)
def test_without_an_order_to_settle_there_is_no_table(rows: list[Any]) -> None:
    assert order_table(rows) == []


def test_cells_that_are_all_equal_after_an_epoch_agree_with_no_order() -> None:
    rows = [(name, [run(0.0, value)]) for name, value in (("A", 0.1), ("B", 0.2), ("C", 0.3))]
    assert order_table(rows)[-1].splitlines()[-1] == "| *Kendall's τ with the last ranking* | – | *1.00* |"
