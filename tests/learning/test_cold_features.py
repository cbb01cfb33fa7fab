"""Features of items held out of training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recbole.data import create_dataset

from recbole_adasid.learning import pipeline
from recbole_adasid.learning.pipeline import learn_semantic_ids
from recbole_adasid.plugin.config.building import build_config


@pytest.fixture(scope="module")
def settings(tiny_data: Path) -> dict[str, Any]:
    settings = {"dataset": "tiny", "data_path": str(tiny_data), "tokenizer": "rqkmeans", "codebook_size": 4}
    settings |= {"text_fields": ["title"], "text_width": 8, "show_progress": False}
    return {**settings, "cold_item_share": 0.3, "cache_dir": None}


def training_part(settings: dict[str, Any]) -> Any:
    return create_dataset(build_config(settings)).build()[0]


def test_modalities_and_feature_files_know_no_cold_item(settings: dict[str, Any], tmp_path: Path) -> None:
    items = training_part(settings).training_items()
    vectors = np.random.default_rng(0).normal(size=(20, 6)).astype(np.float32)
    np.savez(tmp_path / "v.npz", item_id=np.array(items.item_tokens()), embedding=vectors)
    for more in (
        {"item_features_file": str(tmp_path / "v.npz")},
        {"modalities": [{"text_fields": ["title"]}, {"item_features_file": str(tmp_path / "v.npz")}], "fusion": "pca"},
    ):
        learned = learn_semantic_ids(build_config({**settings, **more}), items)
        assert len(learned.codes) == 20
        source = learned.description["features"]
        shapes = [one["shape"] for one in source.get("modalities", [source]) if "shape" in one]
        assert shapes == [[14, 6]]


@pytest.fixture
def vectors_of_warm_items(settings: dict[str, Any], tmp_path: Path) -> Path:
    """A feature file without the held-out items."""
    train = training_part(settings)
    tokens = np.array(train.training_items().item_tokens())[~train.cold]
    vectors = np.random.default_rng(0).normal(size=(len(tokens), 6)).astype(np.float32)
    np.savez(tmp_path / "v.npz", item_id=tokens, embedding=vectors)
    return tmp_path / "v.npz"


@pytest.fixture
def untrained(settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Items of a dataset for which no tokenizer may be trained."""
    monkeypatch.setattr(pipeline, "_fit", lambda *_: pytest.fail("a tokenizer is trained"))
    return training_part(settings).training_items()


def test_cold_items_may_all_lack_one_of_several_modalities(
    settings: dict[str, Any], vectors_of_warm_items: Path
) -> None:
    train = training_part(settings)
    modalities = [{"text_fields": ["title"]}, {"item_features_file": str(vectors_of_warm_items)}]
    given = {**settings, "modalities": modalities, "missing_modality": "allow"}
    learned = learn_semantic_ids(build_config(given), train.training_items())
    text = learned.vectors.shape[1] - 6
    assert learned.vectors[train.cold, :text].any(1).all() and not learned.vectors[train.cold, text:].any()


@pytest.mark.parametrize(
    ("missing", "remedy"), [("refuse", "out, or set missing_modality=allow."), ("allow", "filter the items out.")]
)
def test_features_that_cold_items_lack_are_told_before_a_tokenizer_is_trained(
    missing: str,
    remedy: str,
    settings: dict[str, Any],
    vectors_of_warm_items: Path,
    untrained: Any,
) -> None:
    given = {**settings, "item_features_file": str(vectors_of_warm_items), "missing_modality": missing}
    with pytest.raises(ValueError, match=f"no vector for 6 of 6 items, first .*: add them, .*{remedy}"):
        learn_semantic_ids(build_config(given), untrained)


@pytest.mark.parametrize(
    "others",
    [[], [{"behaviour": "cooccurrence", "width": 4}], [{"item_features_file": "v.npz", "weight": 2}]],
    ids=["none", "behaviour", "another file"],
)
def test_cold_items_that_lack_every_modality_are_refused_before_a_tokenizer_is_trained(
    others: list[dict[str, Any]],
    settings: dict[str, Any],
    vectors_of_warm_items: Path,
    untrained: Any,
) -> None:
    file = {"item_features_file": str(vectors_of_warm_items)}
    modalities = [file, *({**one, **file} if "item_features_file" in one else one for one in others)]
    given = {**settings, "modalities": modalities, "missing_modality": "allow"}
    with pytest.raises(ValueError, match="none of 6 items has a modality, first .*: add their features"):
        learn_semantic_ids(build_config(given), untrained)
