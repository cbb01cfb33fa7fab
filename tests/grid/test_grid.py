from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recbole_adasid.evaluation.significance import difference, holm
from recbole_adasid.grid import cell as cell_module
from recbole_adasid.grid.cell import Cell
from recbole_adasid.grid.figures import _curve, file_name
from recbole_adasid.grid.grids import ABOUT, GRIDS, POP, known_cell, read_grid
from recbole_adasid.grid.paired_tables import per_user
from recbole_adasid.grid.published import PAPER
from recbole_adasid.grid.records import METRICS, finished_cells
from recbole_adasid.grid.report import write_report
from recbole_adasid.grid.run import add, key_of
from recbole_adasid.settings.version import VERSION


def record(cell: str, seed: int, value: float, **more: Any) -> dict[str, Any]:
    metrics = dict.fromkeys(METRICS, value)
    about = {"label": cell.upper(), "dataset": "amazon-toys", "seed": seed, "options": [], "common": []}
    cost = {"seconds": 60, "peak_memory_gib": 1.0, "command": "python x"}
    return {"cell": cell, **about, **cost, "best_valid": metrics, "test": metrics, **more}


def write(out: Path, records: list[dict[str, Any]]) -> str:
    out.mkdir(exist_ok=True)
    for entry in records:
        add(out, entry)
    write_report(out)
    return (out / "README.md").read_text(encoding="utf-8")


def write_ranks(out: Path, name: str, users: list[int], ranks: list[int]) -> str:
    (out / "ranks").mkdir(exist_ok=True)
    np.savez(out / "ranks" / name, user=np.array(users), rank=np.array(ranks, dtype=np.int16))
    return name


@pytest.mark.parametrize("name", GRIDS)
def test_every_cell_of_every_grid_has_a_label_and_settings_that_exist(name: str) -> None:
    from recbole_adasid.plugin.config.building import known_settings
    from recbole_adasid.settings.presets import known_keys, presets

    for cell, entry in read_grid(name).items():
        assert entry["label"]
        settings = entry.keys() - set(ABOUT)
        if entry.get("model", "TIGER") == "TIGER":
            assert settings <= known_keys() and entry["tokenizer"] in presets("tokenizer"), cell
        else:
            assert settings <= {"model", *known_settings(entry["model"])}, cell


def test_the_paper_s_numbers_are_there_for_every_cell_of_its_tables() -> None:
    printed = set(read_grid("table2")) | {"adasid-no-sear", "adasid-no-par", "adasid-no-las"}
    for dataset in PAPER.values():
        assert set(dataset) == printed - {POP, "rqvae-infonce"}


def held_out(cell: str, seed: int, value: float) -> dict[str, Any]:
    slices = {"cold": {"users": 10.0, **dict.fromkeys(METRICS, value / 10)}, "warm": dict.fromkeys(METRICS, value)}
    intervals = {name: dict.fromkeys(METRICS, [value / 20, value * 2]) for name in slices}
    more = {"test_slices": slices, "test_slice_intervals": intervals}
    return record(cell, seed, value, common=["--cold_item_share=0.05"], options=["--cold_item_share=0.05"], **more)


def test_items_held_out_of_training_are_told_apart(tmp_path: Path) -> None:
    page = write(tmp_path, [held_out("adasid", 1, 0.02), held_out("adasid", 2, 0.04), held_out("rqvae", 1, 0.05)])
    assert "### Items held out of training, test" in page and "recall@10, cold | ndcg@10, cold | recall@5, warm" in page
    assert "| ADASID | 2 | 10 | 0.0030 ± 0.0014 |" in page
    assert "| RQVAE | 1 | 10 | 0.0050 [0.0025, 0.1000] |" in page and "| 0.0500 [0.0025, 0.1000] |" in page
    assert "held out" not in write(tmp_path / "other", [record("adasid", 1, 0.02)])


def test_half_a_line_left_by_a_kill_costs_no_finished_cell(tmp_path: Path) -> None:
    add(tmp_path, record("adasid", 1, 0.02))
    with (tmp_path / "cells.jsonl").open("a", encoding="utf-8") as stream:
        stream.write('{"cell": "rq')
    add(tmp_path, record("adasid", 2, 0.04))
    assert [key_of(record) for record in finished_cells(tmp_path)] == [("amazon-toys", "1"), ("amazon-toys", "2")]
    assert "| ADASID | 2 | 0.0300" in write(tmp_path, [record("rqvae", 1, 0.01)])


def test_a_cell_runs_in_the_same_folder_again_and_in_another_under_other_options() -> None:
    folders = {Cell("adasid", {}, "ml-100k", 1, None, options).folder for options in ([], [], ["--epochs=2"])}
    assert len(folders) == 2


