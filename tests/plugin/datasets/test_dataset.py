from __future__ import annotations

import logging

import numpy as np
import pytest
import torch
from recbole.data import create_dataset

from recbole_adasid.plugin.config.building import build_config
from recbole_adasid.settings.errors import SettingsError


def built(data_path, **settings):
    config = build_config({"dataset": "tiny", "data_path": str(data_path), "MAX_ITEM_LIST_LENGTH": 4, **settings})
    dataset = create_dataset(config)
    return dataset, dataset.build()


def examples(part) -> list[tuple[str, tuple[str, ...], str]]:
    """Every example as user, history and target, in tokens."""
    batch = part[np.arange(len(part))]
    user, item = part.field2id_token["user_id"], part.field2id_token["item_id"]
    columns = (batch[field].tolist() for field in ("user_id", "item_id_list", "item_length", "item_id"))
    return sorted(
        (user[u], tuple(item[i] for i in history[:length]), item[target])
        for u, history, length, target in zip(*columns)
    )


def test_splits_equal_recbole_s_own_where_no_times_tie(tiny_data):
    from recbole.config import Config
    from recbole.data.dataset import SequentialDataset

    _, ours = built(tiny_data)
    settings = {"data_path": str(tiny_data), "MAX_ITEM_LIST_LENGTH": 4, "train_neg_sample_args": None}
    settings["load_col"] = {"inter": ["user_id", "item_id", "timestamp"]}
    stock = SequentialDataset(Config("GRU4Rec", "tiny", config_dict=settings)).build()
    assert [examples(part) for part in ours] == [examples(part) for part in stock]
    assert all(len(part) > 0 for part in ours)
    assert (ours[0].inter_matrix("csr") != stock[0].inter_matrix("csr")).nnz == 0


@pytest.mark.parametrize("mode", ["valid_and_test", "valid_only", "test_only"])
def test_leave_one_out_equals_recbole_s_own_row_by_row(tmp_path, write_dataset, mode):
    from recbole.data.dataset import Dataset

    random = np.random.default_rng(1)
    rows = [(f"u{random.integers(9)}", f"i{random.integers(9)}", str(time)) for time in random.permutation(40)]
    rows += [("alone", "i1", "3"), ("pair", "i1", "1"), ("pair", "i2", "2")]  # no example, and a single one
    dataset, _ = built(write_dataset(tmp_path, rows))
    dataset.sort(by="timestamp")
    ours = dataset.leave_one_out("user_id", mode)
    theirs = Dataset.leave_one_out(dataset, "user_id", mode)
    assert [part.inter_feat["window"].tolist() for part in ours] == [
        part.inter_feat["window"].tolist() for part in theirs
    ]
    assert sum(len(part) for part in ours) == len(dataset)


def test_an_unknown_way_to_leave_one_out_is_refused(tiny_data):
    with pytest.raises(SettingsError, match="valid_only"):
        built(tiny_data, eval_args={"split": {"LS": "last"}, "order": "TO", "group_by": "user", "mode": "full"})


def test_equal_times_keep_the_order_of_the_file(tmp_path, write_dataset):
    rows = [("u", f"i{item}", "5") for item in (3, 1, 4, 2)] + [("u", "i0", "1")]
    _, (train, valid, test) = built(write_dataset(tmp_path, rows))
    assert examples(train) == [("u", ("i0",), "i3"), ("u", ("i0", "i3"), "i1")]
    assert examples(valid) == [("u", ("i0", "i3", "i1"), "i4")]
    assert examples(test) == [("u", ("i0", "i3", "i1", "i4"), "i2")]


@pytest.mark.parametrize("base", [1_500_000_000, 1_500_000_000_000])
def test_times_that_float32_cannot_tell_apart_are_ordered(tmp_path, base, write_dataset):
    rows = [("u", f"i{step}", str(base + step)) for step in (4, 2, 0, 3, 1)]
    _, (_, _, test) = built(write_dataset(tmp_path, rows))
    assert examples(test) == [("u", ("i0", "i1", "i2", "i3"), "i4")]


def test_dropping_duplicates_keeps_file_order_on_ties(tmp_path, write_dataset):
    rows = [("u", item, "5") for item in ("i3", "i1", "i3", "i4", "i2")]
    _, (train, valid, test) = built(write_dataset(tmp_path, rows), rm_dup_inter="first")
    assert examples(test) == [("u", ("i3", "i1", "i4"), "i2")]


