from __future__ import annotations

import numpy as np
import pytest

from recbole_adasid.report.view.numbers import round_ticks, shown, tick_texts


def test_ticks_are_round_evenly_apart_and_span_the_range() -> None:
    random = np.random.default_rng(0)
    for _ in range(500):
        low = float(random.normal() * 10 ** random.uniform(-6, 6))
        high = low + float(10 ** random.uniform(-2, 3)) * abs(low)
        ticks = round_ticks(low, high, 5)
        steps = np.diff(ticks)
        assert 2 <= len(ticks) <= 6
        assert steps == pytest.approx(np.full(len(steps), steps[0]))
        assert f"{steps[0]:.2e}"[:4] in ("1.00", "2.00", "2.50", "5.00")
        assert ticks[0] <= low + 1e-6 * steps[0] and ticks[-1] >= high - 1e-6 * steps[0]
        assert len(set(tick_texts(ticks))) == len(ticks)


def test_ticks_of_counts_are_whole() -> None:
    assert round_ticks(0, 2, 4, whole=True) == [0, 1, 2]
    assert round_ticks(1, 256, 4, whole=True) == [0, 100, 200, 300]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (12.0, "12"), (0.0123456, "0.01235"), (1234567.8, "1,234,568"), (None, ""), (float("nan"), "")],
)
def test_numbers_are_short(value: float | None, text: str) -> None:
    assert shown(value) == text
