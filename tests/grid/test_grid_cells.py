"""Which cells of a grid run, and which take the result of another."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recbole_adasid.grid import cell as cell_module
from recbole_adasid.grid import run as run_module
from recbole_adasid.grid.cell import Cell
from recbole_adasid.grid.records import METRICS, finished_cells, is_seedless
from recbole_adasid.grid.report import write_report
from recbole_adasid.grid.run import run_grid
from recbole_adasid.io.atomic import CannotWrite
from recbole_adasid.settings.errors import SettingsError

GRIDS = {
    "first": {"mine": {"label": "Mine", "group": "g", "tokenizer": "adasid", "place": 0}},
    "second": {
        "rqvae": {"label": "Other", "tokenizer": "rqvae", "place": 0},
        "adasid": {"label": "AdaSID", "tokenizer": "adasid", "place": 1},
    },
    "peers": {"pop": {"label": "Pop", "model": "Pop", "place": 0}},
}


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The cells that were run, by name, each with figures of its own."""
    found: list[str] = []

    def execute(self: Cell, arguments: list[str], folder: Path) -> tuple[dict[str, Any], dict[str, float]]:
        found.append(self.name)
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(folder / "test_ranks.npz", user=np.arange(3), rank=np.arange(3))
        metrics = dict.fromkeys(METRICS, len(found) / 100)
        return {"best_valid": metrics, "test": metrics}, {"cpu_seconds": 1, "peak_memory_gib": 1.0}

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Cell, "execute", execute)
    monkeypatch.setattr(cell_module, "read_pace", lambda folder: {})
    monkeypatch.setattr(run_module, "read_grid", GRIDS.__getitem__)
    monkeypatch.setattr(run_module, "check_cells", list)  # there are no data
    return found


def run(grid: str, *options: str, seeds: tuple[int, ...] = (1,)) -> str:
    run_grid(grid, Path("out"), datasets=["toys"], seeds=seeds, options=list(options))
    return Path("out/README.md").read_text(encoding="utf-8")


def test_a_cell_that_another_grid_names_otherwise_runs_once_and_is_in_the_tables_of_both(runs: list[str]) -> None:
    run("first")
    page = run("second")
    assert runs == ["mine", "rqvae"]
    assert "| Other | 1 | 0.0200" in page and "| AdaSID | 1 | 0.0100" in page and "| Mine | 1 | 0.0100" in page
    records = finished_cells(Path("out"))
    assert [(record["cell"], record.get("group")) for record in records] == [
        ("mine", "g"),
        ("rqvae", None),
        ("adasid", None),
    ]
    assert records[0]["ranks"] == records[2]["ranks"] and records[0]["command"] == records[2]["command"]
    run("second")
    assert len(finished_cells(Path("out"))) == 3 and len(runs) == 2


def test_a_recommender_without_tokenizer_is_in_the_tables_of_every_common_setting(runs: list[str]) -> None:
    run("peers", "--model_size=tiny", seeds=(1, 2))
    run("peers", "--model_size=small")
    assert runs == ["pop"]
    assert [record["common"] for record in finished_cells(Path("out"))] == [
        ["--model_size=tiny"],
        ["--model_size=small"],
    ]


@pytest.mark.parametrize("option", ["--cold_item_share=0.1", "--config_files=cold.yaml"])
def test_popularity_is_measured_for_every_seed_that_draws_other_items_to_hold_out(option: str, runs: list[str]) -> None:
    Path("cold.yaml").write_text("cold_item_share: 0.1\n", encoding="utf-8")
    run("peers", option, seeds=(1, 2))
    assert [(record["seed"], record["cold"]) for record in finished_cells(Path("out"))] == [(1, True), (2, True)]
    run("peers", option, "--cold_item_share=0", seeds=(1, 2))
    assert [(record["seed"], record["cold"]) for record in finished_cells(Path("out"))[2:]] == [(0, False)]


@pytest.mark.parametrize("option", ["--eval_args={mode: uni5}", "--config_files=sampled.yaml"])
def test_popularity_is_measured_for_every_seed_that_draws_other_candidates(option: str, runs: list[str]) -> None:
    Path("sampled.yaml").write_text("eval_args: {mode: {valid: full, test: pop9}}\n", encoding="utf-8")
    run("peers", option, seeds=(1, 2))
    found = finished_cells(Path("out"))
    assert [record["seed"] for record in found] == [1, 2] and not any(map(is_seedless, found))
    run("peers", option, "--eval_args={mode: full}", seeds=(1, 2))
    found = finished_cells(Path("out"))[2:]
    assert [record["seed"] for record in found] == [0] and all(map(is_seedless, found))


