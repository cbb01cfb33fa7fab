"""From a small dataset to Semantic IDs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from recbole_adasid.features import item_features as item_features_module
from recbole_adasid.features import vector_store
from recbole_adasid.features.item_features import item_features
from recbole_adasid.io.digests import CACHE_VERSION
from recbole_adasid.io.stage_cache import StageCache
from recbole_adasid.learning.pipeline import collaborative_pairs, learn_semantic_ids, semantic_ids_fingerprint
from recbole_adasid.tokenizer import registry
from recbole_adasid.tokenizer.autoencoder_tokenizer import AutoencoderTokenizer
from recbole_adasid.tokenizer.clustering.rq_kmeans import RQKMeansTokenizer
from recbole_adasid.tokenizer.quantizer import StraightThroughQuantizer
from recbole_adasid.tokenizer.regulation.base import NoRegulation
from small_dataset import N_ITEMS, SmallDataset, config, small_dataset


@pytest.fixture
def dataset(tmp_path: Path) -> SmallDataset:
    return small_dataset(tmp_path)


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


@pytest.mark.parametrize(
    ("tokenizer", "kind"),
    [
        ("rqvae", StraightThroughQuantizer),
        ("rqvae", NoRegulation),
        ("rqvae", AutoencoderTokenizer),
        ("rqkmeans", RQKMeansTokenizer),
    ],
)
def test_another_edition_of_a_part_changes_the_fingerprint(tokenizer, kind, dataset, tmp_path, monkeypatch):
    settings = config(tokenizer, tmp_path)
    before = semantic_ids_fingerprint(settings, dataset)
    monkeypatch.setattr(kind, "EDITION", 7)
    assert semantic_ids_fingerprint(settings, dataset) != before


@pytest.mark.parametrize("first", [True, False])
def test_a_tokenizer_that_another_processor_trained_is_reused_in_its_number_format(
    first, dataset, tmp_path, monkeypatch
):
    settings = config("rqvae", tmp_path, tokenizer_bf16=True)
    for here in (first, not first):
        monkeypatch.setattr(registry, "has_bfloat16", lambda device, here=here: here)
        learned = learn_semantic_ids(settings, dataset)
        assert learned.description["tokenizer"]["tokenizer_bf16"] is first
        assert learned.fingerprint == semantic_ids_fingerprint(settings, dataset)
    assert learned.stages["tokenizer"] == "reused"
    asked = learn_semantic_ids({**settings, "tokenizer_bf16": False}, dataset)  # float32 everywhere
    assert asked.description["tokenizer"]["tokenizer_bf16"] is False
    assert asked.stages["tokenizer"] == ("computed" if first else "reused")


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
