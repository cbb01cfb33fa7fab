"""A model's file with forged values and a true checksum is refused in a sentence, by everything that loads it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from recbole_adasid.io.tensor_file import DamagedFile, MismatchedFile, read_tensors, write_tensors
from recbole_adasid.plugin.config.constraints import RULES
from recbole_adasid.plugin.patches.quick_start import load_data_and_model
from recbole_adasid.run_folder.model_check import LIGERS, SETTINGS
from recbole_adasid.run_folder.model_file import KIND, read_model
from recbole_adasid.serving.recommender import Recommender

Settings = dict[str, Any]
Resign = Callable[..., Path]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """RecBole logs into the working directory and reads the program's arguments."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setattr(sys, "argv", ["program"])


FORGED: list[tuple[Settings, str]] = [
    *(({"d_model": value}, "d_model is .*whole number") for value in (0, -1, 2.5, "8", None, [8], 10**12, True)),
    ({"d_model": 65_536}, "by its own settings"),
    ({"n_encoder_layers": 900}, "too few for the layers"),
    ({"dropout": float("nan")}, "dropout is nan"),
    ({"collision": "both"}, "collision is 'both'"),
    ({"collision": ["suffix"]}, "collision is"),
    ({"beam_size": 10**9}, "beam_size is"),
    ({"MAX_ITEM_LIST_LENGTH": -1}, "MAX_ITEM_LIST_LENGTH is"),
    ({"learner": 3}, "learner is 3"),
    ({"dataset": "other"}, "names two datasets, 'other' and 'tiny'"),
    ({"model": "Pop"}, "names the model 'Pop'"),
    ({"text_fields": "title"}, "text_fields is"),
    ({"text_width": 10**12}, "text_width is"),
    ({"modalities": 3}, "modalities is"),
    ({"modalities": [{"weight": "x"}]}, "weight is"),
    ({"data_path": "\ud800"}, "data_path is"),
]


@pytest.mark.parametrize(("settings", "why"), FORGED)
def test_forged_settings_of_a_model_are_refused_in_a_sentence(
    settings: Settings, why: str, run_copy: Path, resigned: Resign
) -> None:
    path = resigned(run_copy, **settings)
    for load in (read_model, load_data_and_model, lambda file: Recommender.load(file.parent)):
        with pytest.raises(DamagedFile, match=why):
            load(path)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"user_inter_num_interval": "[9,1]"}, "user_inter_num_interval"),
        ({"encoding": "nothing"}, "encoding="),
        ({"benchmark_filename": ["../../x"]}, "benchmark_filename="),
        ({"additional_feat_suffix": ["../x"]}, "additional_feat_suffix="),
        ({"field_separator": ""}, "field_separator="),
        ({"topk": "x"}, "topk="),
        ({"eval_batch_size": 0}, "eval_batch_size="),
    ],
)
def test_forged_settings_of_the_data_are_refused_in_a_sentence(
    settings: Settings, why: str, run_copy: Path, resigned: Resign
) -> None:
    with pytest.raises(ValueError, match=rf"model\.safetensors: .*{why}"):
        load_data_and_model(resigned(run_copy, **settings))


ABOUT: list[tuple[Callable[[dict[str, Any]], Any], str]] = [
    (lambda about: about.pop("config"), "lacks config"),
    (lambda about: about.pop("sid_level_sizes"), "lacks sid_level_sizes"),
    (lambda about: about["config"].pop("settings"), "lacks settings"),
    (lambda about: about["config"].update(settings=3), "settings is 3"),
    (lambda about: about["config"].update(categories=[1]), "categories is"),
    (lambda about: about["config"]["settings"].pop("d_model"), "lacks d_model"),
    (lambda about: about.update(data=[1]), "data is"),
    (lambda about: about["data"].update(items=10**12), "items is"),
    (lambda about: about["data"].update(items=-1), "items is"),
    (lambda about: about["data"].update(items=2_000_000_000), "by its own settings"),
    (lambda about: about.update(sid_level_sizes=[4] * 1000), "1,000 entries"),
    (lambda about: about.update(sid_level_sizes=[10**12] * 4), "sid_level_sizes"),
    (lambda about: about.update(sid_level_sizes=[3] * 4), "by its own settings"),
    (lambda about: about.update(content_width=3), "item features .*TIGER reads none"),
    (lambda about: about.update(epoch="x"), "epoch is"),
    (lambda about: about.update(best_valid_score=None), "best_valid_score is"),
    (lambda about: about.update(optimizer_numbers=[1]), "optimizer_numbers is"),
]


