"""Metrics with their intervals on one axis, as inline SVG."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from recbole_adasid.report.content.metrics import Interval, MetricRow
from recbole_adasid.report.view.chart import Axis, drawing
from recbole_adasid.report.view.numbers import round_ticks, shown, tick_texts

WIDTH, LEFT, RIGHT, TOP, ROW, BOTTOM = 360, 82, 14, 6, 34, 24


def intervals_svg(rows: Sequence[MetricRow]) -> Markup:
    """Return a drawing with one row per metric: test and validation with their intervals, and popularity."""
    ends = [1e-6]
    for row in rows:
        ends += [value for value in (row.test, row.valid, row.popularity) if value is not None]
        ends += [bounds[1] for bounds in (row.test_interval, row.valid_interval) if bounds]
    ticks = round_ticks(0.0, max(ends), 4)
    axis = Axis(ticks[0], ticks[-1], LEFT, WIDTH - RIGHT)
    height = TOP + ROW * len(rows) + BOTTOM
    parts = [*_grid(ticks, axis, height), *(_row(row, axis, TOP + ROW * at) for at, row in enumerate(rows))]
    label = "; ".join(f"{row.title}: test {shown(row.test)}, validation {shown(row.valid)}" for row in rows)
    return drawing(WIDTH, height, label, parts)


def _grid(ticks: list[float], axis: Axis, height: int) -> list[Markup]:
    line = Markup(
        '<line class="grid" x1="{0}" x2="{0}" y1="{1}" y2="{2}"/>'
        '<text class="tick" x="{0}" y="{3}" text-anchor="middle">{4}</text>'
    )
    return [
        line.format(axis.at(tick), TOP, height - BOTTOM, height - BOTTOM + 15, text)
        for tick, text in zip(ticks, tick_texts(ticks))
    ]


def _row(row: MetricRow, axis: Axis, top: float) -> Markup:
    name = Markup('<text class="name" x="{}" y="{}" text-anchor="end">{}</text>')
    parts = [name.format(LEFT - 8, top + 21, row.title)]
    if row.test is not None:
        dot = Markup('<circle cx="{:g}" cy="{:g}" r="4.5"/>').format(axis.at(row.test), top + 12)
        parts.append(_whisker("s1", row.test_interval, axis, top + 12, dot))
    if row.valid is not None:
        square = Markup('<rect x="{:g}" y="{:g}" width="7" height="7"/>').format(axis.at(row.valid) - 3.5, top + 20.5)
        parts.append(_whisker("s2", row.valid_interval, axis, top + 24, square))
    if row.popularity is not None:
        tick = Markup('<path class="floor" d="M{0:g} {1:g}V{2:g}"/>')
        parts.append(tick.format(axis.at(row.popularity), top + 4, top + 30))
    return Markup("").join(parts)


def _whisker(name: str, bounds: Interval | None, axis: Axis, y: float, mark: Markup) -> Markup:
    line = Markup("")
    if bounds:
        line = Markup('<path d="M{:g} {:g}H{:g}"/>').format(axis.at(bounds[0]), y, axis.at(bounds[1]))
    return Markup('<g class="{} mark">{}{}</g>').format(name, line, mark)