def test_tables_hold_mean_deviation_and_the_paper_s_number(tmp_path: Path) -> None:
    text = write(tmp_path, [record("adasid", 1, 0.02), record("adasid", 2, 0.04), record("rqvae", 1, 0.01)])
    assert "| ADASID | 2 | 0.0300 ± 0.0141 (0.0214) |" in text
    assert "| RQVAE | 1 | 0.0100 (0.0164) |" in text
    assert "Table 4" not in text  # AdaSID alone is no ablation


def test_adasid_is_compared_with_every_baseline_the_best_first_over_users_and_trainings(tmp_path: Path) -> None:
    users = list(range(6))
    ours = [[1, 0, 3, 0, 1, 0], [2, 1, 0, 0, 1, 0]]
    theirs = [[0, 0, 9, 4, 2, 0], [0, 1, 0, 0, 5, 0]]
    records = [record("rqvae", 1, 0.9)]  # best, but without ranks
    for seed in (1, 2):
        backwards = write_ranks(tmp_path, f"a{seed}.npz", users[::-1], ours[seed - 1][::-1])
        records.append(record("adasid", seed, 0.2, ranks=backwards))
        records.append(record("simrq", seed, 0.1, ranks=write_ranks(tmp_path, f"b{seed}.npz", users, theirs[seed - 1])))
        records.append(record("grvq", seed, 0.05, ranks=write_ranks(tmp_path, f"c{seed}.npz", users, [0] * 6)))

    def gain(rank: int) -> float:
        return 1 / np.log2(rank + 1) if 0 < rank <= 5 else 0.0

    a, b, none = (np.array([[gain(rank) for rank in run] for run in runs]) for runs in (ours, theirs, [[0] * 6] * 2))
    chosen = [r for r in records if r["cell"] == "adasid"]
    assert per_user(tmp_path, chosen, "ndcg@5") == pytest.approx(a)
    text = write(tmp_path, records)
    assert "against SIMRQ" in text
    line, other = (line for line in text.splitlines() if " | 2 | ndcg@5 | " in line)
    assert line.startswith("| SIMRQ |") and other.startswith("| GRVQ |")
    found = difference(a, b)
    assert f"| {a.mean():.4f} | {b.mean():.4f} | {found.value:+.4f} [{found.low:+.4f}, {found.high:+.4f}] |" in line
    p_values = [found.p, difference(a, none).p]
    assert line.endswith(f"| {p_values[0]:.2g} ({holm(p_values)[0]:.2g}) |")
    assert other.endswith(f"| {p_values[1]:.2g} ({holm(p_values)[1]:.2g}) |")


def test_costs_have_processor_minutes_where_a_cell_measured_them(tmp_path: Path) -> None:
    text = write(tmp_path, [record("rqvae", 1, 0.1, cpu_seconds=90), record("simrq", 1, 0.1)])
    assert "| RQVAE | 1 | 1.0 | 1.5 | 1.0 |" in text and "| SIMRQ | 1 | 1.0 |  | 1.0 |" in text


def test_choices_show_validation_only_and_figure_4_is_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    records = [record("weak", 1, 0.1, group="g", label="w"), record("strong", 1, 0.2, group="g", label="s")]
    for entry in records:
        entry["test"] = dict.fromkeys(METRICS, 0.987)
    text = write(tmp_path, records)
    assert "0.9870" not in text and "| w | 1 | 0.1000 |" in text
    assert (tmp_path / "figure4-amazon-toys.png").stat().st_size > 1000


def test_a_finished_cell_is_known_by_its_settings_and_not_by_where_its_data_was(tmp_path: Path) -> None:
    entry = {"label": "x", "tokenizer": "adasid", "relaxation_thresholds": [0.1, 0.2, 0.3]}
    cell = Cell("mine", entry, "ml-100k", 3, "/here", ["--epochs=2"])
    assert cell.options == ["--tokenizer=adasid", "--relaxation_thresholds=[0.1, 0.2, 0.3]", "--epochs=2"]
    stored = {"dataset": "ml-100k", "seed": 3, "options": cell.options, "common": cell.common}
    assert Cell("mine", entry, "ml-100k", 3, "/there", ["--epochs=2"]).key == key_of(stored)
    assert Cell("mine", entry, "ml-100k", 4, "/here", ["--epochs=2"]).key != key_of(stored)
    assert Cell("mine", entry, "ml-100k", 3, "/here", ["--epochs=3"]).key != key_of(stored)


