"""Features of items added after training are in the space fitted on the run's items."""

from __future__ import annotations

from pathlib import Path

import pytest

from new_items import encoder_of
from recbole_adasid.features.fitted_state import read_fitted
from recbole_adasid.features.item_features import item_features
from recbole_adasid.io.stage_cache import StageCache
from recbole_adasid.plugin.run import run
from recbole_adasid.serving.new_item_encoder import NewItems
from recbole_adasid.serving.recommender import Recommender


def test_the_items_of_the_run_get_the_features_that_they_had(folder: Path, settings, tiny_data: Path) -> None:
    recommender = Recommender.load(folder)
    titles = [recommender.labels[token].title for token in recommender.tokens]
    encoder = encoder_of(recommender)
    contents = NewItems(recommender.tokens, {"item_id": recommender.tokens, "title": titles}, tiny_data)
    again = item_features(
        encoder.settings, contents, StageCache(None), fitted=read_fitted(folder / "features.safetensors")
    )
    first = item_features(encoder.settings, contents, StageCache(None))
    assert again.values == pytest.approx(first.values, abs=1e-5)
    alone = NewItems(["x"], {"item_id": ["x"], "title": titles[3:4]}, tiny_data)
    one = item_features(encoder.settings, alone, StageCache(None), fitted=read_fitted(folder / "features.safetensors"))
    assert one.values[0] == pytest.approx(first.values[3], abs=1e-5)


@pytest.mark.parametrize("fusion", ["concatenate", "mean", "pca", "whitening"])
def test_fused_features_of_single_items_lie_in_the_space_of_all(fusion: str, tiny_data: Path) -> None:
    tokens = [f"i{number}" for number in range(30)]
    columns = {"item_id": tokens, "title": [f"the {'red' if n % 2 else 'blue'} thing {n}" for n in range(30)]}
    modality = {"text_fields": ["title"], "text_width": 6}
    config = {"modalities": [modality, {**modality, "weight": 0.5}], "fusion": fusion, "fusion_width": 4}
    config |= {"modality_unit_length": True, "missing_modality": "refuse", "text_encoder": "tfidf", "seed": 1}
    config |= {"text_encoder_model": "", "text_bf16": False, "text_template": None, "item_features_file": None}
    whole = item_features({**config, "image_field": None}, NewItems(tokens, columns, tiny_data), StageCache(None))
    chosen = {name: column[7:9] for name, column in columns.items()}
    found = item_features(
        {**config, "image_field": None}, NewItems(tokens[7:9], chosen, tiny_data), StageCache(None), fitted=whole.fitted
    )
    assert found.values == pytest.approx(whole.values[7:9], abs=1e-4)


def test_new_items_may_all_come_without_a_picture(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    tokens = [f"i{number}" for number in range(12)]
    for number, token in enumerate(tokens[:8]):
        image.new("RGB", (8, 8), (20 * number, 10, 200 - 20 * number)).save(tmp_path / f"{token}.png")
    columns = {
        "item_id": tokens,
        "title": [f"thing {n % 5} {n}" for n in range(12)],
        "picture": [f"{t}.png" for t in tokens],
    }
    modalities = [{"text_fields": ["title"], "text_width": 4}, {"image_field": "picture", "image_folder": "."}]
    config = {"modalities": modalities, "fusion": "concatenate", "modality_unit_length": True, "seed": 1}
    config |= {"missing_modality": "allow", "text_encoder": "tfidf", "text_encoder_model": "", "text_bf16": False}
    config |= {"image_encoder_model": "pixels", "image_download": False}
    whole = item_features(config, NewItems(tokens, columns, tmp_path), StageCache(None))
    later = {name: column[8:] for name, column in columns.items()}
    with pytest.raises(ValueError, match="holds none of the images of 4 items"):
        item_features(config, NewItems(tokens[8:], later, tmp_path), StageCache(None))
    found = item_features(config, NewItems(tokens[8:], later, tmp_path), StageCache(None), fitted=whole.fitted)
    assert found.values == pytest.approx(whole.values[8:], abs=1e-5)


@pytest.mark.parametrize("name", ["adasid", "vqgan", "grvq", "rqopq"])
def test_tokenizers_of_all_kinds_take_new_items(name: str, settings: dict[str, object], tmp_path: Path) -> None:
    given = {**settings, "tokenizer": name, "tokenizer_steps": 5, "epochs": 1, "run_folder": str(tmp_path / name)}
    given |= {"encoder_hidden": [8], "code_dim": 4, "lookup_dim": 2, "codebook_size": 8}
    recommender = Recommender.load(run(given)["run_folder"])
    tokens = [f"n{number}" for number in range(5)]
    arrival = recommender.add_items(
        tokens, table={"item_id": tokens, "title": ["the red thing"] * 3 + ["the blue thing"] * 2}
    )
    assert len({tuple(one) for one in recommender.semantic_ids(recommender.tokens)}) == 25 and arrival.moved
