from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recbole_adasid.grid import cell as cell_module
from recbole_adasid.grid.cell import Cell
from recbole_adasid.grid.given_files import content_digest, given_model
from recbole_adasid.grid.records import finished_cells, told_apart
from recbole_adasid.grid.report import by_setting
from recbole_adasid.grid.run import add, finish


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data" / "toys").mkdir(parents=True)
    (tmp_path / "data" / "toys" / "toys.inter").write_text("user_id:token\nu\n", encoding="utf-8")
    (tmp_path / "shop.yaml").write_text("epochs: 1\nmodel: LIGER\n", encoding="utf-8")
    return tmp_path / "data"


def test_the_digest_is_of_contents_alone_and_changes_with_data_and_settings_files(data: Path) -> None:
    options = ["--config_files=shop.yaml", "--epochs=2"]
    first = content_digest("toys", "data", options)
    assert first == content_digest("toys", str(data), options)  # another path to the same
    (data / "toys" / "downloaded.html").write_text("not data", encoding="utf-8")
    assert first == content_digest("toys", "data", options)
    Path("shop.yaml").write_text("epochs: 99\n", encoding="utf-8")
    second = content_digest("toys", "data", options)
    (data / "toys" / "toys.inter").write_text("user_id:token\nother\n", encoding="utf-8")
    assert len({first, second, content_digest("toys", "data", options)}) == 3
    assert content_digest("elsewhere", "data", []) == content_digest("ml-100k", None, []) == ""


def test_common_options_and_their_files_name_the_recommender_of_cells_that_name_none(data: Path) -> None:
    assert given_model(["--epochs=2"]) is None and given_model(["--config_files=shop.yaml"]) == "LIGER"
    assert given_model(["--config_files=shop.yaml", "--model=TIGER"]) == "TIGER"
    tokenizer, peer = {"tokenizer": "rqvae"}, {"label": "S", "model": "SASRec"}
    cell = Cell("rqvae", tokenizer, "toys", 1, "data", ["--model=LIGER"])
    assert cell.model == cell.place["model"] == "LIGER" and cell.options == ["--tokenizer=rqvae", "--model=LIGER"]
    assert Cell("rqvae", tokenizer, "toys", 1, "data", ["--config_files=shop.yaml"]).model == "LIGER"
    own = Cell("S", peer, "toys", 1, "data", ["--model=LIGER", "--epochs=2"])
    assert own.model == "SASRec" and own.options == ["--model=SASRec", "--epochs=2"]


