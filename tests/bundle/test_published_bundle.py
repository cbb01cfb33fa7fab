"""A bundle as a model repository."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from recbole_adasid.bundle import SIDBundle
from recbole_adasid.io.tensor_file import DamagedFile

NAME = "me/sids"


def same(one: SIDBundle, other: SIDBundle) -> bool:
    return list(one.tokens) == list(other.tokens) and (one.sids.sequences == other.sids.sequences).all()


def test_from_a_folder_and_by_name_it_is_the_same_bundle(
    bundle: SIDBundle, tmp_path: Path, loopback_hub: Any, features: np.ndarray
) -> None:
    folder = bundle.save_pretrained(tmp_path / "sids", license="cc-by-4.0")
    assert bundle.push_to_hub(NAME).startswith(f"{loopback_hub.address}/me/sids/commit/")
    for found in (*map(SIDBundle.from_pretrained, (folder, NAME)), SIDBundle.load(folder)):
        assert same(found, bundle) and dict(found.labels) == dict(bundle.labels)
        assert (found.encode(features) == bundle.encode(features)).all()
    assert "README.md" not in loopback_hub.downloaded


def test_a_bundle_without_a_tokenizer_is_published_without(bundle: SIDBundle, tmp_path: Path) -> None:
    bare = dataclasses.replace(bundle, tokenizer=None, about={})
    folder = bare.save_pretrained(tmp_path / "sids")
    assert same(SIDBundle.from_pretrained(folder), bundle) and not (folder / "tokenizer").exists()
    assert "bundle.encode" not in (folder / "README.md").read_text()


def test_the_card_says_what_it_is(bundle: SIDBundle, tmp_path: Path) -> None:
    folder = bundle.save_pretrained(tmp_path / "sids")
    card = (folder / "README.md").read_text(encoding="utf-8")
    front = yaml.safe_load(card.split("---\n")[1])
    assert front["license"] == "unknown" and "datasets" not in front and "semantic-ids" in front["tags"]
    assert "# Semantic IDs for made up" in card and "| distinct Semantic IDs per item, without suffix | 0.5 |" in card
    known: dict[str, Any] = {"features": np.zeros((1, 6), dtype=np.float32)}
    exec(card.split("```python\n")[1].split("```")[0].replace('"sids"', repr(str(folder))), known)  # our own card
    assert same(known["bundle"], bundle) and (folder / "codes.svg").read_text().startswith("<svg")


def test_places_of_this_machine_are_not_told(bundle: SIDBundle, tmp_path: Path) -> None:
    about = {**bundle.about, "source": {"kind": "run", "file": "/home/somebody/x"}}
    about["fingerprints"] = {"features": {"model": "/home/somebody/t5"}}
    folder = dataclasses.replace(bundle, about=about).save_pretrained(tmp_path / "sids")
    assert not any(b"somebody" in path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert SIDBundle.load(folder).about["fingerprints"]["features"] == {"model": "./t5"}


@pytest.mark.parametrize("name", ["bundle.json", "sids.safetensors", "items.json", "tokenizer/tokenizer.safetensors"])
def test_a_damaged_file_is_refused_by_name(
    name: str, bundle: SIDBundle, tmp_path: Path, damage: Callable[[Path], None], loopback_hub: Any
) -> None:
    folder = bundle.save_pretrained(tmp_path / "sids")
    damage(folder / name)
    loopback_hub.publish(NAME, folder)
    for source in (folder, NAME):
        with pytest.raises((DamagedFile, ValueError), match=name.replace(".", r"\.")):
            SIDBundle.from_pretrained(source)


def test_a_folder_with_files_is_not_overwritten(bundle: SIDBundle, tmp_path: Path) -> None:
    bundle.save_pretrained(tmp_path / "sids")
    with pytest.raises(FileExistsError, match="sids exists and is not an empty folder"):
        bundle.save_pretrained(tmp_path / "sids")
