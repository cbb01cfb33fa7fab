"""Vectors that one run's model learnt, in the item features of another run."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch

from recbole_adasid.features.behaviour_vectors import VECTORS_FILE, read_item_vectors
from recbole_adasid.plugin.patches.quick_start import load_data_and_model
from recbole_adasid.plugin.run import run

pytestmark = pytest.mark.usefixtures("elsewhere")

Settings = dict[str, Any]
SASREC = {"model": "SASRec", "loss_type": "CE", "train_neg_sample_args": None, "hidden_size": 16, "n_heads": 2}


def shared(settings: Settings) -> Settings:
    """Settings that all models have."""
    names = ("dataset", "data_path", "MAX_ITEM_LIST_LENGTH", "epochs", "eval_step", "show_progress", "run_root")
    return {name: settings[name] for name in names}


def test_a_sasrec_s_item_vectors_become_features_of_semantic_ids(tiny_settings: Settings) -> None:
    folder = run({**shared(tiny_settings), **SASREC})["run_folder"]
    tokens = [f"i{number}" for number in range(20)]
    learnt = read_item_vectors(folder / VECTORS_FILE, tokens)
    assert learnt.learnt_by == "SASRec" and learnt.values.shape == (20, 16) and learnt.present.all()
    modalities = [{"dataset_features": True, "width": 4}, {"behaviour": str(folder), "width": 4}]
    done = run({**tiny_settings, "modalities": modalities, "report": False})
    about = json.loads((done["run_folder"] / "about.json").read_text())
    assert "SASRec" in json.dumps(about["item_features"])
    assert not np.array_equal(done["semantic_ids"].codes, run({**tiny_settings, "report": False})["semantic_ids"].codes)


def test_a_liger_leaves_the_keys_of_its_items(tiny_settings: Settings) -> None:
    folder = run({**tiny_settings, "model": "LIGER", "report": False})["run_folder"]
    _, model, dataset, *_ = load_data_and_model(folder / "model.safetensors")
    tokens = [str(token) for token in dataset.field2id_token["item_id"][1:]]
    learnt = read_item_vectors(folder, tokens)
    torch.testing.assert_close(torch.from_numpy(learnt.values), model.eval().tiger.all_keys()[1:])


def test_a_model_without_item_vectors_leaves_none(tiny_settings: Settings) -> None:
    for settings in ({**tiny_settings, "report": False}, {**shared(tiny_settings), "model": "Pop"}):
        assert not (run(settings)["run_folder"] / VECTORS_FILE).exists()
