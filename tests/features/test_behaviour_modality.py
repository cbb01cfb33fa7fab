"""Behaviour as a modality: from training interactions alone, for every tokenizer, and for items that have none."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recbole.data import create_dataset

from recbole_adasid.data.interactions import InteractionArrays
from recbole_adasid.features.behaviour_vectors import cooccurrence_vectors, write_item_vectors
from recbole_adasid.features.fusion import FUSIONS
from recbole_adasid.features.item_features import item_features
from recbole_adasid.io.json_file import read_json
from recbole_adasid.io.stage_cache import StageCache
from recbole_adasid.learning.cold_start import ItemSubset
from recbole_adasid.learning.pipeline import learn_semantic_ids, semantic_ids_fingerprint
from recbole_adasid.plugin.audit import audit
from recbole_adasid.plugin.config.building import build_config
from recbole_adasid.plugin.run import run
from recbole_adasid.serving.new_item_encoder import NewItems
from recbole_adasid.serving.recommender import Recommender
from recbole_adasid.settings.presets import presets

Settings = dict[str, Any]
MODALITIES = [{"dataset_features": True, "width": 4}, {"behaviour": "cooccurrence", "width": 5}]
N_LATER = 3
"""Items that only held-out interactions have."""


def rows_of_users(seed: int = 0, shift: int = 0) -> list[tuple[str, str, str]]:
    """Users of one of two shelves of ten items; their last two interactions are held out, and moved by `shift`."""
    random, rows = np.random.default_rng(seed), []
    for user in range(60):
        items = random.integers(0, 10, 7) + 10 * (user % 2)
        held_out = slice(-1 if user < N_LATER else -2, None)
        items[held_out] = (items[held_out] + shift) % 20
        rows += [(f"u{user}", f"i{item}", str(1000 + step)) for step, item in enumerate(items.tolist())]
    rows += [(f"u{later}", f"i{20 + later}", "2000") for later in range(N_LATER)]
    return rows


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, write_dataset: Callable[..., Path]) -> Path:
    return write_dataset(tmp_path_factory.mktemp("data"), rows_of_users())


@pytest.fixture
def settings(data: Path, tiny_settings: Settings) -> Settings:
    own = {"data_path": str(data), "modalities": MODALITIES, "behaviour_negatives": 1, "report": False, "epochs": 1}
    return {**tiny_settings, **own}


def parts(settings: Settings) -> tuple[Any, list[Any]]:
    config = build_config(settings)
    return config, create_dataset(config).build()


def items_of(settings: Settings) -> tuple[Any, Any]:
    config, (train, _, _) = parts(settings)
    return config, train.training_items()


def behaviour_alone(settings: Settings, items: Any = None) -> dict[str, np.ndarray]:
    """Return each item's vector; what is compared of them is their products, whatever the items' numbers are."""
    alone = {"modalities": [{"behaviour": "cooccurrence", "width": 5}], "modality_balanced": False, "cache_dir": None}
    config, own = items_of({**settings, **alone, "modality_unit_length": False})
    found = item_features(config, items or own, StageCache(None))
    return dict(zip(own.item_tokens(), found.values))


def products(vectors: dict[str, np.ndarray]) -> np.ndarray:
    table = np.array([vectors[f"i{item}"] for item in range(20)])
    return table @ table.T


def test_no_held_out_interaction_takes_part(settings, tmp_path: Path, write_dataset: Callable[..., Path]) -> None:
    elsewhere = {**settings, "data_path": str(write_dataset(tmp_path / "other", rows_of_users(shift=7)))}
    honest, other = behaviour_alone(settings), behaviour_alone(elsewhere)
    assert products(other) == pytest.approx(products(honest), abs=1e-4)
    leaking = []
    for one in (settings, elsewhere):
        _, (train, _, _) = parts(one)
        items = train.training_items()
        everything = InteractionArrays(train._flat_users, train.windows.flat_items - 1)
        leaking.append(
            dict(zip(items.item_tokens(), cooccurrence_vectors(*everything, len(items.tokens), width=5, negatives=1)))
        )
    assert np.abs(products(leaking[0]) - products(honest)).max() > 0.05
    assert np.abs(products(leaking[0]) - products(leaking[1])).max() > 0.05


def test_modalities_vary_as_their_weights_say(settings) -> None:
    weighted = [MODALITIES[0], {**MODALITIES[1], "weight": 0.5}]
    for modalities, share in ((MODALITIES, 1.0), (weighted, 0.25)):
        config, items = items_of({**settings, "modalities": modalities})
        found = item_features(config, items, StageCache(None))
        assert found.blocks == [(4, 1.0), (5, share**0.5)] and found.values.shape == (23, 9)
        variance = [np.square(part - part.mean(axis=0)).sum() / 23 for part in np.split(found.values, [4], axis=1)]
        assert variance[0] == pytest.approx(9 / 2, rel=1e-4)
        used = items.training_interactions().counts(23) > 0
        mean_square = np.square(found.values[used, 4:]).sum(axis=1).mean()
        assert mean_square == pytest.approx(share * 9 / 2, rel=1e-4)


def test_items_nobody_used_in_training_are_placed_by_the_items_most_like_them(settings, tmp_path: Path) -> None:
    vectors = np.random.default_rng(0).normal(size=(23, 6))
    np.savez(tmp_path / "v.npz", item_id=np.array([f"i{item}" for item in range(23)]), embedding=vectors)
    config, items = items_of({**settings, "item_features_file": str(tmp_path / "v.npz")})
    found = item_features(config, items, StageCache(None))
    unused = np.flatnonzero(items.training_interactions().counts(23) == 0)
    assert sorted(items.item_tokens()[row] for row in unused) == ["i20", "i21", "i22"] and found.present is None
    text, behaviour = found.values[:, :4], found.values[:, 4:]
    known = np.setdiff1d(np.arange(23), unused)
    unit = text / np.linalg.norm(text, axis=1, keepdims=True)
    for row in unused:
        nearest = sorted(known, key=lambda other, row=row: -unit[row] @ unit[other])[:5]
        assert behaviour[row] == pytest.approx(behaviour[nearest].mean(axis=0), abs=1e-5)


def test_the_features_are_computed_once_and_are_the_same_for_all_seeds(settings) -> None:
    config, items = items_of(settings)
    caches = [StageCache(settings["cache_dir"]) for _ in range(2)]
    first, second = (item_features(config, items, cache) for cache in caches)
    assert [cache.statuses["behaviour"] for cache in caches] == ["computed", "reused"]
    assert [cache.statuses["fusion"] for cache in caches] == ["computed", "reused"]
    assert np.array_equal(first.values, second.values) and first.blocks == second.blocks
    assert first.fitted.keys() == second.fitted.keys()
    found = [behaviour_alone({**settings, "seed": seed}) for seed in (1, 2)]
    assert all(np.array_equal(found[0][token], found[1][token]) for token in found[0])


@pytest.mark.parametrize(
    "change",
    [
        *({"behaviour_negatives": 2}, {"behaviour_window": 1}, {"behaviour_max_user_items": 3}),
        *({"modality_balanced": False}, {"modality_unit_length": False}, {"fusion": "pca"}),
        {"modalities": [{"dataset_features": True, "width": 3}, MODALITIES[1]]},
        {"modalities": [MODALITIES[0], {"behaviour": "cooccurrence", "width": 4}]},
        {"modalities": [MODALITIES[0], {**MODALITIES[1], "weight": 2.0}]},
        {"modalities": [MODALITIES[0]]},
        {"user_inter_num_interval": "[8,inf)"},
    ],
)
def test_whatever_changes_the_features_changes_the_fingerprint(change: Settings, settings) -> None:
    found = [
        semantic_ids_fingerprint(*items_of(one))
        for one in (settings, {**settings, **change}, {**settings, "epochs": 2})
    ]
    assert found[0] != found[1] and found[0] == found[2]


def test_a_width_is_the_modalitys_own_or_the_settings(settings) -> None:
    for modality, width in (({}, 7), ({"width": 3}, 3), ({"behaviour_negatives": 2}, 7)):
        modalities = [{"behaviour": "cooccurrence", **modality}]
        config, items = items_of({**settings, "modalities": modalities, "behaviour_width": 7})
        assert item_features(config, items, StageCache(None)).values.shape == (23, width)


@pytest.mark.parametrize("name", presets("tokenizer"))
def test_every_tokenizer_learns_from_it_and_gives_cold_items_their_places(name: str, settings) -> None:
    small = {"tokenizer": name, "tokenizer_steps": 5, "encoder_hidden": [8], "code_dim": 4, "lookup_dim": 2}
    config, items = items_of({**settings, **small, "codebook_size": 6, "cold_item_share": 0.2})
    learned = learn_semantic_ids(config, items)
    assert len(np.unique(np.column_stack([learned.codes, learned.suffix]), axis=0)) == 23
    assert semantic_ids_fingerprint(config, items) == learned.fingerprint
    assert learned.description["features"]["modalities"][1]["of"] == "cooccurrence"


@pytest.mark.parametrize("fusion", FUSIONS)
def test_items_without_behaviour_get_the_same_vectors_alone_as_with_others(fusion: str, settings) -> None:
    modalities = [{"dataset_features": True, "width": 5}, MODALITIES[1]]
    config, items = items_of({**settings, "modalities": modalities, "fusion": fusion, "cold_item_share": 0.3})
    warm, cold = (ItemSubset(items, chosen) for chosen in (~items.cold, items.cold))
    fitted = item_features(config, warm, StageCache(None)).fitted
    found = item_features(config, cold, StageCache(None), fitted=fitted)
    assert np.isfinite(found.values).all() and found.values.any(axis=1).all() and found.present is None
    titles = dict(zip(cold.item_table()["item_id"], cold.item_table()["title"]))
    for row, token in enumerate(cold.item_tokens()):
        table = {"item_id": [token], "title": [titles[token]]}
        alone = item_features(config, NewItems([token], table, items.dataset_path()), StageCache(None), fitted=fitted)
        assert alone.values[0] == pytest.approx(found.values[row], abs=1e-5)


def test_a_run_names_it_everywhere_passes_its_audit_and_takes_new_items(settings) -> None:
    done = run(settings)
    folder = done["run_folder"]
    digest = read_json(folder / "sids.info.json")["training_interactions"]
    assert "behaviour: cooccurrence" in (folder / "config.yaml").read_text()
    for source in (
        read_json(folder / "about.json")["item_features"],
        json.loads((folder / "tokenizer" / "tokenizer.json").read_text())["features"],
    ):
        assert source["modalities"][1]["of"] == "cooccurrence"
        assert source["modalities"][1]["training_interactions"] == digest
    found = dict(audit(folder))
    assert found["behaviour in the item features (cooccurrence) comes from all other interactions and no held-out one"]
    assert all(found.values())
    recommender = Recommender.load(folder)
    table = {"item_id": ["new0", "new1"], "title": ["the red thing number i3", ""]}
    arrival = recommender.add_items(["new0", "new1"], table=table, bad_items="skip")
    assert arrival.items == ["new0"] and list(arrival.refused) == ["new1"]  # that has neither text nor behaviour


def test_the_audit_finds_out_a_run_whose_behaviour_knew_held_out_interactions(settings, monkeypatch) -> None:
    from recbole_adasid.plugin.datasets import dataset as dataset_module

    def everything(self: Any) -> InteractionArrays:
        return InteractionArrays(self._flat_users, self.windows.flat_items - 1)

    with monkeypatch.context() as patched:
        patched.setattr(dataset_module.TIGERDataset, "_training_interactions", everything)
        folder = run(settings)["run_folder"]
        about = "behaviour in the item features (cooccurrence) comes from all other interactions and no held-out one"
        assert dict(audit(folder))[about] is False  # though the dataset still claims the same
    assert dict(audit(folder))[about] is False


def test_a_run_with_cold_items_passes_its_audit(settings) -> None:
    found = dict(audit(run({**settings, "cold_item_share": 0.2})["run_folder"]))
    assert all(found.values()) and any("behaviour in the item features" in statement for statement in found)


def test_a_log_in_files_gives_the_same_features(settings) -> None:
    of_files = {**settings, "interactions_files": f"{settings['data_path']}/tiny/tiny.inter"}
    first, second = (item_features(*items_of(one), StageCache(None)) for one in (settings, of_files))
    assert first.source == second.source and np.array_equal(first.values, second.values)


def learnt_file(path: Path, items: Any, digest: str | None, seed: int = 3) -> Path:
    vectors = np.random.default_rng(seed).normal(size=(len(items.item_tokens()), 6)).astype(np.float32)
    if digest is None:
        np.savez(path, item_id=np.array(items.item_tokens()), embedding=vectors)
    else:
        write_item_vectors(path, items.item_tokens(), vectors, training_interactions=digest, learnt_by="SASRec")
    return path


@pytest.mark.parametrize("share", [0.0, 0.2])
def test_vectors_that_a_model_learnt_on_these_interactions_take_part(share, settings, tmp_path: Path) -> None:
    settings = {**settings, "cold_item_share": share}
    _, items = items_of(settings)
    path = learnt_file(tmp_path / "v.npz", items, items.training_digest())
    given = {**settings, "modalities": [MODALITIES[0], {"behaviour": str(path), "width": 4}]}
    done = run(given)
    source = done["semantic_ids"].description["features"]["modalities"][1]
    assert source["learnt_by"] == "SASRec" and source["training_interactions"] == items.training_digest()
    found = dict(audit(done["run_folder"]))
    assert found[f"behaviour in the item features ({path}) comes from all other interactions and no held-out one"]
    assert all(found.values())
    fingerprint = done["semantic_ids"].fingerprint
    learnt_file(path, items, items.training_digest(), seed=4)
    assert semantic_ids_fingerprint(*items_of(given)) != fingerprint


def test_the_vector_that_a_model_has_of_an_item_it_never_met_takes_no_part(settings, tmp_path: Path) -> None:
    _, items = items_of(settings)
    path, found = tmp_path / "v.npz", []
    given = {**settings, "modalities": [MODALITIES[0], {"behaviour": str(path)}], "cache_dir": None}
    unused = items.training_interactions().counts(23) == 0
    for noise in (1.0, 50.0):
        vectors = np.random.default_rng(0).normal(size=(23, 6))
        vectors[unused] = noise
        about = {"training_interactions": items.training_digest(), "learnt_by": "SASRec"}
        write_item_vectors(path, items.item_tokens(), vectors, **about)
        found.append(item_features(*items_of(given), StageCache(None)).values)
    assert unused.sum() == 3 and np.array_equal(*found)


def test_vectors_of_other_interactions_are_refused_and_silent_ones_are_not_vouched_for(
    settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _, items = items_of(settings)
    path = learnt_file(tmp_path / "v.npz", items, "f" * 32)
    given = {**settings, "modalities": [MODALITIES[0], {"behaviour": str(path)}]}
    with pytest.raises(
        ValueError, match=r"v.npz was learnt from other interactions .*\(digest f{32}, not .*learn the vectors"
    ):
        item_features(*items_of(given), StageCache(None))
    learnt_file(path, items, None)
    with caplog.at_level(logging.WARNING):
        done = run(given)
    assert "does not say which interactions its vectors were learnt from" in caplog.text
    found = dict(audit(done["run_folder"]))
    assert found[f"item features come from {path}, which may have seen held-out interactions"] is None


def test_behaviour_alone_makes_features_but_new_items_have_none(settings) -> None:
    done = run({**settings, "modalities": [{"behaviour": "cooccurrence", "width": 5}]})
    recommender = Recommender.load(done["run_folder"])
    arrival = recommender.add_items(["new"], table={"item_id": ["new"], "title": ["a thing"]}, bad_items="skip")
    assert list(arrival.refused) == ["new"]
