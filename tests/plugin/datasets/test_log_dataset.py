"""A log in files gives the examples, Semantic IDs and metrics that the same `.inter` gives."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from recbole.data import create_dataset, data_preparation

from recbole_adasid.cli import audit as audit_command
from recbole_adasid.plugin.config.building import build_config
from recbole_adasid.plugin.datasets.dataset import TIGERDataset
from recbole_adasid.plugin.datasets.log_dataset import LogDataset
from recbole_adasid.plugin.run import run
from recbole_adasid.settings.errors import SettingsError

audit = audit_command.COMMAND.main

Settings = dict[str, Any]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, write_dataset: Callable[..., Path]) -> Path:
    """Users of one to twelve interactions, many at equal times and some with the same item."""
    rng = np.random.default_rng(0)
    rows = [
        (f"u{user}", f"i{int(25 * rng.random() ** 2)}", f"{int(rng.integers(8)) / 2}")
        for user in range(50)
        for _ in range(int(rng.integers(1, 13)))
    ]
    rows += [("alone", "i1", "3"), ("pair", "i1", "1"), ("pair", "i2", "2")]
    return write_dataset(tmp_path_factory.mktemp("data"), [rows[row] for row in rng.permutation(len(rows))])


@pytest.fixture
def settings(data: Path, tiny_settings: Settings) -> Settings:
    return {**tiny_settings, "data_path": str(data), "report": False}


def of_files(settings: Settings) -> Settings:
    return {**settings, "interactions_files": f"{settings['data_path']}/tiny/tiny.inter"}


def prepared(settings: Settings) -> tuple[TIGERDataset, list[TIGERDataset]]:
    config = build_config(settings)
    dataset = create_dataset(config)
    dataset.told = str(dataset)
    return dataset, [loader._dataset for loader in data_preparation(config, dataset)]


@pytest.mark.parametrize("mode", ["valid_and_test", "valid_only", "test_only"])
@pytest.mark.parametrize(
    "filters",
    [
        {},
        {"user_inter_num_interval": "[3,inf)", "item_inter_num_interval": "[4,inf)"},
        {"user_inter_num_interval": "[2,9)", "rm_dup_inter": "last"},
        {"rm_dup_inter": "first"},
    ],
)
def test_examples_are_those_of_the_inter_file_row_by_row(settings: Settings, filters: Settings, mode: str) -> None:
    split = {"eval_args": {"split": {"LS": mode}, "order": "TO", "group_by": "user", "mode": "full"}}
    whole, parts = prepared({**settings, **filters, **split})
    log, of_log = prepared(of_files({**settings, **filters, **split}))
    assert isinstance(log, LogDataset) and not isinstance(whole, LogDataset)
    assert log.told == whole.told and "The number of inters" in log.told
    for field in ("user_id", "item_id"):
        assert list(log.field2id_token[field][:]) == list(whole.field2id_token[field])
    for one, other in zip(parts, of_log):
        assert len(one) == len(other)
        rows = np.random.default_rng(1).permutation(len(one))
        for field, values in (one[rows].interaction if len(one) else {}).items():
            assert torch.equal(values, other[rows][field])
        assert np.array_equal(one.targets(), other.targets())
        assert np.array_equal(one.history_lengths()[rows], other.history_lengths()[rows])
        for ours, theirs in zip(one.user_spans(one.targets()), other.user_spans(other.targets())):
            assert np.array_equal(ours, theirs)
        assert (one.inter_matrix("csr") != other.inter_matrix("csr")).nnz == 0
        assert np.array_equal(one.examples().targets, other.examples().targets)
    items, items_of_log = parts[0].training_items(), of_log[0].training_items()
    assert items.item_tokens() == items_of_log.item_tokens()
    assert items.training_interactions().digest() == items_of_log.training_interactions().digest()


def test_evaluation_looks_at_a_draw_and_training_stays(settings: Settings) -> None:
    drawn = {**settings, "eval_examples": 9, "report": True}
    whole, parts = prepared(settings)
    _, some = prepared(drawn)
    _, of_log = prepared(of_files(drawn))
    _, others = prepared({**drawn, "seed": 1})
    assert [len(part) for part in some] == [len(parts[0]), 9, 9] == [len(part) for part in of_log]
    assert np.array_equal(some[1].targets(), of_log[1].targets()) and np.array_equal(
        some[2].targets(), of_log[2].targets()
    )
    assert np.isin(some[2].targets(), parts[2].targets()).all() and np.isin(some[1].targets(), parts[1].targets()).all()
    assert np.array_equal(some[2].targets(), others[2].targets())  # users are the same for every seed
    digests = {one[0].training_items().training_interactions().digest() for one in (parts, some, of_log)}
    assert len(digests) == 1  # what is not looked at is not trained on either
    first, second = run(drawn), run(of_files(drawn))
    assert first["test"] == second["test"]
    assert audit([f"--run_folder={first['run_folder']}"]) == 0 == audit([f"--run_folder={second['run_folder']}"])


def test_recbole_s_own_run_takes_the_log_too(settings: Settings, tmp_path: Path) -> None:
    from recbole.quick_start import run_recbole

    given = {key: value for key, value in of_files(settings).items() if key != "dataset"}
    done = run_recbole("TIGER", "tiny", config_dict={**given, "epochs": 1, "checkpoint_dir": str(tmp_path)})
    assert done["test_result"] == run({**settings, "epochs": 1})["test"]


def test_a_split_log_shows_an_example_and_its_parts_stay_apart(settings: Settings) -> None:
    log, (train, *others) = prepared(of_files(settings))
    for field, values in log[torch.tensor([1])].interaction.items():
        assert torch.equal(values, train[1][field])
    assert [len(part) for part in (train, *others)] == [len(part) for part in prepared(settings)[1]]


def test_processes_that_load_batches_get_the_dataset(settings: Settings) -> None:
    _, (train, _, test) = prepared(of_files(settings))
    for part in (train, test):
        copy = pickle.loads(pickle.dumps(part))
        assert torch.equal(copy[:5]["item_id_list"], part[:5]["item_id_list"])
        assert torch.equal(copy.inter_feat["user_id"], part.inter_feat["user_id"])


def test_users_are_found_by_name_and_by_number(settings: Settings) -> None:
    whole, _ = prepared(settings)
    log, _ = prepared(of_files(settings))
    tokens = ["pair", "u3", "[PAD]"]
    assert log.token2id("user_id", tokens).tolist() == whole.token2id("user_id", tokens).tolist()
    assert log.id2token("user_id", [0, 5, 2]).tolist() == whole.id2token("user_id", [0, 5, 2]).tolist()
    assert log.id2token("user_id", torch.tensor([-1])) == whole.id2token("user_id", [-1])
    assert log.id2token("user_id", 7) == whole.id2token("user_id", 7)
    assert list(log.field2token_id["user_id"]) == list(whole.field2token_id["user_id"])
    with pytest.raises(ValueError, match="nobody"):
        log.token2id("user_id", "nobody")
    with pytest.raises(IndexError):
        log.field2id_token["user_id"][[10**6]]


@pytest.mark.parametrize("tokenizer", ["adasid", "rqkmeans"])
def test_a_run_on_the_log_is_a_run_on_the_inter_file(
    settings: Settings, tokenizer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So that even this log is read in chunks, sorted in buckets and mined in blocks.
    for name, value in (("BYTES_OF_A_ROW", 5_000_000), ("BYTES_OF_A_RECORD", 10_000_000)):
        monkeypatch.setattr(f"recbole_adasid.data.log.numbered_log.{name}", value)
    monkeypatch.setattr("recbole_adasid.data.log.log_interactions._MOST_ROWS", 7)
    small = {"tokenizer": tokenizer, "tokenizer_steps": 12, "tokenizer_batch_pairs": 8, "n_user_tokens": 5}
    whole = run({**settings, **small, "encoder_hidden": [16]})
    log = run({**of_files(settings), **small, "encoder_hidden": [16]})
    assert log["test"] == whole["test"] and log["best_valid"] == whole["best_valid"]
    assert log["semantic_ids"].fingerprint == whole["semantic_ids"].fingerprint
    assert set(log["semantic_ids"].stages.values()) == {"reused"}  # one way's stages serve the other
    for name in ("sids.json", "evaluation.json", "metrics.json"):
        documents = [json.loads((one["run_folder"] / name).read_text()) for one in (whole, log)]
        for document in documents:
            document.pop("stages", None)
        assert documents[0] == documents[1]
    assert audit([f"--run_folder={log['run_folder']}"]) == 0


def test_shards_under_other_names_are_read_from_a_saved_run_too(
    settings: Settings, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from recbole.quick_start import load_data_and_model

    lines = (data / "tiny" / "tiny.inter").read_text(encoding="utf-8").splitlines()[1:]
    (tmp_path / "shards").mkdir()
    for number in range(3):
        rows = [line.replace("\t", ",") for line in lines[number * 150 : (number + 1) * 150]]
        text = "\n".join(["who,what,when", *rows])
        (tmp_path / "shards" / f"{number}.csv").write_text(text, encoding="utf-8")
    names = {"user_id": "who", "item_id": "what", "timestamp": "when"}
    monkeypatch.chdir(tmp_path)
    given = {"interactions_files": "shards", "interactions_columns": names, "report": True}
    found = run({**settings, **given})
    assert found["test"] == run(settings)["test"]
    assert (found["run_folder"] / "report.html").is_file()
    monkeypatch.chdir("/")
    _, model, dataset, _, _, test = load_data_and_model(found["run_folder"] / "model.safetensors")
    assert isinstance(dataset, LogDataset) and len(test._dataset) > 20 and model.n_items == dataset.item_num


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"interactions_files": "nowhere.parquet"}, "no log .*nowhere.parquet"),
        ({"user_inter_num_interval": "[99,inf)"}, "filters leave nothing of the dataset 'tiny'"),
        ({"interactions_table": "t.csv"}, "interactions_table=t.csv does not work with interactions_files"),
        ({"cold_item_share": 0.1}, "cold_item_share=0.1 does not work with"),
        ({"val_interval": {"timestamp": "[1,2]"}}, "val_interval=.* does not work with"),
        ({"load_col": {"inter": ["user_id", "item_id", "timestamp"], "item": ["item_id"]}}, "leave load_col out"),
        ({"eval_args": {"split": {"RS": [8, 1, 1]}, "order": "TO", "mode": "full"}}, "leave one out"),
        ({"eval_args": {"split": {"LS": "valid_and_test"}, "order": "TO", "mode": "uni50"}}, "rank all items"),
        ({"field_separator": ","}, "do not work with"),
        ({"encoding": "latin-1"}, "do not work with"),
        ({"normalize_all": True}, "normalize_all=True does not work with"),
        ({"interactions_memory": 0}, "interactions_memory=0 has to be"),
        ({"interactions_columns": {"who": "x"}}, "'who' is not one of user_id"),
        ({"interactions_columns": {"user_id": "who"}}, "who"),
    ],
)
def test_what_a_log_cannot_do_is_refused(settings: Settings, given: Settings, said: str) -> None:
    with pytest.raises((SettingsError, FileNotFoundError, ValueError), match=said):
        run({**of_files(settings), **given})


def test_what_one_sorted_others_open(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    first, _ = prepared(of_files(settings))

    def refuse(*_: object) -> None:
        raise AssertionError("it was sorted again")

    monkeypatch.setattr("recbole_adasid.data.log.kept_log.LogRequest.sort", refuse)
    again, _ = prepared(of_files(settings))
    assert again.log.folder == first.log.folder


def test_rows_are_counted_from_the_end_too_and_others_refused(settings: Settings) -> None:
    for given in (settings, of_files(settings)):
        train = prepared(given)[1][0]
        last, same = train[len(train) - 1], train[-1]
        assert all(torch.equal(values, same[field]) for field, values in last.interaction.items())
        assert train[2:5]["user_id"].tolist() == train[[2, 3, 4]]["user_id"].tolist()
        for row in (len(train), -len(train) - 1):
            with pytest.raises(IndexError, match="there are .* examples"):
                train[row]


def test_a_mask_chooses_rows(settings: Settings) -> None:
    for given in (settings, of_files(settings)):
        train = prepared(given)[1][0]
        mask = torch.arange(len(train)) % 5 == 2
        expected = train[mask.nonzero().flatten()]
        for same in (mask, mask.numpy(), mask.tolist(), list(mask.numpy())):
            for field, values in expected.interaction.items():
                assert torch.equal(train[same][field], values)
        assert len(train[torch.zeros(len(train), dtype=torch.bool)]) == 0
        for other in (mask[:-1], mask.tolist()[:2], True):
            with pytest.raises(IndexError, match="a mask of .* does not fit: there are .* examples"):
                train[other]