def test_a_cell_runs_again_once_the_data_changed_and_early_records_count_as_finished(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[str] = []

    def run(self: Cell, out: Path) -> dict[str, Any]:
        runs.append(self.given)
        return {**self.place, "dataset": "toys", "seed": 1, "options": self.options, "given": self.given}

    monkeypatch.setattr(Cell, "run", run)
    entry, out = {"tokenizer": "rqvae"}, Path("out")
    out.mkdir()
    early = Cell("early", {"tokenizer": "simrq"}, "toys", 1, "data", [])
    add(out, {**early.place, "dataset": "toys", "seed": 1, "options": early.options})
    assert not finish(early, out) and not runs
    assert finish(Cell("rqvae", entry, "toys", 1, "data", []), out)
    assert not finish(Cell("rqvae", entry, "toys", 1, "data", []), out)
    (data / "toys" / "toys.inter").write_text("user_id:token\nnext month\n", encoding="utf-8")
    assert finish(Cell("rqvae", entry, "toys", 1, "data", []), out) and len(set(runs)) == 2


def test_what_was_asked_for_last_counts_though_it_was_finished_before_something_else(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[int] = []

    def run(self: Cell, out: Path) -> dict[str, Any]:
        runs.append(self.seed)
        about = {"dataset": "toys", "seed": self.seed, "options": self.options}
        return {**self.place, **about, "given": self.given, "given_to_all": self.given_to_all}

    monkeypatch.setattr(Cell, "run", run)
    out, common = Path("out"), Path("common.yaml")
    out.mkdir()

    def ask(epochs: int, width: int) -> list[tuple[str, int, str]]:
        common.write_text(f"epochs: {epochs}\n", encoding="utf-8")
        for name, entry in (("rqvae", {}), ("wider", {"code_dim": width})):
            for seed in (1, 2):
                options = ["--config_files=common.yaml"]
                finish(Cell(name, {"tokenizer": "rqvae", **entry}, "toys", seed, "data", options), out)
        sections = by_setting(finished_cells(out))
        found = sections["toys --config_files=common.yaml"]
        return sorted((one["cell"], one["seed"], one["options"][1][-2:]) for one in told_apart(found))

    now = ask(1, 8)
    assert len(now) == 4 and len(runs) == 4
    ask(2, 8)
    assert ask(1, 8) == now and len(runs) == 8
    ask(1, 16)
    assert [one for one in ask(1, 8) if "without" not in one[0]] == now and len(runs) == 10
    lines = len((out / "cells.jsonl").read_text(encoding="utf-8").splitlines())
    ask(1, 8)
    assert len((out / "cells.jsonl").read_text(encoding="utf-8").splitlines()) == lines


def test_records_of_earlier_data_have_a_section_of_their_own() -> None:
    shared = {"dataset": "toys", "common": []}
    records = [{**shared, "cell": name, **given} for name, given in (("a", {"given": "1"}), ("b", {}))]
    assert list(by_setting(records)) == ["toys"]  # early records do not say what they were given
    now = {**shared, "cell": "a", "given": "2"}
    apart = by_setting([*records, now])
    assert apart == {"toys, earlier data or settings files": records[:1], "toys": [records[1], now]}


def test_the_first_cell_that_makes_its_data_is_recorded_with_it_and_resumes(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders: list[Path] = []

    def execute(self: Cell, arguments: list[str], folder: Path) -> tuple[dict[str, Any], dict[str, float]]:
        folders.append(folder)
        (data / "shop").mkdir()
        (data / "shop" / "shop.inter").write_text("downloaded", encoding="utf-8")
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(folder / "test_ranks.npz", user=[1], rank=[1])
        return {}, {}

    monkeypatch.setattr(Cell, "execute", execute)
    monkeypatch.setattr(cell_module, "read_pace", lambda folder: {})
    Path("out").mkdir()
    record = Cell("rqvae", {"tokenizer": "rqvae"}, "shop", 1, "data", []).run(Path("out"))
    assert record["given"] == content_digest("shop", "data", []) != ""
    assert Cell("rqvae", {"tokenizer": "rqvae"}, "shop", 1, "data", []).folder == folders[0]
    assert record["given"][:8] in record["ranks"]  # next month's ranks do not overwrite these


def test_a_cell_s_own_settings_files_count_too(data: Path) -> None:
    before = Cell("rqvae", {"config_files": "shop.yaml"}, "toys", 1, "data", []).given
    Path("shop.yaml").write_text("epochs: 3\n", encoding="utf-8")
    assert Cell("rqvae", {"config_files": "shop.yaml"}, "toys", 1, "data", []).given != before


def test_a_cell_with_settings_files_of_its_own_is_compared_until_the_data_or_its_files_change(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        Cell, "execute", lambda self, arguments, folder: (folder.mkdir(parents=True, exist_ok=True), ({}, {}))[1]
    )
    monkeypatch.setattr(cell_module, "read_pace", lambda folder: {})
    Path("own.yaml").write_text("epochs: 1\n", encoding="utf-8")
    mine, records = {"config_files": "own.yaml"}, []

    def run(name: str, entry: dict[str, Any]) -> None:
        cell = Cell(name, entry, "toys", 1, "data", ["--epochs=2"])
        records.append(cell.run(Path()))
        shutil.rmtree(cell.folder)

    run("mine", mine)
    run("rqvae", {"tokenizer": "rqvae"})
    assert list(by_setting(records)) == ["toys --epochs=2"]
    Path("own.yaml").write_text("epochs: 3\n", encoding="utf-8")
    run("mine", mine)
    now, before = "toys --epochs=2", "toys --epochs=2, earlier data or settings files"
    assert by_setting(records) == {before: records[:1], now: records[1:]}
    (data / "toys" / "toys.inter").write_text("user_id:token\nnext month\n", encoding="utf-8")
    run("rqvae", {"tokenizer": "rqvae"})
    assert by_setting(records) == {before: records[:3], now: records[3:]}
