"""From a small dataset to Semantic IDs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from recbole_adasid.data.atomic_text import AtomicText
from recbole_adasid.data.interactions import InteractionArrays
from recbole_adasid.data.item_table import read_item_table
from recbole_adasid.features import item_features as item_features_module
from recbole_adasid.features import vector_store
from recbole_adasid.features.item_features import item_features
from recbole_adasid.io.digests import CACHE_VERSION
from recbole_adasid.io.stage_cache import StageCache
from recbole_adasid.learning.pipeline import collaborative_pairs, learn_semantic_ids, semantic_ids_fingerprint
from recbole_adasid.tokenizer.quantizer import StraightThroughQuantizer

PROPS = Path(__file__).parents[2] / "props"
N_ITEMS = 30


class SmallDataset:
    """Thirty items in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.interactions = np.random.default_rng(0).integers(0, N_ITEMS, (12, 6))

    def item_tokens(self) -> list[str]:
        return [f"i{row}" for row in range(N_ITEMS)]

    def training_interactions(self) -> InteractionArrays:
        return InteractionArrays(np.repeat(np.arange(12), 6), self.interactions.ravel())

    def cold_items(self) -> None:
        """None is held out."""

    def item_table(self) -> dict[str, list[str]] | None:
        path = self.folder / "small.item"
        return read_item_table(AtomicText(path)) if path.exists() else None

    def dataset_path(self) -> Path:
        return self.folder


def config(tokenizer: str, tmp_path: Path, **changes) -> dict:
    values = yaml.safe_load((PROPS / "tokenizers.yaml").read_text())
    values |= yaml.safe_load((PROPS / "tokenizer" / f"{tokenizer}.yaml").read_text())
    values |= {"seed": 1, "cache_dir": tmp_path / "cache", "codebook_size": 6, "code_dim": 4, "encoder_hidden": [8]}
    values |= {"tokenizer_steps": 6, "tokenizer_batch_pairs": 8, "tokenizer_batch_solo_items": 4}
    values |= {"item_features_file": "features.npz", "text_fields": ["title"], "text_encoder": "tfidf"}
    values |= {"text_encoder_model": "unused", "text_width": 5, "text_template": None, "text_bf16": False}
    values |= {"modalities": None, "fusion": "concatenate", "fusion_width": None, "modality_unit_length": True}
    values |= {"missing_modality": "refuse", "image_folder": "images", "image_download": False}
    values |= {"image_encoder_model": "unused"}
    return {**values, **changes}


@pytest.fixture
def dataset(tmp_path) -> SmallDataset:
    embedding = np.random.default_rng(1).normal(size=(N_ITEMS, 10)).astype(np.float16)
    order = np.random.default_rng(2).permutation(N_ITEMS)
    np.savez(tmp_path / "features.npz", item_id=np.array([f"i{row}" for row in order]), embedding=embedding[order])
    return SmallDataset(tmp_path)


@pytest.mark.parametrize("tokenizer", ["adasid", "rqvae", "rqkmeans"])
def test_a_second_run_reuses_every_stage_and_gives_the_same(tokenizer, dataset, tmp_path):
    settings = config(tokenizer, tmp_path)
    log: list[list[tuple[int, dict[str, float]]]] = [[], []]
    first = learn_semantic_ids(settings, dataset, log=lambda *entry: log[0].append(entry))
    second = learn_semantic_ids(settings, dataset, log=lambda *entry: log[1].append(entry))
    assert first.stages == {"pairs": "computed", "tokenizer": "computed"}
    assert second.stages == {"pairs": "reused", "tokenizer": "reused"}
    assert np.array_equal(first.codes, second.codes)
    assert first.codes.shape == (N_ITEMS, 3)
    assert first.fingerprint == second.fingerprint == semantic_ids_fingerprint(settings, dataset)
    assert log[0] == log[1]
    assert log[0]


def test_the_tokenizer_comes_back_ready_to_encode(dataset, tmp_path):
    features = torch.from_numpy(np.random.default_rng(1).normal(size=(N_ITEMS, 10)).astype(np.float16)).float()
    for _ in range(2):
        semantic_ids = learn_semantic_ids(config("adasid", tmp_path), dataset)
        assert np.array_equal(semantic_ids.tokenizer.encode(features).numpy(), semantic_ids.codes)


@pytest.mark.parametrize(
    ("key", "value"),
    [("seed", 2), ("commitment", 0.5), ("relaxation_thresholds", [0.1, 0.2, 0.3]), ("swing_alpha", 2.0)],
)
def test_whatever_changes_the_result_changes_the_fingerprint(key, value, dataset, tmp_path):
    base = learn_semantic_ids(config("adasid", tmp_path), dataset)
    changed = learn_semantic_ids(config("adasid", tmp_path, **{key: value}), dataset)
    assert changed.fingerprint != base.fingerprint
    assert changed.stages["tokenizer"] == "computed"


def test_another_edition_of_the_quantizer_changes_the_fingerprint(dataset, tmp_path, monkeypatch):
    settings = config("rqvae", tmp_path)
    before = semantic_ids_fingerprint(settings, dataset)
    monkeypatch.setattr(StraightThroughQuantizer, "EDITION", 7)
    assert semantic_ids_fingerprint(settings, dataset) != before


def test_keys_of_another_tokenizer_do_not_disturb_the_cache(dataset, tmp_path):
    learn_semantic_ids(config("rqkmeans", tmp_path), dataset)
    again = learn_semantic_ids(config("rqkmeans", tmp_path, collision_weight=7.0, commitment=3.0), dataset)
    assert again.stages["tokenizer"] == "reused"


