"""The page's table of AdaSID's relative gain over all datasets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recbole_adasid.evaluation.metric_intervals import gains
from recbole_adasid.evaluation.significance import relative_gain
from recbole_adasid.grid.overall import overall
from recbole_adasid.grid.records import METRICS, PAPER_METRICS

USERS = 40


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "ranks").mkdir()
    return tmp_path


def run(out: Path, dataset: str, cell: str, seed: int, most: int = 9, **more: Any) -> dict[str, Any]:
    """A finished cell whose items are found at ranks up to ``most``."""
    name = f"{dataset}-{cell}-{seed}.npz"
    ranks = np.random.default_rng([seed, len(name)]).integers(1, most, size=USERS)
    np.savez(out / "ranks" / name, user=np.arange(USERS), item=np.arange(USERS), rank=ranks)
    about = {"cell": cell, "dataset": dataset, "seed": seed, "ranks": name, "options": [], "common": ["--epochs=6"]}
    return {**about, "best_valid": {"ndcg@10": 0.1}, "test": dict.fromkeys(METRICS, 0.1), **more}


def metrics_of(out: Path, runs: list[dict[str, Any]]) -> np.ndarray:
    ranks = [np.load(out / "ranks" / run["ranks"])["rank"] for run in runs]
    return np.stack([np.stack([gains(one, metric) for one in ranks]) for metric in PAPER_METRICS])


def shown(page: str, label: str) -> list[str]:
    (line,) = (line for line in page.splitlines() if line.startswith(f"| {label} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_a_baseline_of_both_datasets_has_the_mean_gain_by_shared_seeds_and_the_papers(out: Path) -> None:
    ours = [run(out, dataset, "adasid", seed, 6) for dataset in ("amazon-toys", "amazon-beauty") for seed in (1, 2, 3)]
    theirs = [run(out, "amazon-toys", "quasid", seed) for seed in (1, 2, 4)]
    theirs += [run(out, "amazon-beauty", "quasid", seed) for seed in (2, 3)]
    _, note, page = overall(out, [*ours, *theirs])
    label, seeds, toys, _, both, p = shown(page, "quasid")
    a = metrics_of(out, ours[:2]), metrics_of(out, theirs[:2]), None
    b = metrics_of(out, ours[4:]), metrics_of(out, theirs[3:]), None
    found, alone = relative_gain([a, b]), relative_gain([a])
    assert (label, seeds, p) == ("quasid", "2 / 2", f"{found.p:.2g}")
    assert both == f"{found.value:+.1%} [{found.low:+.1%}, {found.high:+.1%}]"
    assert toys == f"{alone.value:+.1%} [{alone.low:+.1%}, {alone.high:+.1%}] (+7.5%)"
    assert "in brackets the paper's" in note


def test_the_papers_gains_are_not_beside_figures_measured_otherwise(out: Path) -> None:
    options = {"options": ["--rm_dup_inter=first"]}
    datasets = ("amazon-toys", "amazon-beauty")
    runs = [run(out, one, cell, 1, 6, **options) for one in datasets for cell in ("adasid", "quasid")]
    _, note, page, why = overall(out, runs)
    assert "brackets" not in note and "(+" not in page and "`--rm_dup_inter=first` may change" in why


def test_one_seed_says_that_its_p_is_over_users_only_and_a_missing_dataset_leaves_the_mean_open(out: Path) -> None:
    names = ("adasid", "rqvae", "adasid-no-las")
    records = [run(out, dataset, name, 1) for dataset in ("a", "b") for name in names]
    records += [run(out, "a", "simrq", 1), run(out, "a", "simrq", 2), run(out, "b", "rotation", 2)]
    page = overall(out, records)[-1]
    assert shown(page, "rqvae")[-1].endswith(", users only") and shown(page, "rqvae")[1] == "1 / 1"
    assert shown(page, "adasid-no-las")[1] == "1 / 1"
    assert shown(page, "simrq")[1] == "1 / 0" and shown(page, "simrq")[3:] == ["", "", ""]
    assert "rotation" not in page  # none of its seeds is one of AdaSID's


def test_cells_of_other_items_without_hits_or_for_choosing_are_left_out(out: Path) -> None:
    records = [run(out, dataset, name, 1) for dataset in ("a", "b") for name in ("adasid", "rqvae", "grvq", "vqgan")]
    others = np.arange(USERS) + 1
    np.savez(out / "ranks" / "a-rqvae-1.npz", user=np.arange(USERS), item=others, rank=others)
    np.savez(out / "ranks" / "a-grvq-1.npz", user=np.arange(USERS), item=np.arange(USERS), rank=np.full(USERS, 50))
    records += [run(out, dataset, "simrq", 1, choice=True) for dataset in ("a", "b")]
    page = overall(out, records)[-1]
    assert shown(page, "rqvae")[1:4:2] == ["0 / 1", shown(page, "rqvae")[3]] and shown(page, "rqvae")[2] == ""
    assert shown(page, "grvq")[2] == "" and shown(page, "grvq")[3] and shown(page, "grvq")[4:] == ["", ""]
    assert shown(page, "vqgan")[4] and "simrq" not in page


def test_where_lists_are_shorter_than_the_papers_metrics_there_is_no_gain(out: Path) -> None:
    records = [run(out, dataset, name, 1) for dataset in ("a", "b") for name in ("adasid", "rqvae", "grvq")]
    for record in records:
        if record["cell"] == "rqvae":
            record["test"] = {"recall@3": 0.1, "ndcg@3": 0.1}
    page = overall(out, records)[-1]
    assert "rqvae" not in page and shown(page, "grvq")[4]
    assert overall(out, [record for record in records if record["cell"] != "grvq"]) == []


def test_one_dataset_or_nothing_to_compare_with_gives_no_table(out: Path) -> None:
    assert overall(out, [run(out, "a", "adasid", 1), run(out, "a", "rqvae", 1)]) == []
    assert overall(out, [run(out, "a", "adasid", 1), run(out, "b", "adasid", 1)]) == []
    assert overall(out, [run(out, "a", "rqvae", 1), run(out, "b", "rqvae", 1)]) == []
    parted = [run(out, "a", "adasid", 1), run(out, "b", "adasid", 1, common=[]), run(out, "b", "rqvae", 1, common=[])]
    assert overall(out, [*parted, run(out, "a", "rqvae", 1)]) == []  # datasets of other settings are not averaged


def test_tuned_cells_are_compared_with_each_other_and_with_the_untuned_setting(out: Path) -> None:
    names = ("adasid", "adasid-tuned", "quasid", "quasid-tuned")
    records = [run(out, dataset, name, 1) for dataset in ("amazon-toys", "amazon-beauty") for name in names]
    title, _, untuned, note, tuned = overall(out, records)
    assert title == "## All datasets --epochs=6" and "brackets" not in note
    assert [line.split(" | ")[0] for line in untuned.splitlines()[2:]] == ["| quasid"]
    assert [line.split(" | ")[0] for line in tuned.splitlines()[2:]] == ["| quasid-tuned", "| adasid"]
    assert tuned.startswith("| adasid-tuned against |") and "(+" not in tuned
