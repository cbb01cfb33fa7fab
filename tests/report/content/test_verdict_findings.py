from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from recbole_adasid.report.content import verdict_findings as findings
from recbole_adasid.report.content.metrics import MetricRow, SliceRow, headline, metric_rows, slice_table
from recbole_adasid.report.content.verdict import summed_up
from recbole_adasid.report.content.verdict_findings import Finding
from recbole_adasid.tokenizer.quality import sid_quality

ROW = MetricRow("recall@10", 0.2, None, None, 0.2, (0.19, 0.21), 0.2, 0.1)


def kinds(found: list[Finding]) -> list[str]:
    return [finding.kind for finding in found]


def test_a_collapsed_level_and_dead_codewords_are_named() -> None:
    codes = np.column_stack([np.arange(400) % 20, np.zeros(400, dtype=np.int64), np.arange(400) % 15])
    collapsed, dead, third = findings.on_levels(sid_quality(codes, [20, 20, 20]), [20, 20, 20], 400)
    assert collapsed.kind == "warning" and "Level 2 has collapsed" in collapsed.title
    assert dead.title == "Level 2 has dead codewords" and "19 of 20" in dead.text
    assert third.title == "Level 3 has dead codewords" and "5 of 20" in third.text
    (good,) = findings.on_levels(sid_quality(codes[:, :1], [20]), [20], 400)
    assert good.kind == "good" and "perplexity of 20 with 20 codewords" in good.text


