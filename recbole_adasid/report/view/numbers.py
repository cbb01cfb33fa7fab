"""Readable numbers, and round numbers for axes."""

from __future__ import annotations

import math


def shown(value: float | None, digits: int = 4) -> str:
    """Return a number with this many significant digits, or an empty text for None."""
    if value is None or not math.isfinite(value):
        return ""
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{value:,.0f}"
    return f"{value:,.0f}" if abs(value) >= 10**digits else f"{value:.{digits}g}"


def round_ticks(low: float, high: float, most: int = 5, *, whole: bool = False) -> list[float]:
    """Return at most ``most`` + 1 round numbers, evenly spaced, from at most ``low`` to at least ``high``.

    Args:
        low, high: ends of a range, low < high.
        most: steps between the numbers.
        whole: whole numbers only.
    """
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    steps = [factor * power for factor in (1, 2, 2.5, 5, 10, 20, 25, 50)]
    steps = [step for step in steps if not whole or step.is_integer()] or [1.0]
    for step in steps:
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        if last - first <= most:
            break
    return [number * step for number in range(first, last + 1)]


def tick_texts(ticks: list[float]) -> list[str]:
    """Return ticks with enough decimals to tell them apart."""
    step = ticks[1] - ticks[0] if len(ticks) > 1 else 1.0
    if step < 1e-4:
        digits = math.ceil(math.log10(max(map(abs, ticks)) / step)) + 1
        return [f"{tick:.{digits}e}" if tick else "0" for tick in ticks]
    decimals = next((places for places in range(6) if abs(round(step, places) - step) < 1e-9 * step), 6)
    return [f"{tick:,.{decimals}f}" for tick in ticks]
