"""The folder of a bundle: all of it comes back, and whatever was changed is found out."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("hypothesis")
from hypothesis import HealthCheck, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from recbole_adasid.bundle import SIDBundle  # noqa: E402
from recbole_adasid.bundle.content import BundleContent  # noqa: E402
from recbole_adasid.bundle.folder import DESCRIPTION, read_content, write_content  # noqa: E402
from recbole_adasid.bundle.item_sids import as_item_sids  # noqa: E402
from recbole_adasid.data.item_labels import ItemLabel  # noqa: E402
from recbole_adasid.io.digests import file_digest  # noqa: E402
from recbole_adasid.io.tensor_file import DamagedFile, write_tensors  # noqa: E402

FILES = [
    *("bundle.json", "features.safetensors", "items.json", "sids.safetensors"),
    *("tokenizer/tokenizer.json", "tokenizer/tokenizer.safetensors"),
]


@pytest.fixture
def folder(bundle: SIDBundle, tmp_path: Path) -> Path:
    bundle.save(tmp_path / "bundle")
    return tmp_path / "bundle"


def test_everything_comes_back(bundle: SIDBundle, folder: Path, features: np.ndarray) -> None:
    files = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    assert sorted(files) == FILES
    again = SIDBundle.load(folder)
    assert list(again.tokens) == list(bundle.tokens) and np.array_equal(again.codes, bundle.codes)
    assert np.array_equal(again.sids.suffix, bundle.sids.suffix) and again.sids.level_sizes == bundle.sids.level_sizes
    assert again.labels == bundle.labels
    assert again.about == {**bundle.about, "quality": {"unique_sids": 0.5, "undefined": None}}
    assert np.array_equal(again.encode(features), bundle.encode(features))
    assert again.fitted.keys() == bundle.fitted.keys()
    assert all(np.array_equal(again.fitted[name], bundle.fitted[name]) for name in bundle.fitted)


NAMES = st.text(max_size=5)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(data=st.data(), tokens=st.lists(NAMES, min_size=1, max_size=6, unique=True), shared=st.booleans())
def test_any_tokens_codes_and_labels_come_back(data: st.DataObject, tokens: list[str], shared: bool, tmp_path) -> None:
    sizes = data.draw(st.lists(st.sampled_from([1, 3, 65_536]), min_size=1, max_size=3))
    rows = [[data.draw(st.integers(0, size - 1)) for size in sizes] for _ in tokens]
    sids = as_item_sids(tokens, rows, sizes, None if shared else range(len(tokens)))
    labels = {token: ItemLabel(data.draw(NAMES), "x") for token in tokens[::2]}
    shutil.rmtree(tmp_path / "b", ignore_errors=True)
    write_content(BundleContent(sids, labels=labels), tmp_path / "b")
    again = read_content(tmp_path / "b")
    assert list(again.sids.tokens) == tokens and again.sids.codes.tolist() == rows and again.labels == labels
    assert again.sids.collision == sids.collision and again.tokenizer is None


def test_a_bundle_can_be_read_without_its_tokenizer(folder: Path) -> None:
    content = read_content(folder, with_tokenizer=False)
    assert content.tokenizer is None and not content.fitted


def test_a_bundle_of_an_earlier_version_is_read(folder: Path) -> None:
    (folder / "features.safetensors").unlink()
    description = json.loads((folder / DESCRIPTION).read_text())
    del description["feature_kind"], description["digest"], description["files"]["features.safetensors"]
    digest = hashlib.sha256(json.dumps(description, sort_keys=True).encode()).hexdigest()
    (folder / DESCRIPTION).write_text(json.dumps({**description, "digest": digest}))
    content = read_content(folder)
    assert content.tokenizer is not None and content.fitted == {} and content.about["feature_kind"] is None


def test_a_folder_that_holds_something_is_left_alone(bundle: SIDBundle, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(FileExistsError, match="exists and is not empty"):
        bundle.save(folder)
    with pytest.raises(FileExistsError):
        bundle.save(folder / "items.json")
    (tmp_path / "empty").mkdir()
    bundle.save(tmp_path / "empty")


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_found_out(name: str, folder: Path, damage: Callable[[Path], None]) -> None:
    damage(folder / name)
    with pytest.raises(ValueError, match=Path(name).name):
        read_content(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_truncated_file_is_found_out(name: str, folder: Path) -> None:
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=Path(name).name):
        read_content(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(name: str, folder: Path) -> None:
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=Path(name).name):
        read_content(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_another_bundle_is_found_out(name: str, bundle: SIDBundle, folder: Path, tmp_path: Path) -> None:
    """The other bundle is sound and as large, but its items stand in another order."""
    order = np.arange(len(bundle.tokens))[::-1]
    suffix = bundle.sids.suffix
    assert suffix is not None and bundle.tokenizer is not None
    tokens = [bundle.tokens[row] for row in order]
    sids = as_item_sids(tokens, bundle.codes[order], bundle.sids.level_sizes, suffix[order])
    about = {**bundle.about, "fingerprints": {"features": "other", "pairs": "other"}}
    other = SIDBundle(sids, bundle.tokenizer, {}, about, {"words": np.arange(8, dtype=np.uint8)})
    other.save(tmp_path / "other")
    assert file_digest(tmp_path / "other" / name) != file_digest(folder / name)
    shutil.copy(tmp_path / "other" / name, folder / name)
    with pytest.raises(DamagedFile, match="was modified after it was written"):
        read_content(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "something"}, "does not describe a SID bundle"),
        ({"version": 2}, "has version 2, but this package reads 1"),
        ({"version": None}, "has version None"),
        ({"items": 7}, "was modified after it was written"),
        ({"digest": "0"}, "was modified after it was written"),
        ({"files": []}, "was modified after it was written"),
        ({"files": {"../../evil": "0"}}, "was modified after it was written"),
    ],
)
def test_a_description_that_was_edited_is_refused(changes: dict[str, Any], message: str, folder: Path) -> None:
    description = json.loads((folder / DESCRIPTION).read_text())
    (folder / DESCRIPTION).write_text(json.dumps({**description, **changes}))
    with pytest.raises(DamagedFile, match=message):
        read_content(folder)


def signed(folder: Path, **changes: Any) -> None:
    """Put a description into the folder whose checksums are right, as somebody would who means harm."""
    description = json.loads((folder / DESCRIPTION).read_text())
    del description["digest"]
    description = {**description, **changes}
    description["files"] = {**description["files"], **{name: file_digest(folder / name) for name in FILES[1:4]}}
    digest = hashlib.sha256(json.dumps(description, sort_keys=True).encode()).hexdigest()
    (folder / DESCRIPTION).write_text(json.dumps({**description, "digest": digest}))


def codes(rows: int, value: int = 0) -> torch.Tensor:
    return torch.full((rows, 3), value, dtype=torch.int32)


@pytest.mark.parametrize(
    ("tensors", "about"),
    [
        ({}, {"level_sizes": [4, 3, 5]}),
        ({"codes": codes(40)}, {}),
        ({"codes": codes(40)}, {"level_sizes": 3}),
        ({"codes": codes(40)}, {"level_sizes": ["a", "b", "c"]}),
        ({"codes": codes(39)}, {"level_sizes": [4, 3, 5]}),
        ({"codes": codes(40, 7)}, {"level_sizes": [4, 3, 5]}),
        ({"codes": codes(40), "suffix": torch.zeros(40, dtype=torch.int32)}, {"level_sizes": [4, 3, 5]}),
        ({"codes": codes(40), "suffix": torch.arange(39)}, {"level_sizes": [4, 3, 5]}),
    ],
)
def test_sound_files_of_unsound_content_are_refused(tensors, about, folder: Path) -> None:
    write_tensors(folder / "sids.safetensors", "sid-bundle", tensors, about)
    signed(folder)
    with pytest.raises(DamagedFile, match="do not match"):
        read_content(folder)


def test_a_description_of_other_semantic_ids_is_refused(folder: Path) -> None:
    signed(folder, items=41)
    with pytest.raises(DamagedFile, match="does not match the Semantic IDs in"):
        read_content(folder)


def test_files_outside_the_folder_are_never_read(folder: Path) -> None:
    (folder.parent / "secret").write_text("x")
    signed(folder, files={"../secret": "0", **json.loads((folder / DESCRIPTION).read_text())["files"]})
    assert read_content(folder).sids.tokens  # what the description names beyond a bundle's files is ignored


def test_a_folder_of_none_is_refused(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "absent"):
        with pytest.raises(FileNotFoundError, match="is not a SID bundle"):
            read_content(place)


def test_a_tokenizer_without_settings_is_refused_before_it_is_written(bundle: SIDBundle) -> None:
    with pytest.raises(ValueError, match="needs its settings"):
        SIDBundle(bundle.sids, bundle.tokenizer)