@pytest.mark.parametrize(("forge", "why"), ABOUT)
def test_forged_fields_of_a_model_are_refused_in_a_sentence(
    forge: Callable[[dict[str, Any]], Any], why: str, run_copy: Path
) -> None:
    path = run_copy / "model.safetensors"
    tensors, about = read_tensors(path, KIND)
    forge(about)
    write_tensors(path, KIND, tensors, about)
    for load in (read_model, load_data_and_model, lambda file: Recommender.load(file.parent)):
        with pytest.raises(DamagedFile, match=why):
            load(path)


VALUES: list[Any] = [
    *(None, True, False, 0, 1, -1, "x", "a/b", "adam", "[3]", [], ["title"], [1], {}, [{"text_fields": ["title"]}]),
    *(sign * 2**power + more for power in range(1, 64) for more in (-1, 0, 1) for sign in (1, -1)),
    *(sign * 10.0**power for power in range(-300, 301, 3) for sign in (1, -1)),
    *(0.0, 0.25, 0.49, 0.5, 1.0),
]


@pytest.mark.parametrize("key", [*SETTINGS, *LIGERS])
def test_what_a_setting_may_be_can_be_read_again(key: str) -> None:
    rule, form = RULES[key], {**SETTINGS, **LIGERS}[key]
    allowed = [value for value in (*VALUES, *rule.names) if rule.fits(value)]
    assert allowed
    for value in allowed:
        form(value, key)


def test_deep_json_in_a_model_is_refused_in_a_sentence(run_copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = run_copy / "model.safetensors"
    tensors, _ = read_tensors(path, KIND)
    monkeypatch.setattr("recbole_adasid.io.tensor_file.json.dumps", lambda *_, **__: "[" * 100_000)
    write_tensors(path, KIND, tensors, {})
    monkeypatch.undo()
    with pytest.raises(DamagedFile, match="has invalid JSON metadata"):
        read_model(path)


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("tiger.network.encoder.norm.weight", float("nan"), "NaN or infinite values in .*encoder.norm.weight"),
        ("tiger.network.vocabulary.embedding.weight", float("inf"), "NaN or infinite values in .*embedding.weight"),
        ("tiger.catalogue.tokens", -1, "has the code -1 for item"),
        ("tiger.catalogue.tokens", 4, "has the code 4 for item"),
        ("tiger.catalogue.tokens", 2**62, "has the code 4611686018427387904 for item"),
    ],
)
def test_weights_and_codes_that_cannot_be_are_refused(name: str, value: float, why: str, run_copy: Path) -> None:
    path = run_copy / "model.safetensors"
    tensors, about = read_tensors(path, KIND)
    tensors[f"model/{name}"].view(-1)[-4] = value
    write_tensors(path, KIND, tensors, about)
    for load in (read_model, load_data_and_model, lambda file: Recommender.load(file.parent)):
        with pytest.raises(DamagedFile, match=why):
            load(path)


@pytest.mark.parametrize("trained", [slice(0, 1), slice(0, 0)], ids=["the padding", "no item"])
def test_a_model_that_was_trained_on_nothing_is_refused(trained: slice, run_copy: Path) -> None:
    path = run_copy / "model.safetensors"
    tensors, about = read_tensors(path, KIND)
    tensors["model/tiger.trained"][:] = False
    tensors["model/tiger.trained"][trained] = True
    write_tensors(path, KIND, tensors, about)
    with pytest.raises(DamagedFile, match="was trained on no item, or on the padding: copy it again"):
        read_model(path)


@pytest.mark.parametrize(
    "name", ["optimizer/99/exp_avg", "optimizer/x/exp_avg", "optimizer/0/a/b", "optimizer/0/exp_avg"]
)
def test_a_forged_optimiser_is_refused(name: str, run_copy: Path) -> None:
    from recbole.utils import get_trainer

    path = run_copy / "model.safetensors"
    config, model, *_ = load_data_and_model(path)
    tensors, about = read_tensors(path, KIND)
    write_tensors(path, KIND, {**tensors, name: torch.zeros(3, 3, 3)}, about)
    trainer = get_trainer(config["MODEL_TYPE"], "TIGER")(config, model)
    with pytest.raises(MismatchedFile, match="optimiser state"):
        trainer.resume_checkpoint(path)
