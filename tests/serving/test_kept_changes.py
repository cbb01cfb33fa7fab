"""Changes of a catalogue that are kept beside the run: logged, and never over those of another process."""

from __future__ import annotations

import json
import os
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from new_items import table
from recbole_adasid.io.locks import InUse
from recbole_adasid.run_folder.catalogue_log import write_changes
from recbole_adasid.run_folder.folder import RunFolder
from recbole_adasid.serving.recommender import Recommender


def test_changes_are_kept_beside_the_run_and_touch_nothing_else(copy: Path) -> None:
    files = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    recommender = Recommender.load(copy)
    recommender.add_items(["new0"], table=table("the red thing"))
    recommender.remove_items(["i5"])
    recommender.save()
    again = Recommender.load(copy)
    assert again.recommend(["i3", "new0"], 20) == recommender.recommend(["i3", "new0"], 20)
    assert again.semantic_ids(["new0"]) == recommender.semantic_ids(["new0"])
    new = {path.name for path in copy.rglob("*") if path.is_file() and path not in files}
    assert new == {"new-items.safetensors", "new-items.jsonl"}
    assert all(path.read_bytes() == content for path, content in files.items())


def test_what_came_and_went_is_logged_when_it_is_kept(copy: Path) -> None:
    recommender = Recommender.load(copy)
    recommender.add_items(["new0", "i3", "bad"], table=table("the red thing"), bad_items="skip")
    recommender.remove_items(["i5"])
    assert not (copy / "new-items.jsonl").exists()
    recommender.save()
    recommender.save()
    again = Recommender.load(copy)
    again.remove_items(["new0"])
    again.save()
    lines = [json.loads(line) for line in (copy / "new-items.jsonl").read_text().splitlines()]
    assert [(line["action"], line["items"], line["recommended"]) for line in lines] == [
        *(("add", ["new0"], 21), ("remove", ["i5"], 20), ("remove", ["new0"], 19))
    ]
    assert lines[0]["known"] == 1 and list(lines[0]["refused"]) == ["bad"]
    assert all(datetime.fromisoformat(line["time"]).tzinfo for line in lines)


def test_changes_that_another_process_kept_are_not_lost(copy: Path) -> None:
    first, second = Recommender.load(copy), Recommender.load(copy)
    first.add_items(["a"], features=np.zeros((1, 8)))
    first.save()
    second.add_items(["b"], features=np.ones((1, 8)))
    with pytest.raises(InUse, match="was changed since this recommender was loaded: load it again"):
        second.save()
    first.remove_items(["i3"])
    first.save()
    assert Recommender.load(copy).tokens[20:] == ["a"]


@pytest.mark.parametrize("name", ["model.safetensors", "sids.json"])
def test_changes_to_a_run_that_was_trained_again_are_not_kept(name: str, copy: Path) -> None:
    stale = Recommender.load(copy)
    stale.remove_items(["i3"])
    again = shutil.copy(copy / name, copy / "again")
    os.replace(again, copy / name)
    for one in (stale, stale.copy()):
        with pytest.raises(
            InUse, match="has been retrained since this recommender was loaded: load it again and repeat"
        ):
            one.save()
    assert not list(copy.glob("new-items*"))
    fresh = Recommender.load(copy)
    fresh.remove_items(["i3"])
    fresh.save()


def test_no_other_process_can_change_the_folder_during_a_save(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recommender, refused = Recommender.load(copy), []
    recommender.remove_items(["i3"])
    with RunFolder.existing(copy).in_use(), pytest.raises(InUse, match="is in use by another process"):
        recommender.save()

    def write(*given: Any) -> None:
        with pytest.raises(InUse) as error, RunFolder.existing(copy).in_use():
            pass
        refused.append(error)
        write_changes(*given)

    monkeypatch.setattr("recbole_adasid.serving.live_catalogue.write_changes", write)
    recommender.save()
    with RunFolder.existing(copy).in_use():
        recommender.remove_items(["i4"])
        recommender.save(locked=True)
    assert len(refused) == 2 and Recommender.load(copy).n_recommended == 18


def test_a_change_of_nothing_leaves_the_file_of_changes_alone(copy: Path) -> None:
    """Servers load the run again once that file is another one."""
    recommender = Recommender.load(copy)
    assert not recommender.save().exists()
    recommender.add_items(["new0"], table=table("the red thing"))
    recommender.remove_items(["i5"])
    path = recommender.save()
    stamp, logged = path.stat().st_mtime_ns, (copy / "new-items.jsonl").read_text(encoding="utf-8")
    again = Recommender.load(copy)
    again.add_items(["new0"], table=table("the red thing"))
    again.remove_items(["i5"])
    assert again.save() == path and path.stat().st_mtime_ns == stamp
    added = (copy / "new-items.jsonl").read_text(encoding="utf-8").removeprefix(logged)
    assert added.count("\n") == 2  # what was asked for is logged all the same
    recommender.add_items(["i5"])
    recommender.save()
    assert path.stat().st_mtime_ns > stamp and Recommender.load(copy).n_recommended == recommender.n_recommended