def test_runs_under_other_options_keep_their_ranks_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def execute(self: Cell, command: list[str], folder: Path) -> tuple[dict[str, Any], dict[str, float]]:
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(folder / "test_ranks.npz", rank=np.array([len(self.options)]))
        return {}, {"cpu_seconds": 90}

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cell_module, "read_pace", lambda folder: {"of": folder.name})
    monkeypatch.setattr(Cell, "execute", execute)
    entry = {"label": "x", "tokenizer": "adasid"}
    found = [Cell("mine", entry, "toys", 3, None, options).run(tmp_path) for options in ([], ["--epochs=2"])]
    assert all(one["code"].startswith(VERSION) and one["cpu_seconds"] == 90 for one in found)
    ranks = [np.load(tmp_path / "ranks" / one["ranks"])["rank"].tolist() for one in found]
    assert ranks == [[1], [2]]
    assert [one["pace"] == {"of": one["ranks"][len("toys-") : -len(".npz")]} for one in found] == [True, True]


def peer(cell: str, model: str, seed: int, value: float, **more: Any) -> dict[str, Any]:
    return record(cell, seed, value, model=model, **more)


def test_recommenders_stand_beside_tiger_and_are_tested_on_the_same_users(tmp_path: Path) -> None:
    users = list(range(8))
    random = np.random.default_rng(0)
    ranks = {name: random.integers(0, 9, 8).tolist() for name in ("adasid1", "adasid2", "sasrec1", "sasrec2", "pop")}

    def kept(name: str) -> str:
        return write_ranks(tmp_path, f"{name}.npz", users, ranks[name])

    records = [peer("pop", "Pop", 0, 0.01, ranks=kept("pop"))]
    for seed in (1, 2):
        records.append(peer("mine", "SASRec", seed, 0.05, ranks=kept(f"sasrec{seed}")))
        records.append(record("adasid", seed, 0.06, ranks=kept(f"adasid{seed}")))
    records.append(record("rqvae", 1, 0.99))  # better by validation, but without ranks
    page = write(tmp_path, records)
    assert "### Recommenders, test" in page and "| MINE | 2 | 0.0500 ± 0.0000 |" in page
    assert "| TIGER, ADASID | 2 | 0.0600 ± 0.0000 |" in page and "TIGER, ADASID, the best of ours" in page
    assert "Choices" not in page

    def gain(rank: int) -> float:
        return 1 / np.log2(rank + 1) if 0 < rank <= 5 else 0.0

    def matrix(*names: str) -> np.ndarray:
        return np.array([[gain(rank) for rank in ranks[name]] for name in names])

    for label, other in (("MINE", matrix("sasrec1", "sasrec2")), ("POP", matrix("pop", "pop"))):
        ours = matrix("adasid1", "adasid2")
        line = next(line for line in page.splitlines() if line.startswith(f"| {label} | [1, 2] | ndcg@5 |"))
        assert f"| {ours.mean():.4f} | {other.mean():.4f} | {ours.mean() - other.mean():+.4f} [" in line
        assert line.endswith(f"| {difference(ours, other).p:.2g} |")


def test_liger_stands_beside_tiger_as_ours(tmp_path: Path) -> None:
    ranks = write_ranks(tmp_path, "a.npz", [1, 2, 3], [1, 0, 2])
    worse = write_ranks(tmp_path, "b.npz", [1, 2, 3], [2, 0, 0])
    records = [record("adasid", 1, 0.1, ranks=worse), peer("SASRec", "SASRec", 1, 0.2, ranks=worse)]
    records += [peer("liger", "LIGER", 1, 0.3, label="LIGER on AdaSID", ranks=ranks)]
    page = write(tmp_path, records)
    assert "| LIGER on AdaSID | 1 | 0.3000 |" in page and "| TIGER, ADASID | 1 | 0.1000 |" in page
    assert "LIGER on AdaSID, the best of ours by validation NDCG@10" in page
    line = next(line for line in page.splitlines() if line.startswith("| SASREC | [1] | recall@5 |"))
    assert "| 0.6667 | 0.3333 | +0.3333 [" in line


