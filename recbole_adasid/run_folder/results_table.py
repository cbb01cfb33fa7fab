"""The metrics of a run as a plain-text table."""

from __future__ import annotations

import math
from collections.abc import Mapping


def results_table(
    valid: Mapping[str, float],
    test: Mapping[str, float],
    intervals: Mapping[str, tuple[float, float]] | None = None,
    by_semantic_ids: Mapping[str, float] | None = None,
    slices: Mapping[str, Mapping[str, float]] | None = None,
) -> str:
    """Return the metrics of both splits as plain text, one per line, in the order of `valid`, then of `test`.

    Further columns are `intervals` of the test metrics, their values if a hit on the Semantic ID counted, and their
    values for named `slices` of the users.
    """
    names = list(dict.fromkeys([*valid, *test]))
    width = max(map(len, [*names, "metric"]))
    head = f"{'metric':<{width}}  {'valid':>8}  {'test':>8}"
    head += ("  test, 95% interval" if intervals else "") + ("  by Semantic ID" if by_semantic_ids else "")
    head += "".join(f"  {slice_:>10}" for slice_ in slices or ())
    lines = [head, "-" * len(head)]
    for name in names:
        line = f"{name:<{width}}  {_cell(valid.get(name))}  {_cell(test.get(name))}"
        if intervals:
            line += f"  {_interval(intervals.get(name)):>18}"
        if by_semantic_ids:
            line += f"  {_cell(by_semantic_ids.get(name)):>14}"
        line += "".join(f"  {_cell(found.get(name)):>10}" for found in (slices or {}).values())
        lines.append(line.rstrip())
    return "\n".join(lines)


def _interval(bounds: tuple[float, float] | None) -> str:
    return "" if bounds is None else f"{bounds[0]:.4f} to {bounds[1]:.4f}"


def _cell(value: float | None) -> str:
    return f"{'-':>8}" if value is None or math.isnan(value) else f"{value:8.4f}"
