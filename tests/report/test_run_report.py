from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from recbole_adasid.cli import report as report_command
from recbole_adasid.data.item_labels import ItemLabel
from recbole_adasid.io.json_file import read_json
from recbole_adasid.plugin.run import run
from recbole_adasid.report import run_report as module
from recbole_adasid.report.content.neighbours import neighbours
from recbole_adasid.report.content.recommendations import recommendations
from recbole_adasid.report.finished_run import FinishedRun
from recbole_adasid.report.run_report import SECTIONS, write_run_report
from recbole_adasid.serving.recommender import Recommender

main = report_command.COMMAND.main

Check = Callable[[str], Any]
GiveItems = Callable[[Path, np.ndarray, list[int], list[ItemLabel]], None]


def left_out(page: str) -> list[str]:
    """Return the names of the sections that are left out."""
    sections = re.findall(r'<section id="(\w+)".*?</section>', page, flags=re.DOTALL)
    gaps = re.findall(r'<section id="(\w+)"(?:(?!</section>).)*?class="left-out"', page, flags=re.DOTALL)
    assert sections == [section.name for section in SECTIONS]
    return gaps


def test_a_run_with_hostile_titles_leaves_a_whole_and_harmless_page(
    finished_run: Path, check_page: Check, hostile_titles: tuple[str, ...]
) -> None:
    text = (finished_run / "report.html").read_text(encoding="utf-8")
    page = check_page(text)
    assert left_out(text) == []
    shown = "".join(page.texts)
    for title in hostile_titles[:7]:
        # A title stands in the tree's JSON, and as text where items are named.
        plain = "".join(character for character in title if character not in "\u202e\u2066")
        assert " ".join(plain.split()) in shown
    assert "A" * 101 not in text and "A" * 99 + "…" in text
    assert text.count("<h2") == len(SECTIONS)


def test_the_same_folder_gives_the_same_page(run_folder: Path) -> None:
    pages = [write_run_report(run_folder).read_bytes() for _ in range(2)]
    assert pages[0] == pages[1]


def test_the_page_of_a_finished_run_is_that_of_the_run(finished_run: Path, run_folder: Path, capsys) -> None:
    assert main([f"--run_folder={run_folder}"]) == 0
    assert capsys.readouterr().out.strip() == str(run_folder / "report.html")
    assert (run_folder / "report.html").read_bytes() == (finished_run / "report.html").read_bytes()


OF_SIDS = {"verdict", "tree", "usage", "groups", "neighbours", "users", "settings"}
# Semantic IDs that stand in two files are compared: they are not shown where that cannot be done.
IF_DAMAGED = {
    **dict.fromkeys(("items.json", "model.safetensors"), OF_SIDS),
    **{"evaluation.json": {"metrics"}, "about.json": {"settings"}},
}


@pytest.mark.parametrize(
    ("name", "gaps"),
    [
        ("metrics.json", {"metrics", "settings"}),
        ("history.json", {"training"}),
        ("examples.json", {"neighbours", "users"}),
        ("model.safetensors", {"users"}),
        ("items.json", set()),
        ("evaluation.json", set()),
        ("about.json", set()),
        ("sids.json", OF_SIDS),
    ],
)
@pytest.mark.parametrize("damaged", [False, True])
def test_what_is_missing_or_damaged_costs_the_sections_that_need_it(
    name: str, gaps: set[str], damaged: bool, run_folder: Path, check_page: Check
) -> None:
    (run_folder / name).unlink()
    if damaged:
        (run_folder / name).write_bytes(b"\x80\x04 no file of ours")
        gaps = gaps | IF_DAMAGED.get(name, set())
    text = write_run_report(run_folder).read_text(encoding="utf-8")
    check_page(text)
    assert set(left_out(text)) == gaps


