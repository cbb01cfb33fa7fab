"""Line charts as inline SVG, drawn in Python; the page's script adds the value under the pointer.

Colours and fonts come from the page's style sheet, by class names. Drawings are as wide as a phone, so that text
stays readable there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from recbole_adasid.report.content.curves import Curves
from recbole_adasid.report.view.numbers import round_ticks, shown, tick_texts
from recbole_adasid.tokenizer.usage import LevelUsage

WIDTH, HEIGHT = 360, 200
LEFT, RIGHT, TOP, BOTTOM = 50, 14, 10, 36
MOST_POINTS = 200
MARKED_POINTS = 12
"""Up to this many points, each gets a marker."""
Series = Mapping[str, Sequence["float | None"]]


@dataclass(frozen=True)
class Chart:
    """A drawing and its caption, legend and data."""

    title: str
    meaning: str
    svg: Markup
    legend: list[str]
    """Names of the lines, where there are several."""
    data: str
    """JSON of the points, for the script."""


@dataclass(frozen=True)
class Axis:
    """Maps values to positions in the drawing."""

    low: float
    high: float
    begin: float
    end: float

    def at(self, value: float) -> float:
        """Return where a value is drawn."""
        return round(self.begin + (value - self.low) / (self.high - self.low) * (self.end - self.begin), 1)


def curves_chart(curves: Curves) -> Chart:
    """Return the chart of some curves over time."""
    return line_chart(
        curves.title, curves.meaning, curves.at, curves.values, x_label=curves.clock, from_zero=curves.from_zero
    )


def usage_chart(usage: LevelUsage) -> Chart:
    """Return the load of a level's codewords, most first, with the even load for comparison."""
    dead = f"{usage.dead:,} are" if usage.dead > 1 else "1 is" if usage.dead else "none is"
    meaning = (
        f"Perplexity {shown(usage.perplexity, 3)} of {usage.size:,}; the most used codeword has "
        f"{usage.top1_load:.1%} of the items; {dead} dead."
    )
    even = usage.loads.sum() / usage.size
    loads = [float(load) for load in usage.loads]
    return line_chart(
        f"Level {usage.level}",
        meaning,
        range(1, usage.size + 1),
        {"items": loads, "even use": [even] * usage.size},
        x_label="codewords, most used first",
        from_zero=True,
    )


def line_chart(
    title: str, meaning: str, x: Sequence[int], series: Series, *, x_label: str, from_zero: bool = False
) -> Chart:
    """Return a chart of lines that share both axes.

    Args:
        title, meaning: what the chart shows and what that means.
        x: of the points, increasing, shared by all lines.
        series: values by name; None leaves a gap.
        x_label: what x counts.
        from_zero: start the vertical axis at 0.
    """
    kept = _thinned(len(x))
    at = [x[place] for place in kept]
    lines = {name: [values[place] for place in kept] for name, values in series.items()}
    known = [value for values in lines.values() for value in values if value is not None]
    ticks = _value_ticks(known, from_zero)
    across = Axis(*_widened(at[0], at[-1]), LEFT, WIDTH - RIGHT)
    up = Axis(ticks[0], ticks[-1], HEIGHT - BOTTOM, TOP)
    parts = [*_grid(ticks, up), *_clock(at, across, x_label)]
    parts += [_line(at, values, across, up, number) for number, values in enumerate(lines.values(), start=1)]
    label = f"{title}, {x_label} {shown(at[0])} to {shown(at[-1])}: " + "; ".join(
        f"{name} {_ends(values)}" for name, values in lines.items()
    )
    svg = drawing(WIDTH, HEIGHT, label, parts)
    data = {
        "box": [LEFT, TOP, WIDTH - RIGHT, HEIGHT - BOTTOM],
        "low": across.low,
        "high": across.high,
        "label": x_label,
        "x": at,
        "lines": [[name, [_rounded(value) for value in values]] for name, values in lines.items()],
    }
    return Chart(title, meaning, svg, list(lines) if len(lines) > 1 else [], json.dumps(data, ensure_ascii=False))


def drawing(width: int, height: int, label: str, parts: Iterable[Markup]) -> Markup:
    """Return an SVG of some parts; the label is for people who cannot see it."""
    svg = Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>')
    return svg.format(width, height, label, Markup("").join(parts))


def _thinned(count: int) -> list[int]:
    """Return the indices of at most `MOST_POINTS` of ``count`` points, evenly spaced, both ends included."""
    if count <= MOST_POINTS:
        return list(range(count))
    return sorted({round(place * (count - 1) / (MOST_POINTS - 1)) for place in range(MOST_POINTS)})


def _value_ticks(known: Sequence[float], from_zero: bool) -> list[float]:
    low, high = _widened(min(0.0, *known) if from_zero else min(known), max(known))
    return round_ticks(max(low, 0.0) if from_zero and min(known) >= 0 else low, high)


def _widened(low: float, high: float) -> tuple[float, float]:
    """Return a non-empty range."""
    if high > low:
        return low, high
    half = abs(low) / 10 or 0.5
    return low - half, high + half


def _grid(ticks: list[float], up: Axis) -> list[Markup]:
    line = Markup('<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/><text class="tick" x="{}" y="{}" {}>{}</text>')
    end = Markup('text-anchor="end"')
    return [
        line.format(LEFT, WIDTH - RIGHT, up.at(tick), up.at(tick), LEFT - 6, up.at(tick) + 4, end, text)
        for tick, text in zip(ticks, tick_texts(ticks))
    ]


def _clock(at: Sequence[int], across: Axis, label: str) -> list[Markup]:
    ticks: Sequence[float] = at[:1] if at[0] == at[-1] else round_ticks(at[0], at[-1], 4, whole=True)
    inside = [tick for tick in ticks if at[0] <= tick <= at[-1]]
    text = Markup('<text class="{}" x="{}" y="{}" text-anchor="middle">{}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    return [
        *(text.format("tick", across.at(tick), HEIGHT - BOTTOM + 15, f"{tick:,.0f}") for tick in inside),
        text.format("label", middle, HEIGHT - 5, label),
    ]


def _line(at: Sequence[int], values: Sequence[float | None], across: Axis, up: Axis, number: int) -> Markup:
    """Return a line with gaps, and markers on isolated points, or on all if they are few."""
    steps, marks, pen = [], [], "M"
    for place, (x, value) in enumerate(zip(at, values)):
        if value is None:
            pen = "M"
            continue
        steps.append(f"{pen}{across.at(x):g} {up.at(value):g}")
        alone = pen == "M" and (place + 1 == len(values) or values[place + 1] is None)
        if alone or len(at) <= MARKED_POINTS:
            marks.append(Markup('<circle cx="{:g}" cy="{:g}" r="3"/>').format(across.at(x), up.at(value)))
        pen = "L"
    path = Markup('<g class="s{}"><path d="{}"/>{}</g>')
    return path.format(number, "".join(steps), Markup("").join(marks)) if steps else Markup("")


def _ends(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"from {shown(known[0])} to {shown(known[-1])}" if known else "not logged"


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.5g}")
