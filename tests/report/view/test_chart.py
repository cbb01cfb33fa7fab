from __future__ import annotations

import json
import re
from xml.etree import ElementTree

import pytest

from recbole_adasid.report.content.metrics import MetricRow
from recbole_adasid.report.view.chart import HEIGHT, LEFT, MOST_POINTS, RIGHT, TOP, WIDTH, line_chart
from recbole_adasid.report.view.interval_chart import intervals_svg
from recbole_adasid.report.view.landscape import Point, _label_places, landscape_svg


def paths(svg: str) -> list[str]:
    return [path.get("d", "") for path in ElementTree.fromstring(svg).iter("path")]


def test_points_lie_where_their_values_are_between_the_ticks() -> None:
    chart = line_chart("T", "m", [0, 10, 20], {"a": [0.0, 5.0, 10.0]}, x_label="step")
    (path,) = paths(chart.svg)
    right, foot = WIDTH - RIGHT, HEIGHT - 36
    middle = (LEFT + right) / 2, (TOP + foot) / 2
    assert path == f"M{LEFT:g} {foot:g}L{middle[0]:g} {middle[1]:g}L{right:g} {TOP:g}"
    assert re.findall(r'<text class="tick"[^>]*>([^<]*)', chart.svg) == [
        *("0", "2", "4", "6", "8", "10"),
        *("0", "5", "10", "15", "20"),
    ]
    assert chart.legend == []


def test_a_missing_value_breaks_the_line_and_a_lone_one_is_marked() -> None:
    values = [*([1.0] * 8), None, 2.0, None, *([3.0] * 9)]
    chart = line_chart("T", "m", range(20), {"a": values}, x_label="step")
    (path,) = paths(chart.svg)
    assert path.count("M") == 3 and chart.svg.count("<circle") == 1


def test_one_point_is_drawn() -> None:
    chart = line_chart("T", "m", [3], {"a": [0.0], "b": [0.0]}, x_label="epoch", from_zero=True)
    assert chart.svg.count("<circle") == 2 and "nan" not in chart.svg and chart.legend == ["a", "b"]


def test_long_curves_are_thinned_and_keep_their_ends() -> None:
    chart = line_chart("T", "m", range(70_000), {"a": [float(i) for i in range(70_000)]}, x_label="step")
    data = json.loads(chart.data)
    assert len(data["x"]) == MOST_POINTS and (data["x"][0], data["x"][-1]) == (0, 69_999)
    assert len(chart.svg) < 10_000


def test_names_in_drawings_are_escaped() -> None:
    evil = '"><script>'
    row = MetricRow(f"recall{evil}", 0.1, (0.0, 0.2), 0.1, 0.2, (0.1, 0.3), 0.2, 0.05)
    figures = {"title": evil, "inverse_top1_load": 0.5, "normalised_min_perplexity": 0.5, "mean_perplexity": 9.0}
    charts = [
        line_chart(evil, evil, [0, 1], {evil: [1.0, 2.0]}, x_label=evil).svg,
        intervals_svg([row]),
        landscape_svg([{**figures, "sid_entropy": 2.0}]),
    ]
    for svg in charts:
        assert "<script" not in svg and ElementTree.fromstring(svg).get("aria-label")


def test_numbers_of_points_in_a_crowd_do_not_cover_each_other() -> None:
    points = [Point(200.0 + 3 * (number % 4), 150.0 + 3 * (number // 4), 8.0) for number in range(12)]
    places = _label_places(points)
    for number, (x, y) in enumerate(places):
        for other_x, other_y in places[:number]:
            assert abs(x - other_x) >= 19.9 or abs(y - other_y) >= 15.9
        assert all((x - point.x) ** 2 + (y - point.y) ** 2 >= point.radius**2 for point in points)


def test_a_metric_without_intervals_or_validation_is_drawn() -> None:
    svg = intervals_svg([MetricRow("mrr@10", None, None, None, 0.2, None, None, None)])
    root = ElementTree.fromstring(svg)
    assert len(list(root.iter("circle"))) == 1 and not list(root.iter("rect"))
    assert pytest.approx(0.0) == float(next(text.text for text in root.iter("text") if text.get("class") == "tick"))