def test_a_report_that_fails_costs_a_warning_and_not_the_run(
    odd_settings: dict[str, object],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("no page today")

    monkeypatch.setattr(module, "render_page", fail)
    done = run({**odd_settings, "run_folder": str(tmp_path / "run")})
    assert "its report could not be written: ZeroDivisionError: no page today" in caplog.text
    assert done["test"] == read_json(tmp_path / "run" / "metrics.json")["test"]
    assert not (tmp_path / "run" / "report.html").exists()


def test_the_report_can_be_switched_off(odd_settings: dict[str, object], tmp_path: Path) -> None:
    run({**odd_settings, "run_folder": str(tmp_path / "run"), "report": False})
    assert not {"report.html", "examples.json"} & {path.name for path in (tmp_path / "run").iterdir()}


def test_neighbours_are_those_of_the_bundle_and_of_the_run_s_features(run_folder: Path) -> None:
    content = FinishedRun(run_folder)
    for item, example in zip(neighbours(content), content.examples["items"]):
        by_sid = [near.item for near in content.bundle.nearest(example["item"], 8)]
        assert [near.title for near in item.by_sid] == [content.title_of[token] for token in by_sid]
        assert [near.title for near in item.by_embedding] == [content.title_of[t] for t in example["nearest"][:8]]
        assert item.common == len(set(by_sid) & set(example["nearest"][:8]))


def test_recommendations_are_those_of_the_test(run_folder: Path) -> None:
    content = FinishedRun(run_folder)
    ranks = np.load(run_folder / "test_ranks.npz")["rank"]
    examples = recommendations(content)
    assert [user.rank or 0 for user in examples] == [ranks[user.row] for user in examples]
    recommender = Recommender.load(run_folder)
    for user, kept in zip(examples, content.examples["users"]):
        found = recommender.recommend(kept["history"], 10, exclude_seen=False)
        assert [one.title for one in user.recommended] == [content.title_of[one.item] for one in found]
        held_out = content.bundle.codes_of([kept["held_out"]])[0].tolist()
        for one in user.recommended:
            codes = list(map(int, one.sid.split("-")))
            assert one.shared == next((i for i in range(2) if codes[i] != held_out[i]), 2)


def test_later_changes_of_the_catalogue_do_not_change_them(run_folder: Path) -> None:
    expected = recommendations(FinishedRun(run_folder))
    recommender = Recommender.load(run_folder)
    recommender.add_items(["new"], table={"item_id": ["new"], "title": ["new"], "words": ["word1"]})
    recommender.remove_items({user["held_out"] for user in FinishedRun(run_folder).examples["users"]})
    recommender.save()
    assert recommendations(FinishedRun(run_folder)) == expected


def test_liger_s_scores_are_no_probabilities_and_lists_leave_out_what_the_test_does(
    odd_settings: dict[str, object], tmp_path: Path
) -> None:
    run({**odd_settings, "run_folder": str(tmp_path / "run"), "model": "LIGER", "eval_exclude_seen": True})
    content = FinishedRun(tmp_path / "run")
    ranks = np.load(tmp_path / "run" / "test_ranks.npz")["rank"]
    examples, users = recommendations(content), content.examples["users"]
    assert [user.rank or 0 for user in examples] == [ranks[user.row] for user in examples]
    found = Recommender.load(tmp_path / "run").recommend_many([user["history"][-4:] for user in users], 10)
    assert [[one.score for one in user.recommended] for user in examples] == [
        [f"score {one.score:.2f}" for one in items] for items in found
    ]
    text = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "How close the lists come" in text and "beam lost" not in text and "sampled items" not in text


def page_with(run_folder: Path, **changed: object) -> str:
    """Return the page of a run with other settings."""
    config = run_folder / "config.yaml"
    config.write_text(yaml.safe_dump({**yaml.safe_load(config.read_text()), **changed}))
    return write_run_report(run_folder).read_text(encoding="utf-8")


def test_lists_with_places_for_cold_items_are_said_to_be_others(run_folder: Path) -> None:
    assert "reserved places" not in write_run_report(run_folder).read_text(encoding="utf-8")
    text = page_with(run_folder, cold_list_share=0.2)
    assert "The test's lists reserved places for items held out of training (cold_list_share); those here" in text
    assert left_out(text) == []


def test_a_test_on_sampled_items_is_said_to_be_one(run_folder: Path) -> None:
    text = page_with(run_folder, eval_args={"mode": {"valid": "full", "test": "pop10"}})
    assert "The test ranks it among a few sampled items only (pop10)" in text
    assert "The test ranked sampled items only (pop10); the lists here are of all items" in text
    assert left_out(text) == [] and "beam lost" not in text


def test_lists_of_which_a_beam_finds_a_part_are_told_of_as_on_the_page_of_the_evaluation(run_folder: Path) -> None:
    assert "Where the beam lost the item" in page_with(run_folder, model="LIGER", retrieval="hybrid")


def test_a_validation_on_sampled_items_is_not_to_be_compared_with_the_test(run_folder: Path) -> None:
    text = page_with(run_folder, eval_args={"mode": {"valid": "uni20", "test": "full"}})
    assert "Validation ranks held-out items among a few sampled items only (uni20), the test among all items" in text


@pytest.mark.parametrize(
    ("changed", "short"),
    [({}, True), ({"eval_args": {"mode": "uni20"}}, False), ({"model": "LIGER", "retrieval": "dense"}, False)],
)
def test_only_a_beam_may_be_short(changed: dict[str, object], short: bool, run_folder: Path) -> None:
    path = run_folder / "evaluation.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "rates": {"missing": 0.5}}))
    assert ("The beam is short" in page_with(run_folder, **changed)) == short


def test_a_large_catalogue_makes_a_small_page(run_folder: Path, give_items: GiveItems, check_page: Check) -> None:
    codes = np.minimum(np.random.default_rng(0).geometric(0.02, size=(30_000, 2)) - 1, 255)
    labels = [ItemLabel(f"{'Länge ' * 20}{number}", f"Toys > Kind {number % 300}") for number in range(30_000)]
    give_items(run_folder, codes, [256, 256], labels)
    text = write_run_report(run_folder).read_text(encoding="utf-8")
    check_page(text)
    assert {"tree", "usage", "groups"}.isdisjoint(left_out(text))
    assert 1_000_000 < len(text.encode()) < 3_500_000
    assert re.search(r"[\d,]+ of 30,000 items are listed", text)


def test_no_run_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for given in (
        [f"--run_folder={tmp_path / 'nowhere'}"],
        [f"--run_folder={tmp_path}"],
        [f"--scorecard={tmp_path}"],
        ["--run_folder=a", "--scorecard=b"],
        ["--run=a"],
    ):
        assert main(given) == 2
        error = capsys.readouterr().err
        assert error.startswith("error: ") and "Traceback" not in error and error.count("\n") == 1
    assert main(["--help"]) == 0 and "--scorecard=FOLDER" in capsys.readouterr().out
