"""New and removed items on the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from new_items import encoder_of
from recbole_adasid.cli import items as items_command
from recbole_adasid.cli import recommend as recommend_command
from recbole_adasid.io.json_file import read_json
from recbole_adasid.serving.recommender import Recommender

change, recommend = items_command.COMMAND.main, recommend_command.COMMAND.main


def test_the_command_adds_and_removes(copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "new.csv").write_text("sku,name\n0815,the red thing\n0816,a blue one\n")
    columns = "--columns={item_id: sku, title: name}"
    assert change(["add", f"--run_folder={copy}", f"--items={tmp_path}/new.csv", columns]) == 0
    out = capsys.readouterr().out
    assert "0815\t[" in out and "the red thing" in out and "2 items added" in out
    assert "22 items can be recommended" in out
    assert recommend([f"--run_folder={copy}", "--history=i3 0816", "--k=30"]) == 0
    assert "0815" in capsys.readouterr().out
    (tmp_path / "gone.txt").write_text("0815\ni7\n")
    assert change(["remove", f"--run_folder={copy}", f"--items={tmp_path}/gone.txt"]) == 0
    assert "2 items are no longer recommended" in capsys.readouterr().out
    assert recommend([f"--run_folder={copy}", "--history=i3", "--k=30"]) == 0
    left = {line.split("\t")[1] for line in capsys.readouterr().out.splitlines()}
    assert "0816" in left and not {"0815", "i7"} & left
    assert len(read_json(copy / "sids.json")) == 20


def test_no_file_is_named_if_nothing_was_ever_changed(
    copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "known.csv").write_text("item_id,title\ni3,the red thing\n")
    assert change(["add", f"--run_folder={copy}", f"--items={tmp_path}/known.csv"]) == 0
    assert capsys.readouterr().out.endswith("20 items can be recommended\n")
    assert not (copy / "new-items.safetensors").exists()


def test_the_command_goes_on_without_bad_items_if_it_is_told(
    copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "new.csv").write_text("item_id,title\nn1,the red thing\nn2,\n,nameless\n")
    command = ["add", f"--run_folder={copy}", f"--items={tmp_path}/new.csv"]
    assert change(command) == 2
    assert "'n2' cannot be added: it has no text" in capsys.readouterr().err
    assert not (copy / "new-items.safetensors").exists()
    for expected in ("1 items added", "1 were already in the catalogue"):
        assert change([*command, "--bad_items=skip"]) == 0
        printed = capsys.readouterr()
        assert expected in printed.out and "skipped 'n2': it has no text" in printed.err
    (tmp_path / "gone.txt").write_text("n1\r\nunheard of\r\n")
    command = ["remove", f"--run_folder={copy}", f"--items={tmp_path}/gone.txt"]
    assert change(command) == 2 and "'unheard of' cannot be removed" in capsys.readouterr().err
    assert change([*command, "--bad_items=skip"]) == 0
    assert Recommender.load(copy).n_recommended == 20


@pytest.mark.parametrize(
    ("ending", "rows"),
    [
        ("item", "item_id:token\ttitle:token\nn1\tthe red thing\nn1\tanother\n"),
        ("csv", "item_id,title\nn1,the red thing\nn1,another\n"),
    ],
)
def test_an_item_with_several_rows_is_treated_alike_in_every_format(
    ending: str, rows: str, copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / f"new.{ending}").write_text(rows)
    command = ["add", f"--run_folder={copy}", f"--items={tmp_path}/new.{ending}"]
    assert change(command) == 2 and "the new item 'n1' occurs twice" in capsys.readouterr().err
    assert change([*command, "--bad_items=skip"]) == 0
    assert "skipped 'n1': occurs more than once: only its first row was read" in capsys.readouterr().err
    assert Recommender.load(copy).labels["n1"].title == "the red thing"


def test_a_file_of_vectors_without_any_of_the_new_items_keeps_no_other_from_coming_back(
    copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "gone.txt").write_text("i3\n")
    assert change(["remove", f"--run_folder={copy}", f"--items={tmp_path}/gone.txt"]) == 0
    (tmp_path / "new.csv").write_text("item_id,title\nn1,the red thing\ni3,\n")
    np.savez(tmp_path / "new.npz", item_id=np.array(["x"]), embedding=np.eye(1, 8, dtype=np.float32))
    command = ["add", f"--run_folder={copy}", f"--items={tmp_path}/new.csv", f"--features={tmp_path}/new.npz"]
    assert change(command) == 2 and "'n1' cannot be added: its features are missing" in capsys.readouterr().err
    assert change([*command, "--bad_items=skip"]) == 0
    assert "skipped 'n1': its features are missing" in capsys.readouterr().err
    assert Recommender.load(copy).n_recommended == 20


def test_cells_of_new_items_that_cannot_be_used_are_told(copy: Path, tmp_path: Path, capsys, caplog) -> None:
    (tmp_path / "new.jsonl").write_text('{"item_id": "n1", "title": "the red thing", "price": "call us"}\n')
    assert change(["add", f"--run_folder={copy}", f"--items={tmp_path}/new.jsonl"]) == 0
    assert "1 of price, first 'call us' on line 1" in caplog.text


def test_the_command_names_another_delimiter_and_takes_it(copy: Path, tmp_path: Path, capsys) -> None:
    (tmp_path / "new.csv").write_bytes("\ufeffitem_id;title\nn1;the red thing\n".encode())
    command = ["add", f"--run_folder={copy}", f"--items={tmp_path}/new.csv"]
    assert change(command) == 2
    assert "separated by semicolons, not by commas; set --delimiter=semicolon" in capsys.readouterr().err
    assert change([*command, "--delimiter=semicolon"]) == 0


def test_the_items_to_remove_may_begin_with_a_byte_order_mark(copy: Path, tmp_path: Path) -> None:
    (tmp_path / "gone.txt").write_bytes("\ufeffi3\r\ni4\r\n".encode())
    assert change(["remove", f"--run_folder={copy}", f"--items={tmp_path}/gone.txt"]) == 0
    assert Recommender.load(copy).n_recommended == 18


def test_removed_items_of_a_run_without_titles_come_back(copy: Path, tmp_path: Path, capsys) -> None:
    (copy / "items.json").unlink()
    (tmp_path / "gone.txt").write_text("i3\n")
    (tmp_path / "back.csv").write_text("item_id,title\ni3,the red thing\n")
    assert change(["remove", f"--run_folder={copy}", f"--items={tmp_path}/gone.txt"]) == 0
    assert change(["add", f"--run_folder={copy}", f"--items={tmp_path}/back.csv"]) == 0
    assert "1 items added" in capsys.readouterr().out and Recommender.load(copy).n_recommended == 20


def test_the_command_takes_item_files_and_vectors(copy: Path, tmp_path: Path) -> None:
    (tmp_path / "new.item").write_text("item_id:token\ttitle:token\nn1\tthe red thing\n")
    np.savez(tmp_path / "new.npz", item_id=np.array(["x", "n1"]), embedding=np.eye(2, 8, dtype=np.float32))
    arguments = ["add", f"--run_folder={copy}", f"--items={tmp_path}/new.item", f"--features={tmp_path}/new.npz"]
    assert change(arguments) == 0
    expected = encoder_of(Recommender.load(copy)).tokenizer.encode(torch.eye(2, 8)[1:])
    assert Recommender.load(copy).semantic_ids(["n1"])[0][:2] == expected[0, :2].tolist()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["put"], "first argument is 'put'; valid: add, remove"),
        (["add"], "items add needs --run_folder=FOLDER"),
        (["add", "--run_folder=nowhere", "--items=x"], "no run folder nowhere"),
        (["add", "--run_fodler=x"], "did you mean run_folder"),
        (["add", "--run_folder=x", "--items=y", "--columns=z"], "columns='z' has to be a mapping"),
    ],
)
def test_mistakes_are_told(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert change(arguments) == 2
    assert message in capsys.readouterr().err
