from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import recbole
import torch
from recbole.utils import FeatureType

import recbole_adasid
from recbole_adasid.plugin.patches.missing_values import fill_missing_values
from recbole_adasid.plugin.patches.numpy_names import restore_numpy_names
from recbole_adasid.plugin.patches.series_length import elementwise_length


def test_numpy_has_every_name_that_recbole_uses():
    restore_numpy_names(recbole)
    assert np.float is np.float64 and np.bool_ is np.bool and np.zeros(1, dtype=np.int).dtype.kind == "i"


def test_missing_tokens_become_padding_and_missing_floats_the_mean():
    frame = pd.DataFrame(
        {"item": [np.nan, 1.0, 2.0], "price": [np.nan, 2.0, 4.0], "tags": [np.nan, np.ones(2), np.ones(1)]}
    )
    kinds = {"item": FeatureType.TOKEN, "price": FeatureType.FLOAT, "tags": FeatureType.TOKEN_SEQ}
    fill_missing_values(SimpleNamespace(feat_name_list=["feat"], feat=frame, field2type=kinds))
    assert frame["item"].tolist() == [0, 1, 2]
    assert frame["price"].tolist() == [3, 2, 4]
    assert [len(tags) for tags in frame["tags"]] == [0, 2, 1]


def test_a_folder_that_another_process_makes_meanwhile_is_no_error(tmp_path, monkeypatch):
    from recbole.trainer import trainer
    from recbole.utils import logger

    monkeypatch.setattr("os.path.exists", lambda _: False)  # RecBole would ask, and then make it
    for module in (trainer, logger):
        module.ensure_dir(str(tmp_path / "log" / "TIGER"))
    assert (tmp_path / "log" / "TIGER").is_dir()


def test_the_length_of_a_series_is_taken_element_by_element():
    assert elementwise_length(pd.Series([[1], [1, 2], []])) == [1, 2, 0]
    assert elementwise_length("abc") == 3


def test_recbole_loads_text_sequences_and_gaps_the_same_on_every_pandas(tmp_path, write_dataset):
    from recbole.config import Config
    from recbole.data import create_dataset

    data_path = write_dataset(tmp_path, [("u1", "i1", "1"), ("u1", "i2", "2"), ("u2", "i2", "1"), ("u2", "i1", "2")])
    table = "item_id:token\tbrand:token\ttags:token_seq\ni1\tAcme\ta b\ni2\t\t\n"
    (data_path / "tiny" / "tiny.item").write_text(table, encoding="utf-8")
    columns = {"inter": ["user_id", "item_id", "timestamp"], "item": ["item_id", "brand", "tags"]}
    dataset = create_dataset(Config("Pop", "tiny", config_dict={"data_path": str(data_path), "load_col": columns}))
    dataset._change_feat_format()
    assert dataset.item_feat["item_id"].tolist() == [0, 1, 2]
    assert dataset.item_feat["brand"].tolist() == [0, 1, 0]
    assert dataset.item_feat["tags"].tolist() == [[0, 0], [1, 2], [0, 0]]


def test_any_recbole_model_is_tested_on_its_best_epoch_under_torch_26(tiny_data, tmp_path, monkeypatch):
    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation
    from recbole.utils import get_model, get_trainer

    monkeypatch.chdir(tmp_path)
    settings = {"data_path": str(tiny_data), "epochs": 1, "load_col": {"inter": ["user_id", "item_id", "timestamp"]}}
    settings["eval_args"] = {"split": {"LS": "valid_and_test"}, "order": "TO", "mode": "full"}
    config = Config("Pop", "tiny", config_dict=settings)
    train, valid, test = data_preparation(config, create_dataset(config))
    model = get_model("Pop")(config, train.dataset)
    trainer = get_trainer(config["MODEL_TYPE"], "Pop")(config, model)
    trainer.fit(train, valid)
    assert 0 < trainer.evaluate(test)["recall@10"] <= 1
    assert torch.load(trainer.saved_model_file, weights_only=True)["config"]["model"] == "Pop"


def test_looking_up_a_model_leaves_anomaly_detection_off():
    from recbole.utils import get_model

    get_model("SINE")
    assert not torch.is_anomaly_enabled()


def test_the_package_offers_its_public_names_only():
    assert callable(recbole_adasid.run) and callable(recbole_adasid.preset_path)
    with pytest.raises(AttributeError, match="it offers preset_path, run"):
        _ = recbole_adasid.walk
