from __future__ import annotations

import pytest
import yaml
from recbole.data import create_dataset

from recbole_adasid.plugin.config.building import build_config
from recbole_adasid.plugin.output.about_run import about_run, changed_settings


def test_the_dataset_is_told_in_figures(tiny_settings, tiny_data):
    config = build_config(tiny_settings)
    parts = dict(zip(("train", "valid", "test"), create_dataset(config).build()))
    about = about_run(config, parts, 12, {"kind": "file"})
    lines = (tiny_data / "tiny" / "tiny.inter").read_text().splitlines()[1:]
    assert about["dataset"]["interactions"] == len(lines)
    assert (about["dataset"]["users"], about["dataset"]["items"]) == (30, 20)
    assert about["dataset"]["examples"] == {"train": len(lines) - 90, "valid": 30, "test": 30}
    assert about["item_features"] == {"kind": "file"}
    assert about["network_parameters"] == 12 and {"torch", "numpy", "python"} < about["versions"].keys()


def test_what_was_set_to_something_else_than_the_default_is_told_with_the_default(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump({"collision_weight": 0.5, "codebook_size": 256, "topk": [10]}))
    settings = {"dataset": "ml-100k", "epochs": 3, "eval_batch_size": 256, "learning_rate": 0.005, "seed": 7}
    found = changed_settings(build_config({**settings, "cache_dir": str(tmp_path)}, [file]))
    assert found == {"collision_weight": 1.0, "epochs": 8, "learning_rate": 0.002, "seed": 2020, "topk": [3, 5, 10]}


@pytest.mark.parametrize("name", ["rqvae", "adasid"])
def test_the_preset_of_the_tokenizer_counts_as_default(name):
    found = changed_settings(build_config({"dataset": "ml-100k", "tokenizer": name}))
    assert found == ({} if name == "adasid" else {"tokenizer": "adasid"})