@pytest.mark.parametrize(("shared", "kind"), [(0, "good"), (5, "good"), (15, "note"), (30, "warning")])
def test_collisions_are_judged_by_the_share_of_items(shared: int, kind: str) -> None:
    codes = np.r_[np.arange(100 - shared), np.arange(shared) // 2 + 100][:, None]
    (found,) = findings.on_collisions(sid_quality(codes, [200]), [200])
    assert found.kind == kind


def test_a_group_larger_than_a_codebook_is_a_warning() -> None:
    codes = np.r_[np.arange(995) + 1, np.zeros(5, dtype=np.int64)]
    quality = sid_quality(np.column_stack([codes // 3, codes % 3]), [400, 3])
    assert kinds(findings.on_collisions({**quality, "largest_collision_group": 401.0}, [400, 3])) == ["warning"]


@pytest.mark.parametrize(
    ("repelled", "regulation", "expected"),
    [
        ([0.0, 0.0, None], "adaptive", ["warning"]),
        ([0.0, 0.3], "adaptive", ["good"]),
        ([], "adaptive", ["note"]),
        ([0.0], "none", []),
    ],
)
def test_a_regulation_that_never_acts_is_a_warning(repelled: list, regulation: str, expected: list[str]) -> None:
    columns = {"step": [0] * len(repelled), **({"repelled_share": repelled} if repelled else {})}
    assert kinds(findings.on_regulation(columns, regulation)) == expected


@pytest.mark.parametrize(
    ("regulation", "wanted"), [("adaptive", "collision_m"), ("hamming", "full_m"), ("mine", "its m")]
)
def test_what_helps_an_idle_regulation_is_a_setting_of_its_own(regulation: str, wanted: str) -> None:
    [found] = findings.on_regulation({"step": [0], "repelled_share": [0.0]}, regulation)
    assert f"Raise {wanted}argin" in found.text


@pytest.mark.parametrize(
    ("popularity", "kind", "title"),
    [
        (0.3, "warning", "Below popularity"),
        (0.205, "warning", "Not above popularity"),
        (0.195, "note", "Not clearly above popularity"),
        (0.1, "good", "Above popularity"),
    ],
)
def test_the_test_is_held_against_popularity(popularity: float, kind: str, title: str) -> None:
    (found,) = findings.on_floor(replace(ROW, popularity=popularity), 6000)
    assert (found.kind, found.title) == (kind, title) and f"{popularity:.4f}" in found.text
    assert ("includes that" in found.text) == title.startswith("Not")
    assert findings.on_floor(replace(ROW, popularity=None), 6000) == []


@pytest.mark.parametrize(
    ("test", "interval", "users", "title"),
    [
        (1.0, None, 1, "Too few users to compare with popularity"),
        (0.0, None, 1, "Too few users to compare with popularity"),
        (1.0, (1.0, 1.0), 2, "Too few users to compare with popularity"),
        (0.0, (0.0, 0.0), 20, "Too few users to compare with popularity"),
        (0.0, (0.0, 0.0), 0, "Too few users to compare with popularity"),
        (1.0, (1.0, 1.0), 4, "Above popularity"),
        (0.0, (0.0, 0.0), 40, "Below popularity"),
    ],
)
def test_a_few_users_who_fared_alike_tell_nothing(
    test: float, interval: tuple[float, float] | None, users: int, title: str
) -> None:
    (found,) = findings.on_floor(replace(ROW, test=test, test_interval=interval), users)
    assert (found.title, found.kind == "note") == (title, title.startswith("Too"))


def test_wide_intervals_and_flattering_hits_are_noted() -> None:
    assert kinds(findings.on_width(ROW)) == ["good"]
    (wide,) = findings.on_width(replace(ROW, test_interval=(0.1, 0.3)))
    assert wide.kind == "note" and "± 50%" in wide.text
    assert findings.on_sid_hits(ROW) == [] and kinds(findings.on_sid_hits(replace(ROW, test_by_sid=0.25))) == ["note"]


@pytest.mark.parametrize(
    ("values", "rising"), [([0.1, 0.2, 0.3], True), ([0.1, 0.3, 0.2], False), ([0.2], False), ([0.2, 0.2], False)]
)
def test_training_that_ended_while_validation_rose_is_noted(values: list[float], rising: bool) -> None:
    validation = {"epoch": list(range(len(values))), "ndcg@10": values}
    assert bool(findings.on_epochs(validation, "NDCG@10")) is rising


def test_a_metric_that_should_fall_is_not_said_to_rise() -> None:
    validation = {"epoch": [0, 1], "giniindex@10": [0.8, 0.9], "averagepopularity@10": [3.0, 4.0]}
    assert (
        findings.on_epochs(validation, "GiniIndex@10") == findings.on_epochs(validation, "AveragePopularity@10") == []
    )


def test_weak_agreement_and_short_beams_are_noted() -> None:
    assert kinds(findings.on_neighbours({"embedding_agreement": 0.51})) == ["note"]
    assert kinds(findings.on_neighbours({"embedding_agreement": 0.7})) == ["good"]
    assert findings.on_neighbours({}) == []
    assert kinds(findings.on_missing({"rates": {"missing": 0.2}})) == ["note"] and findings.on_missing({}) == []


def test_the_most_serious_findings_come_first_and_are_counted() -> None:
    found = [Finding(kind, kind, "") for kind in ("good", "note", "warning", "note")]
    verdict = summed_up(found, [], "Well")
    assert verdict.summary == "Needs attention: 1 warning, 2 notes."
    assert kinds(verdict.findings) == ["warning", "note", "note", "good"]
    assert summed_up(found[:1], [], "Well").summary == "Well: no warnings, no notes."


def test_slices_have_intervals_where_they_are_known() -> None:
    slices = {"a": {"users": 3.0, "recall@5": 0.5}, "b": {"users": 0.0, "recall@5": None}}
    names, rows = slice_table({"slices": slices, "intervals": {"a": {"recall@5": [0.25, 0.75]}, "b": {}}})
    assert names == ["recall@5"]
    assert rows == [SliceRow("a", 3, [(0.5, (0.25, 0.75))]), SliceRow("b", 0, [(None, None)])]
    assert slice_table({}) == ([], [])


def test_rows_take_what_is_known_of_each_metric() -> None:
    rows = metric_rows({"best_valid": {"recall@5": 0.1}, "test": {"ndcg@5": 0.2}, "test_intervals": {"ndcg@5": [0, 1]}})
    assert rows[0] == MetricRow("recall@5", 0.1, None, None, None, None, None, None)
    assert rows[1] == MetricRow("ndcg@5", None, None, None, 0.2, (0.0, 1.0), None, None)
    assert headline(rows, "Recall@5") is rows[1] and headline(rows[:1], "Recall@5") is None
    assert [row.title for row in rows] == ["Recall@5", "NDCG@5"]