@pytest.mark.parametrize("tokens", [["07", "7", "7.0", "070", "7e0"], ["True", "true", "TRUE", "False", "false"]])
@pytest.mark.parametrize("of_files", [False, True])
def test_names_that_look_like_values_are_names(tmp_path, tokens, of_files):
    home = tmp_path / "tiny"
    home.mkdir()
    rows = [f"{user}\t{item}\t{time}" for user in tokens for time, item in enumerate(tokens)]
    text = "\n".join(["user_id:token\titem_id:token\ttimestamp:float", *rows])
    (home / "tiny.inter").write_text(text, encoding="utf-8")
    (home / "tiny.item").write_text("item_id:token\ttitle:token\n", encoding="utf-8")
    dataset, _ = built(
        tmp_path, cache_dir=None, **({"interactions_files": str(home / "tiny.inter")} if of_files else {})
    )
    for field in ("user_id", "item_id"):
        assert list(dataset.field2id_token[field][:]) == ["[PAD]", *tokens]


def test_valid_and_test_targets_are_never_trained_on(tmp_path, write_dataset):
    # Every item is bought once, so that a target seen in training would be recognised.
    rows = [(f"u{user}", f"i{10 * user + step}", str(step)) for user in range(4) for step in range(6)]
    dataset, (train, valid, test) = built(write_dataset(tmp_path, rows))
    held_out = {target for part in (valid, test) for _, _, target in examples(part)}
    assert len(held_out) == 8
    seen = {item for _, history, target in examples(train) for item in (*history, target)}
    users, item_rows = train.training_items().training_interactions()
    tokens = train.training_items().item_tokens()
    assert seen == {tokens[row] for row in item_rows}
    assert not seen & held_out
    assert len(users) == 16 and users.dtype == item_rows.dtype == np.int64


def test_users_too_short_for_three_parts_are_split_as_recbole_does(tmp_path, write_dataset):
    rows = [("one", "i1", "1"), ("two", "i1", "1"), ("two", "i2", "2")]
    rows += [("three", f"i{step}", str(step)) for step in range(3)]
    _, (train, valid, test) = built(write_dataset(tmp_path, rows))
    assert examples(train) == [("three", ("i0",), "i1"), ("two", ("i1",), "i2")]
    assert examples(valid) == [] and examples(test) == [("three", ("i0", "i1"), "i2")]


def test_a_batch_is_as_wide_as_its_longest_history_and_joins_nothing(tiny_data):
    _, (train, _, _) = built(tiny_data)
    lengths = train.history_lengths()
    short = np.flatnonzero(lengths <= 2)[:5]
    batch = train[short]
    assert batch["item_id_list"].shape == (5, lengths[short].max())
    assert set(batch.columns) == {"user_id", "item_id", "item_id_list", "item_length"}
    assert torch.equal(train[torch.tensor([3])]["item_id"], train[3:4]["item_id"])


def test_interactions_are_filtered_to_the_k_core(tmp_path, write_dataset):
    rows = [(f"u{user}", f"i{item}", str(item)) for user in range(5) for item in range(5)]
    rows += [("u0", "i9", "9"), ("u9", "i1", "1")]
    dataset, _ = built(
        write_dataset(tmp_path, rows), user_inter_num_interval="[5,inf)", item_inter_num_interval="[5,inf)"
    )
    assert dataset.training_items().item_tokens() == [f"i{item}" for item in range(5)]
    assert dataset.user_num == 6


def test_item_files_are_found_but_not_loaded(tiny_data):
    dataset, _ = built(tiny_data)
    items = dataset.training_items()
    assert items.dataset_path() == tiny_data / "tiny"
    assert sorted(items.item_table()["item_id"]) == sorted(items.item_tokens())
    assert dataset.item_feat is None


def test_ml_100k_comes_with_recbole(caplog):
    with caplog.at_level(logging.INFO):
        dataset = create_dataset(build_config({"dataset": "ml-100k"}))
    train, valid, test = dataset.build()
    assert (dataset.user_num - 1, dataset.item_num - 1, len(valid), len(test)) == (943, 1682, 943, 943)
    assert len(train) == 100_000 - 3 * 943
    assert train.history_lengths().max() == dataset.config["MAX_ITEM_LIST_LENGTH"]


def test_a_missing_dataset_is_answered_by_what_to_do(tmp_path, write_dataset):
    write_dataset(tmp_path, [("u", "i1", "1")])
    with pytest.raises(SettingsError) as caught:
        built(tmp_path, dataset="amazon-toys")
    message = str(caught.value)
    for part in ("amazon-toys.inter", "amazon-toys.text-embedding.npz", "--data_path=FOLDER", "holds: tiny", "ml-100k"):
        assert part in message


def test_a_dataset_without_training_examples_is_refused(tmp_path, write_dataset):
    with pytest.raises(SettingsError, match="leaves no training example"):
        built(write_dataset(tmp_path, [("u1", "i1", "1"), ("u2", "i2", "1")]))


def test_text_that_opens_a_quote_does_not_disturb_the_interactions(tmp_path, write_dataset):
    data_path = write_dataset(tmp_path, [("u", f"i{step}", str(step)) for step in range(5)])
    with (data_path / "tiny" / "tiny.item").open("a", encoding="utf-8") as file:
        file.write('i999\t"an open quote\n')
    dataset, _ = built(data_path)
    assert "i999" not in dataset.training_items().item_tokens()
