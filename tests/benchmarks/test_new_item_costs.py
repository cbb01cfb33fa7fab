"""The table of what new items cost."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

pytest.importorskip("benchmarks", reason="the benchmarks lie beside the package: run pytest from a checkout")

from benchmarks.new_item_costs import rows, spread


def line(seed: int, others: float, **more: Any) -> dict[str, Any]:
    parts = {"new items": 0.05, "others": others, "others, new items not offered": 0.1}
    metrics = {part: {"recall@10": value, "ndcg@10": value / 2} for part, value in parts.items()}
    about = {"part": "test", "retrieval": "dense", "generative_weight": 0, "new_item_bias": -0.03, "seed": seed}
    return {**about, **metrics, **more}


def test_a_setting_has_a_row_over_its_seeds_and_a_later_line_of_a_seed_replaces_an_earlier_one() -> None:
    older = line(3, 0.09)
    del older["new_item_bias"]
    lines = [line(1, 0.05), line(1, 0.098), line(2, 0.096), older, line(1, 0.1, part="validation")]
    test, validation = rows(lines)
    assert test[:5] == ["test", "dense", "0", "-0.03", "2"] and validation[4] == "1"
    assert test[5] == "0.0500 ± 0.0000 [0.0500, 0.0500], 0.0250 ± 0.0000 [0.0250, 0.0250]"
    assert test[7].startswith("3.0 ± 1.4 [-9.7, 15.7], ") and validation[7] == "0.0, 0.0"


def test_an_interval_is_student_s() -> None:
    values = np.array([1.0, 2.0, 6.0])
    deviation = math.sqrt(((1 - 3) ** 2 + (2 - 3) ** 2 + (6 - 3) ** 2) / 2)
    half = 4.302653 * deviation / math.sqrt(3)
    assert spread(values, 3) == f"3.000 ± {deviation:.3f} [{3 - half:.3f}, {3 + half:.3f}]"
