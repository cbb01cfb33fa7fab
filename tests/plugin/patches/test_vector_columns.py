from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from recbole_adasid.settings.errors import SettingsError

HEADER = "item_id:token\tv:float_seq\tw:float_seq\tprice:float\n"
ITEMS = HEADER + "i1\t1 2\t4 8\t3\ni2\t3 4\t\t5\ni3\t\t2 6\t7\ni4\t5 6\t1 1\t9\n"
COLUMNS = {"inter": ["user_id", "item_id", "timestamp"], "item": ["item_id", "v", "w", "price"]}


@pytest.fixture
def load(tmp_path: Path, write_dataset: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The function that loads four items with vectors and a price, and returns a DeepFM and the dataset."""
    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation
    from recbole.utils import get_model

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["program"])
    rows = [(f"u{user}", f"i{(user + step) % 4 + 1}", str(step)) for user in range(4) for step in range(3)]
    data_path = write_dataset(tmp_path, rows)
    (data_path / "tiny" / "tiny.item").write_text(ITEMS, encoding="utf-8")

    def built(**settings: Any) -> Any:
        given = {"data_path": str(data_path), "load_col": COLUMNS, "embedding_size": 5, "mlp_hidden_size": [4]}
        given |= {"eval_args": {"split": {"LS": "valid_and_test"}, "order": "TO", "mode": "uni1"}}
        given |= {"train_neg_sample_args": {"distribution": "uniform", "sample_num": 1}}
        dataset = create_dataset(Config("DeepFM", "tiny", config_dict={**given, **settings}))
        train, _, _ = data_preparation(dataset.config, dataset)
        return get_model("DeepFM")(dataset.config, train.dataset), train.dataset

    return built


BOTH = {"numerical_features": ["v", "price", "w"], "discretization": {"v": {"method": "position"}}}


def test_each_entry_has_an_embedding_of_its_own_and_their_weighted_mean_is_the_feature(load: Any) -> None:
    model, dataset = load(**BOTH)
    assert dataset.num("v") == 3 and dataset.num("w") == 2
    order = [str(token) for token in dataset.field2id_token["item_id"]]
    items = dataset.item_feat["v"]
    first, last = items[order.index("i1")], items[order.index("i2")]
    assert first.tolist() == [[1, 1], [2, 2]] and last.tolist() == [[3, 1], [4, 2]]
    for absent in (0, order.index("i3")):  # padding and an empty cell
        assert items[absent].tolist() == [[0, 0], [0, 0]]
    table = model.float_seq_embedding_table[0].weight
    found = model.embed_float_seq_fields([items])[:, 0]
    wanted = torch.stack([(values[0, 0] * table[1] + values[1, 0] * table[2]) / 2 for values in items])
    assert torch.allclose(found, wanted) and not found[order.index("i3")].any()


def test_other_columns_are_read_as_recbole_reads_them(load: Any) -> None:
    _, dataset = load(**BOTH)
    alone = load(numerical_features=["price", "w"])[1]
    for column in ("price", "w"):
        assert dataset.item_feat[column].equal(alone.item_feat[column])
    assert dataset.config["numerical_features"] == ["v", "price", "w"]
    assert dataset.config["discretization"] == {"v": {"method": "position"}}


def test_without_the_method_a_vector_is_its_mean(load: Any) -> None:
    """What makes the method necessary: should RecBole change here, it can go."""
    model, dataset = load(numerical_features=["v"])
    items, table = dataset.item_feat["v"], model.float_seq_embedding_table[0].weight
    found = model.embed_float_seq_fields([items])[1:, 0]
    assert torch.allclose(found, items[1:, :, 0].mean(dim=1, keepdim=True) * table[1])


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"numerical_features": ["v"], "discretization": {"x": {"method": "position"}}}, "'x' is not loaded"),
        ({"numerical_features": ["price"], "discretization": {"price": {"method": "position"}}}, "of the type float,"),
        ({"numerical_features": [], "discretization": {"v": {"method": "position"}}}, "add 'v' to numerical_features"),
    ],
)
def test_a_column_that_is_no_vector_is_refused(load: Any, settings: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        load(**settings)
