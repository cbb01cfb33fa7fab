"""Semantic IDs from several modalities, and from items that lack one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recbole_adasid.features import image_encoders
from recbole_adasid.features import item_features as item_features_module
from recbole_adasid.features.item_features import item_features
from recbole_adasid.io.stage_cache import StageCache
from recbole_adasid.learning.pipeline import learn_semantic_ids, semantic_ids_fingerprint
from small_dataset import N_ITEMS, SmallDataset, config, small_dataset


@pytest.fixture
def dataset(tmp_path: Path) -> SmallDataset:
    return small_dataset(tmp_path)


def two_modalities(folder: Path, missing: int = 0) -> list[dict]:
    """Vectors of two sources; the second lacks the first items."""
    tokens = np.array([f"i{row}" for row in range(missing, N_ITEMS)])
    vectors = np.random.default_rng(3).normal(size=(len(tokens), 4))
    np.savez(folder / "image.npz", item_id=tokens, embedding=vectors)
    return [{"item_features_file": "features.npz"}, {"item_features_file": "image.npz", "weight": 0.5}]


def test_modalities_are_fused_and_learned_from(dataset, tmp_path):
    settings = config("adasid", tmp_path, modalities=two_modalities(tmp_path))
    first, second = (learn_semantic_ids(settings, dataset) for _ in range(2))
    assert first.tokenizer.width == 14 and first.fingerprint == second.fingerprint
    assert first.description["tokenizer"]["feature_blocks"] == [[10, 1.0], [4, 0.5]]
    assert second.stages["tokenizer"] == "reused" and np.array_equal(first.codes, second.codes)


def test_texts_and_files_are_modalities_with_settings_of_their_own(dataset, tmp_path):
    rows = [f"i{row}\tthing number {row}\t{'red' if row % 2 else 'blue'}" for row in range(N_ITEMS)]
    (tmp_path / "small.item").write_text("\n".join(["item_id:token\ttitle:token\tbrand:token", *rows]) + "\n")
    sources = [{"text_fields": ["title"]}, {"text_template": "{brand}", "text_width": 2}, *two_modalities(tmp_path)]
    settings = config("rqkmeans", tmp_path, modalities=sources)
    found = item_features(settings, dataset, StageCache(None))
    assert found.values.shape == (N_ITEMS, 5 + 2 + 10 + 4)
    assert np.linalg.norm(found.values[:, -4:], axis=1) == pytest.approx(np.full(N_ITEMS, 0.5))


@pytest.mark.parametrize(
    "change",
    [
        {"fusion": "mean"},
        {"fusion": "pca"},
        {"fusion": "pca", "fusion_width": 2},
        {"fusion": "whitening"},
        {"modality_unit_length": False},
        {"modalities": [{"item_features_file": "features.npz"}]},
        {"modalities": [{"item_features_file": "features.npz"}, {"item_features_file": "image.npz", "weight": 0.6}]},
        {"modalities": None},
    ],
)
def test_whatever_changes_the_fused_features_changes_the_fingerprint(change, dataset, tmp_path):
    base = config("rqkmeans", tmp_path, modalities=two_modalities(tmp_path))
    if change.get("fusion") == "mean":
        base["modalities"] = change["modalities"] = [{"item_features_file": "features.npz"}] * 2
    assert semantic_ids_fingerprint(base, dataset) != semantic_ids_fingerprint({**base, **change}, dataset)


def test_a_modality_that_items_miss_is_refused_unless_allowed(dataset, tmp_path):
    settings = config("rqkmeans", tmp_path, modalities=two_modalities(tmp_path, missing=3))
    with pytest.raises(ValueError, match="no vector for 3 of 30 items.* set missing_modality=allow"):
        item_features(settings, dataset, StageCache(None))
    found = item_features({**settings, "missing_modality": "allow"}, dataset, StageCache(None))
    assert not found.values[:3, 10:].any() and found.values[3:, 10:].any(axis=1).all()


def test_items_without_text_miss_that_modality(dataset, tmp_path):
    rows = [f"i{row}\t{'' if row < 2 else f'thing number {row}'}" for row in range(N_ITEMS)]
    (tmp_path / "small.item").write_text("\n".join(["item_id:token\ttitle:token", *rows]) + "\n")
    settings = config("rqkmeans", tmp_path, modalities=[{"text_fields": ["title"]}, *two_modalities(tmp_path)])
    with pytest.raises(ValueError, match="2 items lack the modality .*'title'.* first 'i0'"):
        item_features(settings, dataset, StageCache(None))
    assert item_features({**settings, "missing_modality": "allow"}, dataset, StageCache(None)).values[:2, 5:].any()


def test_a_single_file_that_lacks_items_gives_them_zero_vectors_where_that_is_allowed(dataset, tmp_path):
    two_modalities(tmp_path, missing=3)
    settings = config("rqkmeans", tmp_path, item_features_file="image.npz", missing_modality="allow")
    found = item_features(settings, dataset, StageCache(None))
    assert not found.values[:3].any() and found.values[3:].any(axis=1).all()


def test_images_are_a_modality_and_broken_ones_are_missing(dataset, tmp_path, monkeypatch):
    class ByLength:
        def __init__(self, name: str) -> None:
            pass

        def encode(self, images: list[bytes]) -> np.ndarray:
            return np.array([[len(image), 1] if image != b"broken" else [np.nan, np.nan] for image in images])

    monkeypatch.setattr(item_features_module, "build_image_encoder", ByLength)
    rows = [f"i{row}\t{'' if row == 1 else f'{row}.png'}" for row in range(N_ITEMS)]
    (tmp_path / "small.item").write_text("\n".join(["item_id:token\tpicture:token", *rows]) + "\n")
    settings = config("rqkmeans", tmp_path, modalities=[{"image_field": "picture"}], modality_unit_length=False)
    with pytest.raises(ValueError, match="images holds none of the images of 30 items .* 'picture'"):
        item_features(settings, dataset, StageCache(None))
    (tmp_path / "images").mkdir()
    for row in range(3, N_ITEMS):  # 2 is not there
        (tmp_path / "images" / f"{row}.png").write_bytes(b"broken" if row == 3 else b"x" * (10 + row))
    with pytest.raises(ValueError, match="4 items lack the modality .*picture"):
        item_features(settings, dataset, StageCache(None))
    settings["missing_modality"] = "allow"
    found = item_features(settings, dataset, StageCache(settings["cache_dir"]))
    assert found.values[:, 0].tolist() == [0, 0, 0, 0, *range(14, 10 + N_ITEMS)]
    (tmp_path / "images" / "2.png").write_bytes(b"new")
    changed = item_features(settings, dataset, StageCache(settings["cache_dir"]))
    assert changed.values[2, 0] == 3 and changed.source != found.source


def test_an_image_that_another_version_can_read_is_no_longer_missing(dataset, tmp_path, monkeypatch):
    pil = pytest.importorskip("PIL.Image")
    rows = [f"i{row}\ti{row}.{'gif' if row < 2 else 'png'}" for row in range(N_ITEMS)]
    (tmp_path / "small.item").write_text("\n".join(["item_id:token\tpicture:token", *rows]) + "\n")
    (tmp_path / "images").mkdir()
    for row, line in enumerate(rows):
        pil.new("RGB", (8, 8), (row * 8, 3, 255 - row * 8)).save(tmp_path / "images" / line.partition("\t")[2])
    sources = [{"image_field": "picture", "image_encoder_model": "pixels"}, {"item_features_file": "features.npz"}]
    settings = config("rqkmeans", tmp_path, modalities=sources, missing_modality="allow", fusion="pca")
    settings |= {"fusion_width": 3, "image_folder": "images"}
    whole = item_features(settings, dataset, StageCache(None))
    cache = StageCache(tmp_path / "another cache")
    with monkeypatch.context() as earlier:
        earlier.setattr(image_encoders, "_formats", lambda: ["PNG"])
        partly = item_features(settings, dataset, cache)
    again = item_features(settings, dataset, cache)
    assert not np.allclose(partly.values, again.values) and np.array_equal(again.values, whole.values)
    assert "unreadable" in partly.source["modalities"][0] and again.source == whole.source
