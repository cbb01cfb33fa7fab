import json
import os
import time
from pathlib import Path

import numpy as np
import pytest
import yaml

from recbole_adasid.io.array_file import read_arrays, write_arrays
from recbole_adasid.io.atomic import write_atomically
from recbole_adasid.io.json_file import read_json
from recbole_adasid.run_folder.folder import RunFolder
from recbole_adasid.run_folder.results_table import results_table


def test_the_config_comes_back_as_plain_values(tmp_path):
    settings = {"seed": np.int64(7), "topk": (3, 5), "path": Path("data"), "lr": 1e-3, "none": None, "on": True}
    path = RunFolder(tmp_path / "deep" / "run").write_config(settings)
    loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert loaded == {"seed": 7, "topk": [3, 5], "path": "data", "lr": 1e-3, "none": None, "on": True}


def test_a_folder_tells_whether_it_has_these_very_settings(tmp_path):
    folder, settings = RunFolder(tmp_path), {"seed": np.int64(7), "topk": (3, 5)}
    assert not folder.has_config(settings)
    folder.write_config(settings)
    assert folder.has_config({"topk": [3, 5], "seed": 7}) and not folder.has_config({**settings, "seed": 8})
    folder.config_path.write_bytes(b"\x80\x04.")
    assert not folder.has_config(settings)


def test_sids_map_each_token_to_its_codes(tmp_path):
    folder = RunFolder(tmp_path)
    path = folder.write_sids(['B"1', "é2"], np.array([[0, 255], [3, 4]]), level_sizes=[4, 256], info={"seed": 1})
    assert json.loads(path.read_text(encoding="utf-8")) == {'B"1': [0, 255], "é2": [3, 4]}
    about = json.loads((tmp_path / "sids.info.json").read_text(encoding="utf-8"))
    assert (about["items"], about["levels"], about["level_sizes"], about["seed"]) == (2, 2, [4, 256], 1)


@pytest.mark.parametrize(
    ("tokens", "codes", "message"),
    [
        (["a", "b"], [[0, 0]], "for 2 items on 2 levels"),
        (["a", "a"], [[0, 0], [1, 1]], "1 item tokens repeat"),
        (["a"], [[0, 4]], "Item 'a' has the code 4 on level 2, which has 4 codewords"),
        (["a"], [[-1, 0]], "code -1 on level 1"),
    ],
)
def test_wrong_sids_are_refused_and_leave_no_file(tmp_path, tokens, codes, message):
    with pytest.raises(ValueError, match=message):
        RunFolder(tmp_path).write_sids(tokens, codes, level_sizes=[4, 4])
    assert list(tmp_path.iterdir()) == []


def test_metrics_are_strict_json(tmp_path):
    path = RunFolder(tmp_path).write_metrics({"test": {"ndcg@10": np.float32(0.5), "bad": float("nan")}})
    assert json.loads(path.read_text(), parse_constant=pytest.fail) == {"test": {"ndcg@10": 0.5, "bad": None}}


def test_a_failed_write_keeps_the_old_file_and_leaves_nothing_behind(tmp_path, monkeypatch):
    path = write_atomically(tmp_path / "metrics.json", "old")

    def fail(_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_can_be_used_again_after_an_export_into_it_was_killed(tmp_path):
    folder, begun = RunFolder(tmp_path / "run"), tmp_path / "run" / ".export.7.tmp"
    begun.mkdir()
    (begun / "half").touch()
    for _ in range(2):
        with folder.in_use():
            assert (begun / "half").exists()


def test_what_killed_processes_left_is_removed_and_what_others_still_write_is_not(tmp_path):
    folder, written = RunFolder(tmp_path / "run"), time.time() - 3500
    names = (".out.jsonl.7.tmp", ".out.jsonl.8.tmp", ".model.safetensors.8.tmp", ".new-items.safetensors.9.tmp")
    for name, age in zip(names, (200, 0, 0, 0)):
        (folder.path / name).touch()
        os.utime(folder.path / name, (written - age, written - age))
    with folder.in_use():
        assert [(folder.path / name).exists() for name in names] == [False, True, False, False]


def test_arrays_come_back_and_a_missing_one_is_named(tmp_path):
    path = tmp_path / "new" / "a.npz"
    write_arrays(path, {"rank": np.arange(3), "user": np.arange(3) + 5})
    assert read_arrays(path).keys() == {"rank", "user"} and [*path.parent.iterdir()] == [path]
    assert read_arrays(path, "user")["user"].tolist() == [5, 6, 7]
    with pytest.raises(ValueError, match=r"a\.npz is not an \.npz of rank, codes .*codes.*create it again"):
        read_arrays(path, "rank", "codes")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"text"])
