"""AdaSID's Figure 3 as inline SVG: how evenly tokenizers use their codewords."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from recbole_adasid.report.view.chart import Axis, drawing
from recbole_adasid.report.view.numbers import round_ticks, shown, tick_texts
from recbole_adasid.scorecard.landscape import COLOUR, LABELS, SIZE, X, Y

WIDTH, HEIGHT = 480, 400
LEFT, RIGHT, TOP, BOTTOM = 60, 20, 16, 52
SMALLEST, LARGEST = 4.0, 10.0
"""Radii of points."""
_HALF_LABEL = (10.0, 8.0)
_AWAY = (9.0, 15.0, 23.0, 33.0, 47.0, 63.0)


@dataclass(frozen=True)
class Point:
    """A tokenizer in the drawing."""

    x: float
    y: float
    radius: float


def landscape_svg(rows: Sequence[Mapping[str, Any]]) -> Markup:
    """Return the landscape of a scorecard's table; points are numbered by row, from 1."""
    x_ticks, y_ticks = (_ticks([row[key] for row in rows]) for key in (X, Y))
    across = Axis(x_ticks[0], x_ticks[-1], LEFT, WIDTH - RIGHT)
    up = Axis(y_ticks[0], y_ticks[-1], HEIGHT - BOTTOM, TOP)
    radii = _scaled([math.sqrt(row[SIZE]) for row in rows], SMALLEST, LARGEST)
    depths = _scaled([row[COLOUR] for row in rows], 25.0, 100.0)
    points = [Point(across.at(row[X]), up.at(row[Y]), radius) for row, radius in zip(rows, radii)]
    parts = [*_grid(x_ticks, y_ticks, across, up)]
    parts += [_circle(row, point, depth) for row, point, depth in zip(rows, points, depths)]
    places = _label_places(points)
    parts += [_number(at, point, place) for at, (point, place) in enumerate(zip(points, places), start=1)]
    label = "; ".join(f"{row['title']}: {shown(row[X], 3)}, {shown(row[Y], 3)}" for row in rows)
    return drawing(WIDTH, HEIGHT, f"{LABELS[X]}, {LABELS[Y]} of each tokenizer. {label}", parts)


def _ticks(values: Sequence[float]) -> list[float]:
    margin = 0.12 * (max(values) - min(values)) or 0.05
    return round_ticks(max(0.0, min(values) - margin), max(values) + margin, most=8)


def _scaled(values: Sequence[float], low: float, high: float) -> list[float]:
    """Return the values scaled to the range from low to high, or its middle if all are equal."""
    least, most = min(values), max(values)
    if most == least:
        return [(low + high) / 2] * len(values)
    return [low + (value - least) / (most - least) * (high - low) for value in values]


def _grid(x_ticks: list[float], y_ticks: list[float], across: Axis, up: Axis) -> list[Markup]:
    line = Markup('<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/>')
    text = Markup('<text class="{}" x="{:g}" y="{:g}" text-anchor="{}">{}</text>')
    foot, middle = HEIGHT - BOTTOM, (TOP + HEIGHT - BOTTOM) / 2
    parts = []
    for tick, words in zip(x_ticks, tick_texts(x_ticks)):
        parts.append(line.format(across.at(tick), across.at(tick), TOP, foot))
        parts.append(text.format("tick", across.at(tick), foot + 18, "middle", words))
    for tick, words in zip(y_ticks, tick_texts(y_ticks)):
        parts.append(line.format(LEFT, WIDTH - RIGHT, up.at(tick), up.at(tick)))
        parts.append(text.format("tick", LEFT - 8, up.at(tick) + 4, "end", words))
    parts.append(text.format("label", (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, "middle", LABELS[X]))
    turned = Markup('<text class="label" transform="translate(14 {:g}) rotate(-90)" text-anchor="middle">{}</text>')
    return [*parts, turned.format(middle, LABELS[Y])]


def _circle(row: Mapping[str, Any], point: Point, depth: float) -> Markup:
    told = ", ".join(f"{LABELS[key]} {shown(row[key], 3)}" for key in (X, Y, SIZE, COLOUR))
    shade = f"fill: color-mix(in srgb, var(--s1) {depth:.0f}%, var(--sheet))"
    circle = Markup('<circle class="dot" cx="{:g}" cy="{:g}" r="{:.1f}" style="{}"><title>{}: {}</title></circle>')
    return circle.format(point.x, point.y, point.radius, shade, row["title"], told)


def _label_places(points: Sequence[Point]) -> list[tuple[float, float]]:
    """Return where each point's number goes: the nearest free place around it, or the least covered one."""
    taken: list[tuple[float, float]] = []
    for point in points:
        places = [
            (point.x + (point.radius + away) * math.cos(angle), point.y + (point.radius + away) * math.sin(angle))
            for away in _AWAY
            for angle in (math.pi * turn / 8 - math.pi / 2 for turn in range(16))
        ]
        inside = [place for place in places if _is_inside(*place)]
        taken.append(min(inside or places, key=lambda place: _covered(place, points, taken)))
    return taken


def _is_inside(x: float, y: float) -> bool:
    return x > LEFT + 8 and x < WIDTH - RIGHT - 8 and y > TOP + 6 and y < HEIGHT - BOTTOM - 14


def _covered(place: tuple[float, float], points: Sequence[Point], taken: Sequence[tuple[float, float]]) -> int:
    """Return how many points and numbers a number at this place would cover."""
    x, y = place
    on_points = sum(math.hypot(x - point.x, y - point.y) < point.radius + 7 for point in points)
    on_numbers = sum(abs(x - a) < 2 * _HALF_LABEL[0] and abs(y - b) < 2 * _HALF_LABEL[1] for a, b in taken)
    return on_points + on_numbers


def _number(at: int, point: Point, place: tuple[float, float]) -> Markup:
    x, y = place
    leader = Markup("")
    if math.hypot(x - point.x, y - point.y) > point.radius + 12:
        leader = Markup('<line class="leader" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>').format(
            point.x, point.y, x, y
        )
    text = Markup('<text class="number" x="{:.1f}" y="{:.1f}" text-anchor="middle">{}</text>')
    return leader + text.format(x, y + 4.5, at)