def test_texts_are_encoded_where_there_is_no_feature_file(dataset, tmp_path):
    words = ["red", "blue", "green", "car", "boat", "doll", "kite"]
    rows = [f"i{row}\t{words[row % 7]} {words[row % 5]} {words[row % 3]}" for row in range(N_ITEMS)]
    (tmp_path / "small.item").write_text("\n".join(["item_id:token\ttitle:token", *rows]) + "\n")
    settings = config("rqvae", tmp_path, item_features_file=None)
    first, second = (learn_semantic_ids(settings, dataset) for _ in range(2))
    assert first.stages["features"] == "computed"
    assert second.stages["features"] == "reused"
    assert np.array_equal(first.codes, second.codes)


def test_a_dataset_with_neither_features_nor_texts_is_refused(dataset, tmp_path):
    with pytest.raises(ValueError, match="set item_features_file to an .npz"):
        learn_semantic_ids(config("rqvae", tmp_path, item_features_file=None), dataset)


def test_slow_encoding_that_was_stopped_goes_on_with_the_next_portion(dataset, tmp_path, monkeypatch):
    rows = [f"i{row}\tthing number {row}" for row in range(N_ITEMS)]
    (tmp_path / "small.item").write_text("\n".join(["item_id:token\ttitle:token", *rows]) + "\n")
    asked: list[str] = []

    class Slow:
        separate = True

        def encode(self, texts: list[str]) -> np.ndarray:
            if len(asked) == 20 and not resumed:
                raise KeyboardInterrupt
            asked.extend(texts)
            return np.array([[float(text.split()[-1].strip(";")), 1.0] for text in texts], dtype=np.float32)

    monkeypatch.setattr(vector_store, "PORTION", 10)
    monkeypatch.setattr(item_features_module, "build_encoder", lambda **settings: Slow())
    settings, resumed = config("rqkmeans", tmp_path, item_features_file=None), False
    with pytest.raises(KeyboardInterrupt):
        item_features(settings, dataset, StageCache(settings["cache_dir"]))
    resumed = True
    found = item_features(settings, dataset, StageCache(settings["cache_dir"]))
    assert found.values[:, 0].tolist() == list(range(N_ITEMS))
    assert len(asked) == N_ITEMS  # none twice
    (tmp_path / "small.item").write_text(
        "\n".join(["item_id:token\ttitle:token", "i0\tthing number 77", *rows[1:]]) + "\n"
    )
    changed = item_features(settings, dataset, StageCache(settings["cache_dir"]))
    assert changed.values[:, 0].tolist() == [77, *range(1, N_ITEMS)]
    assert len(asked) == N_ITEMS + 1  # the new text alone


def test_the_fingerprint_stays_as_long_as_the_cache_has_its_version(dataset, tmp_path):
    """Runs and caches stay valid; what changes a result raises CACHE_VERSION, or the edition of its stage."""
    assert CACHE_VERSION == 2
    assert semantic_ids_fingerprint(config("rqkmeans", tmp_path), dataset) == "b314a989ee148c7c55e67a0bc8d20fb5"


@pytest.mark.parametrize(
    ("source", "key", "value"),
    [
        ("cooccurrence", "pair_weight", "count"),
        ("cooccurrence", "pair_window", 1),
        ("cooccurrence", "pair_top_k", 1),
        ("cooccurrence", "pair_max_user_items", 2),
        ("item2vec", "item2vec_width", 2),
        ("item2vec", "item2vec_negatives", 2),
        ("item2vec", "pair_window", 1),
    ],
)
def test_every_key_of_a_pair_source_determines_its_pairs_and_the_fingerprint(source, key, value, dataset, tmp_path):
    base = config("rqkmeans", tmp_path, pair_source=source, item2vec_negatives=1)
    changed = {**base, key: value}
    for settings in (base, changed, base):
        pairs = collaborative_pairs(settings, dataset, StageCache(settings["cache_dir"]))
        assert len(pairs)
    assert len(list((tmp_path / "cache" / "pairs").glob("*.safetensors"))) == 2
    assert semantic_ids_fingerprint(base, dataset) != semantic_ids_fingerprint(changed, dataset)


def test_pairs_of_a_file_are_named_in_the_description(dataset, tmp_path):
    (tmp_path / "pairs.tsv").write_text("trigger:token\ttarget:token\ni1\ti2\ni2\ti9\n")
    given = config("adasid", tmp_path, pair_source="file", pair_file="pairs.tsv")
    learned = learn_semantic_ids(given, dataset)
    assert learned.description["pairs"]["source"] == "file" and "pairs" not in learned.stages
    (tmp_path / "pairs.tsv").write_text("trigger:token\ttarget:token\ni1\ti2\ni2\ti8\n")
    assert learned.fingerprint != semantic_ids_fingerprint(given, dataset)


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


@pytest.mark.parametrize("kind", [np.float16, np.float64])
def test_features_that_stay_on_disk_give_what_those_in_memory_give(kind, dataset, tmp_path):
    vectors = np.random.default_rng(1).normal(size=(N_ITEMS + 5, 10)).astype(kind)
    np.save(tmp_path / "features.npy", vectors)
    names = [f"i{row}" for row in np.random.default_rng(2).permutation(N_ITEMS + 5)]
    (tmp_path / "features.items.txt").write_text("\n".join(names), encoding="utf-8")
    settings = config("adasid", tmp_path, item_features_file="features.npy")
    here = learn_semantic_ids({**settings, "cache_dir": None}, dataset)
    mapped = {**settings, "item_features_mapped": True}
    features = item_features(mapped, dataset, StageCache(tmp_path / "cache"))
    assert isinstance(features.values, np.memmap) and list((tmp_path / "cache").iterdir()) == []
    there = learn_semantic_ids(mapped, dataset)
    assert there.fingerprint == here.fingerprint and np.array_equal(there.codes, here.codes)
    assert there.quality == here.quality