def test_what_is_no_npz_is_named(tmp_path, content):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.npz is not an \.npz of plain arrays"):
        read_arrays(tmp_path / "a.npz")


@pytest.mark.parametrize("content", ["", "{", "[1]"])
def test_what_is_no_json_of_names_and_values_is_named(tmp_path, content):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(ValueError, match=r"a\.json .*restore the original file"):
        read_json(tmp_path / "a.json")


def test_a_file_in_the_way_of_the_folder_is_named(tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(NotADirectoryError, match="run is a file"):
        RunFolder(tmp_path / "run")


def test_the_table_shows_both_splits_and_gaps():
    table = results_table({"recall@5": 0.12345, "ndcg@10": 0.5}, {"recall@5": 0.1, "mrr": 1})
    assert table.split("\n") == [
        "metric       valid      test",
        "----------------------------",
        "recall@5    0.1235    0.1000",
        "ndcg@10     0.5000         -",
        "mrr              -    1.0000",
    ]
    with_interval = results_table({"mrr": 0.5}, {"mrr": 0.25}, {"mrr": (0.2, 0.3)}).split("\n")
    assert with_interval[0].endswith("test, 95% interval") and with_interval[2].endswith("0.2500    0.2000 to 0.3000")
    both = results_table({}, {"mrr": 0.25, "gauc": 0.5}, {"mrr": (0.2, 0.3)}, {"mrr": 0.375}).split("\n")
    assert both[0].endswith("by Semantic ID") and both[2].endswith("0.3000          0.3750")
    assert both[3].endswith("0.5000" + " " * 35 + "-")


def test_a_folder_that_lacks_a_file_is_refused_with_a_run_below_it_that_has_one(tmp_path):
    for name in ("a-run", "b-run", "c-no-run"):
        RunFolder(tmp_path / "runs" / name)
    with pytest.raises(FileNotFoundError, match=r"runs has no model.safetensors: give the folder of a finished run$"):
        RunFolder.existing(tmp_path / "runs", needs="model.safetensors")
    for name in ("a-run", "b-run"):
        (tmp_path / "runs" / name / "config.yaml").touch()
    for name in ("a-run", "b-run", "c-no-run"):
        (tmp_path / "runs" / name / "model.safetensors").touch()
    with pytest.raises(FileNotFoundError, match=r"finished run, such as .*/runs/b-run$"):
        RunFolder.existing(tmp_path / "runs", needs="model.safetensors")
    assert RunFolder.existing(tmp_path / "runs" / "b-run", needs="model.safetensors").path.name == "b-run"


def test_a_finished_run_without_semantic_ids_is_told_where_some_are_needed(tmp_path):
    folder = RunFolder(tmp_path / "run")
    assert RunFolder.existing(folder.path, with_semantic_ids=True).path == folder.path  # not finished: others will say
    folder.write_metrics({})
    assert RunFolder.existing(folder.path).path == folder.path
    with pytest.raises(FileNotFoundError, match="a recommender without Semantic IDs"):
        RunFolder.existing(folder.path, with_semantic_ids=True)