def test_choices_of_a_liger_are_made_on_validation(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    records = [peer("SASRec", "SASRec", 1, 0.2)]
    for cell, value in (("base", 0.3), ("wide", 0.4)):
        entry = peer(cell, "LIGER", 1, value, group="width", label=cell)
        records.append({**entry, "test": dict.fromkeys(METRICS, 0.987)})
    page = write(tmp_path, records)
    assert "0.9870" not in page and "### Choices, validation" in page and "| wide | 1 | 0.4000 |" in page


def test_choices_are_drawn_by_minutes_of_training(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    curve = {"training": [60, 60, 60], "epochs": [0, 2], "validation": [0.1, 0.2], "evaluating": [1, 1]}
    longer = {**curve, "epochs": [0, 1, 2], "validation": [0.1, 0.2, 0.4]}
    records = [record("wide", seed, 0.3, group="width", pace=pace) for seed, pace in ((1, curve), (2, curve))]
    page = write(tmp_path, [*records, record("deep", 1, 0.3, group="width", pace=longer)])
    name = "progress-" + page.split("](progress-")[1].split(")")[0]
    assert f"![Validation by minutes of training]({name})" in page and (tmp_path / name).stat().st_size > 1000
    minutes, values = _curve([{"pace": curve}, {"pace": {**longer, "training": [120, 60, 60]}}, {}])
    assert minutes.tolist() == [1.5, 3.0] and values.tolist() == pytest.approx([0.1, 0.2])


def test_a_figure_s_name_is_that_of_its_setting_and_never_too_long_for_a_file() -> None:
    assert file_name("amazon-toys --epochs=4 --show_progress=false") == "amazon-toys-epochs_4-show_progress_false"
    long = "tiny " + " ".join(f"--key{number}=/a/['b']" for number in range(60))
    assert len(file_name(long)) == 129 and "/" not in file_name(long) and "'" not in file_name(long)
    assert file_name(long) != file_name(f"{long}c")


def test_published_figures_stand_beside_measured_ones(tmp_path: Path) -> None:
    runs = [{**peer("SASRec", "SASRec", 1, 0.2), "dataset": "amazon-toys"}]
    runs += [{**record("adasid", 1, 0.1), "dataset": "amazon-toys"}]
    assert "| RPG, its paper (arXiv 2506.05781) |  |  | 0.0592 | 0.0401 | 0.0869 | 0.0490 |" in write(tmp_path, runs)
    cold = [{**run, "options": ["--cold_item_share=0.05"]} for run in runs]
    assert "RPG" not in write(tmp_path / "cold", cold)  # others held no items out


@pytest.mark.parametrize(
    "option",
    [
        *("--eval_args={mode: uni100}", "--user_inter_num_interval=[9,inf)", "--config_files=mine.yaml"),
        *("--interactions_files=other.parquet", "--eval_examples=100", "--repeatable=true"),
    ],
)
def test_figures_of_others_are_not_beside_those_measured_otherwise(option: str, tmp_path: Path) -> None:
    runs = [record("adasid", 1, 0.02), record("rqvae", 1, 0.01), peer("SASRec", "SASRec", 1, 0.2)]
    page = write(tmp_path, [{**run, "dataset": "amazon-toys", "options": [option]} for run in runs])
    assert "| ADASID | 1 | 0.0200 | 0.0200 |" in page and "RPG" not in page
    assert page.count(f"others are left out: `{option}` may change what is measured here.") == 2


def test_runs_of_other_users_are_not_paired(tmp_path: Path) -> None:
    ours = write_ranks(tmp_path, "a.npz", [1, 2, 3], [1, 0, 2])
    theirs = write_ranks(tmp_path, "b.npz", [1, 2, 4], [1, 0, 2])
    records = [record("adasid", 1, 0.1, ranks=ours), peer("SASRec", "SASRec", 1, 0.1, ranks=theirs)]
    text = write(tmp_path, records)
    assert "they were tested on different users or items" in text and "| ndcg@10 | " not in text


def test_a_table_of_tigers_and_the_floor_has_no_recommenders(tmp_path: Path) -> None:
    assert "Recommenders" not in write(tmp_path, [record("pop", 0, 0.01), record("adasid", 1, 0.02)])


def test_another_recommender_gets_its_own_settings_and_those_options_that_it_has() -> None:
    entry = {"label": "SASRec, wide", "model": "SASRec", "hidden_size": 128}
    options = ["--model_size=tiny", "--epochs=2", "--report=false", "--cold_item_share=0.1"]
    cell = Cell("wide", entry, "ml-100k", 3, None, options)
    assert cell.options == ["--model=SASRec", "--hidden_size=128", "--epochs=2", "--cold_item_share=0.1"]
    assert cell.common == options and cell.about["model"] == "SASRec"
    assert Cell("pop", known_cell("pop"), "ml-100k", 3, None, []).seed == 0
    assert Cell("pop", known_cell("pop"), "ml-100k", 3, None, ["--cold_item_share=0.1"]).seed == 3
    assert known_cell("GRU4Rec") == {"label": "RecBole's GRU4Rec", "model": "GRU4Rec"}
