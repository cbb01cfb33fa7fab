"""Bundles of finished runs, and runs on bundles."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recbole_adasid.bundle import SIDBundle
from recbole_adasid.bundle.from_run import content_of_run
from recbole_adasid.data.item_labels import read_labels
from recbole_adasid.io.json_file import read_json
from recbole_adasid.io.tensor_file import DamagedFile
from recbole_adasid.plugin.run import run
from recbole_adasid.serving.recommender import Recommender


@pytest.fixture
def copy(finished: dict[str, Any], tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished["run_folder"], tmp_path / "run"))


def test_a_bundle_holds_what_the_run_learnt(finished: dict[str, Any]) -> None:
    bundle, learned = SIDBundle.from_run(finished["run_folder"]), finished["semantic_ids"]
    assert np.array_equal(bundle.codes, learned.codes) and bundle.sids.level_sizes == learned.codebook_sizes
    assert learned.quality["collision_rate"] > 0  # or suffixes would not be put to the test
    rows = read_json(finished["run_folder"] / "sids.json")
    assert rows == dict(zip(bundle.tokens, bundle.sids.sequences.tolist()))
    assert bundle.labels == read_labels(finished["run_folder"] / "items.json")
    about = bundle.about
    assert about["fingerprints"]["semantic_ids"] == learned.fingerprint
    assert about["fingerprints"]["features"] == learned.description["features"]
    assert about["settings"] == learned.description["tokenizer"] and about["quality"] == learned.quality
    assert about["dataset"]["name"] == "tiny" and about["source"]["items_added"] == 0


@pytest.mark.parametrize("collision", ["suffix", "shared"])
def test_a_run_on_a_bundle_equals_the_run_it_came_from(collision, finished, run_settings, tmp_path: Path) -> None:
    settings = {**run_settings, "collision": collision}
    first = finished if collision == "suffix" else run(settings)
    SIDBundle.from_run(first["run_folder"]).save(tmp_path / "bundle")
    second = run({**settings, "sids_file": str(tmp_path / "bundle"), "tokenizer": "adasid"})
    assert second["test"] == first["test"] and second["best_valid"] == first["best_valid"]
    assert read_json(second["run_folder"] / "sids.json") == read_json(first["run_folder"] / "sids.json")
    again = SIDBundle.from_run(second["run_folder"])  # of a run that was given its Semantic IDs
    assert np.array_equal(again.codes, SIDBundle.from_run(first["run_folder"]).codes)
    assert again.tokenizer is not None and again.about["source"]["given"]["level_sizes"] == [3, 3, 3]


def test_published_semantic_ids_train_tiger_as_their_own_run_did(finished, run_settings, tmp_path: Path) -> None:
    path = SIDBundle.from_run(finished["run_folder"]).export("letter", tmp_path / "tiny.index.json")
    imported = SIDBundle.imported("letter", path)
    imported.save(tmp_path / "bundle")
    assert run({**run_settings, "sids_file": str(tmp_path / "bundle")})["test"] == finished["test"]


def test_items_that_came_later_are_there_and_nobody_is_renamed(copy: Path) -> None:
    before = SIDBundle.from_run(copy)
    recommender = Recommender.load(copy)
    recommender.add_items(["new"], table={"item_id": ["new"], "title": ["the red thing"]})
    recommender.remove_items(["i3"])
    recommender.save()
    after = SIDBundle.from_run(copy)
    assert list(after.tokens) == [*before.tokens, "new"]
    assert np.array_equal(after.sids.sequences[:-1], before.sids.sequences)
    assert after.sids.sequences[-1].tolist() == recommender.semantic_ids(["new"])[0]
    assert after.labels["new"].title == "the red thing"
    source = after.about["source"]
    assert [source[f"items_{what}"] for what in ("of_the_run", "added", "removed")] == [20, 1, 1]
    assert after.about["dataset"] == before.about["dataset"]


def test_folders_of_no_run_are_refused(copy: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no run folder"):
        content_of_run(tmp_path / "absent")
    (copy / "sids.json").unlink()
    with pytest.raises(FileNotFoundError):
        content_of_run(copy)


def changed(path: Path, change: Any) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_semantic_ids_that_were_changed_are_refused(copy: Path) -> None:
    keep = (copy / "sids.json").read_text()
    for change in (
        lambda rows: rows.update(i3=[0, 0]),
        lambda rows: rows.update(i3="x"),
        lambda rows: rows.update(i3=[0, 0, 9, 0]),
        lambda rows: rows.update(i3=[10**30, 0, 0, 0]),
        lambda rows: rows.clear(),
    ):
        changed(copy / "sids.json", change)
        with pytest.raises(DamagedFile, match="do not match"):
            content_of_run(copy)
        (copy / "sids.json").write_text(keep)
    changed(copy / "sids.info.json", lambda info: info.pop("level_sizes"))
    with pytest.raises(DamagedFile, match="do not match"):
        content_of_run(copy)


def test_files_of_another_run_are_refused(copy: Path, run_settings: dict[str, Any]) -> None:
    other = run({**run_settings, "codebook_size": 2})["run_folder"]
    shutil.copytree(other / "tokenizer", copy / "tokenizer", dirs_exist_ok=True)
    with pytest.raises(DamagedFile, match=r"codebooks of \[2, 2, 2\].* levels of \[3, 3, 3\]"):
        content_of_run(copy)


def test_changes_of_another_catalogue_are_refused(copy: Path) -> None:
    recommender = Recommender.load(copy)
    recommender.remove_items(["i3"])
    recommender.save()
    changed(copy / "sids.json", lambda rows: rows.update(i999=rows.pop("i3")))
    with pytest.raises(DamagedFile, match="another run's catalogue"):
        content_of_run(copy)
