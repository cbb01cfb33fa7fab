from __future__ import annotations

import logging

import numpy as np
import pytest

from recbole_adasid.pairs.pair_file import load_pair_file

TOKENS = ["a", "b", "c", "7"]
HEADER = "trigger:token\ttarget:token\tweight:float\n"


def tsv(folder, text):
    path = folder / "pairs.tsv"
    path.write_text(text, encoding="utf-8")
    return path


def npz(folder, **arrays):
    path = folder / "pairs.npz"
    np.savez(path, **{"trigger": np.array(["b", "a", "a"]), "target": np.array(["c", "b", "c"]), **arrays})
    return path


def listed(pairs):
    return list(zip(pairs.trigger.tolist(), pairs.target.tolist(), pairs.weight.tolist()))


def test_both_forms_give_the_same_pairs_ordered_by_trigger_and_weight(tmp_path):
    rows = "b\tc\t0.5\na\tb\t1\na\tc\t2\n"
    expected = [(0, 2, 2.0), (0, 1, 1.0), (1, 2, 0.5)]
    assert listed(load_pair_file(tsv(tmp_path, HEADER + rows), TOKENS)) == expected
    assert listed(load_pair_file(npz(tmp_path, weight=np.array([0.5, 1, 2])), TOKENS)) == expected


def test_without_weights_each_pair_weighs_one(tmp_path):
    text = "target:token\ttrigger:token\n7\ta\n"
    assert listed(load_pair_file(tsv(tmp_path, text), TOKENS)) == [(0, 3, 1.0)]
    whole = npz(tmp_path, trigger=np.array([7]), target=np.array([b"a"]))
    assert listed(load_pair_file(whole, TOKENS)) == [(3, 0, 1.0)]


def test_unknown_items_are_counted_and_the_log_says_that_pairs_may_leak(tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        found = load_pair_file(tsv(tmp_path, HEADER + "a\tb\t1\na\tx\t1\ny\tb\t1\n"), TOKENS)
    assert listed(found) == [(0, 1, 1.0)]
    assert "2 of 3 pairs skipped: items without interactions" in caplog.text
    assert "1 item pairs come from" in caplog.text and "leak interactions held out for" in caplog.text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEADER, "no rows after its header"),
        ("a\tb\t1\n", "line 1: the column 'a' is not of the form name:type"),
        ("trigger:token\tx:token\na\tb\n", "no column 'target'"),
        (HEADER + "a\tb\t1\n\na\tc\n", "line 4: 2 cells for 3 columns"),
        (HEADER + "a\tb\t1\na\t\t1\n", "line 3.*target"),
        (HEADER + "a\tb\t1\n\na\tc\tmuch\n", "line 4 has a weight that is not a finite number above 0"),
        (HEADER + "a\tb\t0\n", "line 2 has a weight"),
        (HEADER + "a\tb\tnan\n", "line 2 has a weight"),
        (HEADER + "a\tb\t1e300\n", "line 2 has a weight"),
        (HEADER + "a\tb\t\n", "line 2 has a weight"),
        (HEADER + "a\ta\t1\n", "line 2 pairs an item with itself"),
        (HEADER + "a\tb\t1\nb\ta\t1\na\tb\t2\n", "line 4 repeats a pair"),
        (HEADER + "x\ty\t1\n", "none of the 1 pairs names two items of the dataset"),
    ],
)
def test_a_wrong_line_is_refused_with_its_number(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        load_pair_file(tsv(tmp_path, text), TOKENS)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"target": np.array(["c"])}, "3 triggers, 1 targets and weights of shape"),
        ({"weight": np.array(["1", "2", "3"])}, "type <U1: save one number per pair"),
        ({"weight": np.array([1.0, np.inf, 1.0])}, "row 1 has a weight"),
        ({"trigger": np.array([0.5, 1, 2])}, "trigger has the shape .* float64"),
        ({"trigger": np.array(["b", {}, "a"], dtype=object)}, "Python objects"),
    ],
)
def test_wrong_arrays_are_refused_with_a_sentence(tmp_path, arrays, message):
    with pytest.raises(ValueError, match=message):
        load_pair_file(npz(tmp_path, **arrays), TOKENS)


def test_another_or_no_file_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere.tsv: correct pair_file"):
        load_pair_file(tmp_path / "nowhere.tsv", TOKENS)
    with pytest.raises(ValueError, match="not '.csv'"):
        load_pair_file(tmp_path / "pairs.csv", TOKENS)
    np.savez(tmp_path / "half.npz", trigger=np.array(["a"]))
    with pytest.raises(ValueError, match="also needs 'target'"):
        load_pair_file(tmp_path / "half.npz", TOKENS)


def parquet_folder(folder, trigger, target):
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    table = pyarrow.table({"trigger": trigger, "target": target, "weight": [0.5] * len(trigger)})
    parquet.write_table(table, folder / "pairs-00000.parquet")
    return folder


def test_a_folder_of_parquet_files_is_read_with_ids_of_any_type(tmp_path):
    assert listed(load_pair_file(parquet_folder(tmp_path, ["a"], ["b"]), TOKENS)) == [(0, 1, 0.5)]
    ids = ["12345678901", "7"]
    assert listed(load_pair_file(parquet_folder(tmp_path, [12345678901.0], [7.0]), ids)) == [(0, 1, 0.5)]
    with pytest.raises(ValueError, match="the trigger 1.5 is neither text nor a whole number"):
        load_pair_file(parquet_folder(tmp_path, [1.5], [7.0]), ids)
    with pytest.raises(ValueError, match="trigger is missing"):
        load_pair_file(parquet_folder(tmp_path, ["a", None], ["b", "c"]), TOKENS)


def test_a_file_without_pairs_is_refused(tmp_path):
    with pytest.raises(ValueError, match="holds no item pairs"):
        load_pair_file(npz(tmp_path, trigger=np.array([], dtype="S1"), target=np.array([], dtype="S1")), TOKENS)
