"""The publishable copy of a run: what is left out, and what must not leak."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from recbole_adasid.data.item_labels import ItemLabel
from recbole_adasid.io.tensor_file import DamagedFile, read_tensors, write_tensors
from recbole_adasid.run_folder.catalogue_log import CatalogueChanges, read_changes
from recbole_adasid.run_folder.folder import RunFolder
from recbole_adasid.run_folder.model_file import KIND, read_model
from recbole_adasid.run_folder.shared_copy import NEEDED, OPTIONAL, write_shared_copy
from recbole_adasid.tokenizer.saved import load_tokenizer

STAYS = {
    "examples.json": "histories of users",
    "test_ranks.npz": "a rank for each user",
    "report.html": "histories of users",
    "evaluation.json": "slices of few users",
    "evaluation.md": "slices of few users",
    "run.log": "paths",
    "about.json": "the device; its other figures are in config.json",
    "history.json": "only for the report",
    "item_vectors.npz": "only for other runs",
    "tensorboard": "only for the report",
    "new-items.jsonl": "times and reasons",
    ".lock": "empty",
}
"""Files of a run that are not copied, and why."""
NO_CHANGES = CatalogueChanges()


def copied(run: Path, target: Path, changes: CatalogueChanges = NO_CHANGES, digest: str = "") -> Path:
    target.mkdir()
    write_shared_copy(RunFolder(run), target, changes, digest)
    return target


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def content(folder: Path) -> bytes:
    return b"\n".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_every_file_of_a_run_is_copied_or_known_to_stay(finished_run: Path, tmp_path: Path) -> None:
    there = {name for name in names(finished_run) if name.split("/")[0] not in STAYS}
    assert names(copied(finished_run, tmp_path / "copy")) == there <= {*NEEDED, *OPTIONAL}


def test_the_copy_has_the_weights_and_not_the_optimiser(finished_run: Path, tmp_path: Path) -> None:
    copy = copied(finished_run, tmp_path / "copy")
    before, _ = read_tensors(finished_run / "model.safetensors", KIND)
    after = read_model(copy / "model.safetensors").tensors
    assert any(name.startswith("optimizer/") for name in before)
    assert set(after) == {name for name in before if name.startswith("model/")}
    assert all(torch.equal(after[name], before[name]) for name in after)
    assert load_tokenizer(copy / "tokenizer")[1] == load_tokenizer(finished_run / "tokenizer")[1]
    assert (copy / "sids.json").read_bytes() == (finished_run / "sids.json").read_bytes()


def test_no_path_of_this_machine_is_told(
    run_copy: Path, tiny_data: Path, tmp_path: Path, resigned: Callable[..., Path]
) -> None:
    secret = "/home/somebody/acme"
    places = {"data_path": secret, "run_folder": secret, "text_encoder_model": f"{secret}/t5", "sids_file": secret}
    places |= {"item_features_file": f"{secret}/vectors.npz", "cache_dir": secret, "items_table": secret}
    places |= {"modalities": [{"image_folder": secret, "weight": 1.0}, {"behaviour": "../acme/run"}]}
    resigned(run_copy, **places)
    config = yaml.safe_load((run_copy / "config.yaml").read_text(encoding="utf-8"))
    (run_copy / "config.yaml").write_text(yaml.safe_dump({**config, **places}), encoding="utf-8")
    tensors, about = read_tensors(run_copy / "tokenizer" / "tokenizer.safetensors", "tokenizer")
    about["description"]["features"] = {"kind": "text", "model": f"{secret}/t5"}
    write_tensors(run_copy / "tokenizer" / "tokenizer.safetensors", "tokenizer", tensors, about)
    (run_copy / "tokenizer" / "tokenizer.json").write_text(json.dumps(about["description"]), encoding="utf-8")
    copy = copied(run_copy, tmp_path / "copy")
    assert secret.encode() in content(run_copy)
    for place in (secret, str(tiny_data), str(tmp_path), str(Path.home()), "../acme"):
        assert place.encode() not in content(copy), place
    settings = read_model(copy / "model.safetensors").about["config"]["settings"]
    assert settings["text_encoder_model"] == "./t5" and settings["item_features_file"] == "./vectors.npz"
    assert settings["modalities"] == [{"image_folder": "./acme", "weight": 1.0}, {"behaviour": "./run"}]
    assert load_tokenizer(copy / "tokenizer")[1]["features"] == {"kind": "text", "model": "./t5"}


def test_metrics_of_slices_which_may_be_of_one_user_stay_behind(finished_run: Path, tmp_path: Path) -> None:
    before = json.loads((finished_run / "metrics.json").read_text())
    after = json.loads((copied(finished_run, tmp_path / "copy") / "metrics.json").read_text())
    assert after["test"] == before["test"] and after["test_intervals"] == before["test_intervals"]
    assert "test_slices" in before and not any("slice" in key for key in after)


def test_added_and_removed_items_are_copied_without_the_lines_of_their_log(finished_run: Path, tmp_path: Path) -> None:
    model = read_model(finished_run / "model.safetensors")
    places = model.tensors["model/tiger.catalogue.tokens"].shape[1]
    new = {"tokens": ["new"], "sids": torch.zeros(1, places, dtype=torch.int64), "labels": [ItemLabel("New", "")]}
    changes = CatalogueChanges(**new, removed=frozenset({"i1"}), to_log=["secret reason"], features=torch.empty(1, 0))
    copy = copied(finished_run, tmp_path / "copy", changes, model.about["data"]["digest"])
    found = read_changes(copy / "new-items.safetensors", model.about["data"]["digest"], places)
    assert found.tokens == ["new"] and found.removed == {"i1"} and found.labels == [ItemLabel("New", "")]
    assert b"secret" not in content(copy)


@pytest.mark.parametrize("name", ["model.safetensors", "sids.json"])
def test_what_is_needed_is_not_missed_silently(name: str, run_copy: Path, tmp_path: Path) -> None:
    (run_copy / name).unlink()
    with pytest.raises(FileNotFoundError, match=name):
        copied(run_copy, tmp_path / "copy")


def test_a_damaged_model_is_not_copied(run_copy: Path, tmp_path: Path, damage: Callable[[Path], None]) -> None:
    damage(run_copy / "model.safetensors")
    with pytest.raises(DamagedFile):
        copied(run_copy, tmp_path / "copy")


@pytest.fixture
def damage() -> Callable[[Path], Any]:
    """Change one byte in the middle of a file."""

    def change(path: Path) -> None:
        blob = bytearray(path.read_bytes())
        blob[len(blob) // 2] ^= 1
        path.write_bytes(blob)

    return change