def test_a_cell_keeps_its_folder_until_its_line_is_written(runs: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def add(out: Path, record: dict[str, Any]) -> None:
        raise CannotWrite("cannot write cells.jsonl")

    with monkeypatch.context() as full_disk, pytest.raises(CannotWrite):
        full_disk.setattr(run_module, "add", add)
        run("first")
    shutil.rmtree(Path("out", "ranks"))  # the next try may have another --out
    assert len(list(Path("runs").glob("grid/toys/*/test_ranks.npz"))) == 1 == len(runs)
    run("first")
    assert not list(Path("runs").glob("grid/toys/*"))
    (record,) = finished_cells(Path("out"))
    assert len(runs) == 1 and record["cell"] == "mine" and Path("out", "ranks", record["ranks"]).is_file()


def test_a_cell_that_goes_on_after_a_kill_says_that_its_minutes_are_not_all(runs: list[str]) -> None:
    cell = Cell("mine", GRIDS["first"]["mine"], "toys", 1, None, [])
    assert not cell.run(Path("."))["resumed"]
    (cell.folder / "cell.json").unlink()  # not finished
    record = {**cell.run(Path(".")), "seconds": 120}
    Path("cells.jsonl").write_text("", encoding="utf-8")
    run_module.add(Path("."), record)
    write_report(Path("."))
    assert "| Mine | 1 | 2.0 since it was resumed |" in Path("README.md").read_text(encoding="utf-8")


def test_a_cell_without_a_test_is_kept(runs: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def execute(self: Cell, arguments: list[str], folder: Path) -> tuple[dict[str, Any], dict[str, float]]:
        folder.mkdir(parents=True, exist_ok=True)
        return {"best_valid": dict.fromkeys(METRICS, 0.1), "test": {}, "test_slices": {}}, {"peak_memory_gib": 1.0}

    monkeypatch.setattr(Cell, "execute", execute)
    page = run("second", "--cold_item_share=0.1")
    assert [record.get("ranks") for record in finished_cells(Path("out"))] == [None, None]
    assert "| AdaSID | 1 |  |  |" in page and not list(Path("runs").glob("grid/toys/*"))


def test_a_common_option_wins_over_a_cell_s_value_and_is_recorded_as_what_ran(
    runs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    long = {"label": "Long", "model": "SASRec", "epochs": 25, "eval_step": 5, "place": 0}
    monkeypatch.setitem(GRIDS, "long", {"long": long})
    run("long", "--epochs=1")
    (record,) = finished_cells(Path("out"))
    assert record["options"] == ["--model=SASRec", "--eval_step=5", "--epochs=1"]
    assert "--epochs=25" not in record["command"]


@pytest.mark.parametrize("early", [False, True])
def test_the_page_s_commands_can_be_pasted_into_a_shell(
    early: bool, runs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cell_module, "plugin_options", lambda: ["--plugins=mine"])
    options = ["--relaxation_thresholds=[0.4, 0.6]", "--item_inter_num_interval=[2,inf)", "--epochs=1"]
    run("first", *options)
    (record,) = finished_cells(Path("out"))
    if early:
        run_module.add(Path("out"), {**record, "command": " ".join(shlex.split(record["command"]))})
        write_report(Path("out"))
    (shown,) = re.findall(r"\| `(.*)` \|", Path("out/README.md").read_text(encoding="utf-8"))
    wanted = ["--dataset=toys", "--seed=1", "--tokenizer=adasid", *options, "--plugins=mine"]
    assert shlex.split(shown) == ["recbole-adasid", "train", *wanted]


def test_settings_of_one_recommender_reach_only_its_cells(runs: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    liger = {"label": "LIGER", "model": "LIGER", "tokenizer": "rqvae", "place": 2}
    monkeypatch.setitem(GRIDS, "both", {**GRIDS["second"], "liger": liger})
    run("both", "--retrieval=dense")
    options = [record["options"] for record in finished_cells(Path("out"))]
    assert options[:2] == [["--tokenizer=rqvae"], ["--tokenizer=adasid"]] and options[2][-1] == "--retrieval=dense"


def test_tables_are_written_anew_with_an_option_of_some_cells(runs: list[str]) -> None:
    run("peers", "--rm_dup_inter=first")
    run_grid("peers", Path("out"), datasets=[], seeds=[], options=["--rm_dup_inter=first"], cells=[])
    assert len(runs) == 1


def test_a_settings_file_has_to_suit_the_chosen_cells_alone(runs: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    Path("tiger.yaml").write_text("beam_size: 10\n", encoding="utf-8")
    monkeypatch.setitem(GRIDS, "mixed", {**GRIDS["first"], **GRIDS["peers"]})
    chosen = {"datasets": ["toys"], "seeds": [1], "options": ["--config_files=tiger.yaml"]}
    run_grid("mixed", Path("out"), cells=["mine"], **chosen)
    assert runs == ["mine"]


def test_a_cell_s_own_settings_file_may_name_its_model(runs: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    Path("own.yaml").write_text("model: SASRec\nhidden_size: 32\n", encoding="utf-8")
    monkeypatch.setitem(GRIDS, "own", {"own": {"label": "Own", "config_files": "own.yaml", "place": 0}})
    run("own", "--hidden_dropout_prob=0.1", "--beam_size=20", "--model=TIGER")
    (record,) = finished_cells(Path("out"))
    assert record["model"] == "SASRec"
    assert record["options"] == ["--config_files=own.yaml", "--hidden_dropout_prob=0.1"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--epohcs=3"], "Unknown setting 'epohcs' in the command line of grid: did you mean epochs"),
        (["--retrieval=dense"], "No cell of mixed has the setting retrieval: leave --retrieval out, or choose another"),
        (["--tokenizer=rqvae"], "The cell mine has a tokenizer of its own: leave --tokenizer out"),
        (["--sids_file=bundle"], "The cell mine has a tokenizer of its own, but sids_file gives all cells the same"),
        (["--config_files=tiger.yaml"], "tiger.yaml has beam_size, a setting that Pop, the model of the cell pop,"),
    ],
)
def test_options_that_would_end_a_cell_are_refused_before_the_first_one_runs(
    options: list[str], said: str, runs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("tiger.yaml").write_text("beam_size: 10\n", encoding="utf-8")
    monkeypatch.setitem(GRIDS, "mixed", {**GRIDS["first"], **GRIDS["peers"]})
    with pytest.raises(SettingsError, match=re.escape(said)):
        run("mixed", *options)
    assert not runs and not Path("out").exists()


@pytest.mark.parametrize("own", [{"sids_file": "mine"}, {"code_dim": 8}, {"config_files": "own.yaml"}])
def test_semantic_ids_for_all_cells_are_refused_beside_a_cell_s_own(own: dict[str, Any], runs: list[str]) -> None:
    Path("own.yaml").write_text("regulation: none\n", encoding="utf-8")
    Cell("mine", {"label": "Mine", **own}, "toys", 1, None, [])
    Cell("mine", {"label": "Mine", "dropout": 0.2}, "toys", 1, None, ["--sids_file=bundle"])
    with pytest.raises(SettingsError, match="mine has a (sids_file|code_dim|regulation) of its own, but sids_file"):
        Cell("mine", {"label": "Mine", **own}, "toys", 1, None, ["--sids_file=bundle"])


def test_a_finished_cell_takes_the_label_and_the_purpose_that_its_grid_gives_it_later(
    runs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run("second")
    one = {"label": "Wider", "tokenizer": "rqvae", "choice": True, "place": 0}
    monkeypatch.setitem(GRIDS, "second", {**GRIDS["second"], "rqvae": one})
    page = run("second")
    assert "### Choices, validation" in page and "Wider" in page and "Other" not in page
    lines = Path("out/cells.jsonl").read_text(encoding="utf-8").splitlines()
    run("second")
    other = {**one, "label": "In another grid", "grid": "table2"}
    monkeypatch.setitem(GRIDS, "other", {"rqvae": other})
    run("other")
    assert lines == Path("out/cells.jsonl").read_text(encoding="utf-8").splitlines() and len(lines) == 3
    assert len(runs) == 2 == len(finished_cells(Path("out")))


def test_a_file_of_one_s_own_relabels_cells_that_do_not_name_their_grid(runs: list[str]) -> None:
    run("second")
    path = Path("out/cells.jsonl")
    path.write_text(path.read_text(encoding="utf-8").replace('"label": "Other"', '"label": "Early"'), encoding="utf-8")
    assert "Other" in run("second")
