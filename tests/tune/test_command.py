from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from recbole_adasid.cli.tune import COMMAND
from recbole_adasid.plugin.config.building import build_config
from recbole_adasid.plugin.run import run
from recbole_adasid.scorecard.cells import CellFolder
from recbole_adasid.settings.presets import presets
from recbole_adasid.tune import objectives
from recbole_adasid.tune.search import Judge

pytestmark = pytest.mark.usefixtures("elsewhere")

main = COMMAND.main
VALID = "choice: {codebook_size: [2, 4]}\n"
Files = dict[str, bytes]


def found(folder: Path) -> Files:
    return {name: (folder / name).read_bytes() for name in ("best.yaml", "table.json")}


def test_the_search_finds_the_best_of_a_grid(
    arguments: Callable[..., list[str]], made_up: list[str], tmp_path: Path
) -> None:
    pytest.importorskip("hyperopt")
    assert main(arguments(seeds="1,2")) == 0
    best = yaml.safe_load((tmp_path / "found" / "best.yaml").read_text())
    assert (best["codebook_size"], best["kmeans_iterations"], best["tokenizer"]) == (4, 1, "rqkmeans")
    assert "data_path" not in best
    build_config({}, [tmp_path / "found" / "best.yaml"])  # as a run would be given it
    table = json.loads((tmp_path / "found" / "table.json").read_text())
    assert len(table["trials"]) == 6 and table["trials"][0]["proxy_ndcg@10"] == pytest.approx(8.875)
    assert table["trials"][0]["scores"] == [8.75, 9.0] and len(made_up) == 12
    page = (tmp_path / "found" / "README.md").read_text()
    assert page.count("| 8.87500 ± 0.17678 | 2 | 4 | 1 |  |") == 1 and "recbole-adasid tune --dataset" in page


@pytest.mark.parametrize("algorithm", ["exhaustive", "random", "bayes"])
def test_a_killed_search_goes_on_and_gives_what_it_would_have_given(
    algorithm: str,
    arguments: Callable[..., list[str]],
    made_up: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("hyperopt")
    own = {"algorithm": algorithm, "max_trials": 12}
    grid = "choice: {codebook_size: [2, 3, 4, 8], kmeans_iterations: [1, 2]}\n"
    assert main(arguments(grid, out="whole", **own)) == 0
    wanted = list(made_up)
    made_up.clear()
    measure = objectives.Proxy.measure

    def killed(*given: Any) -> Any:
        if len(made_up) == 3:
            raise KeyboardInterrupt
        return measure(*given)

    monkeypatch.setattr(objectives.Proxy, "measure", killed)
    assert main(arguments(grid, **own)) == 130
    with (tmp_path / "found" / "cells.jsonl").open("a") as stream:
        stream.write('{"name": "trial-')  # half a line
    monkeypatch.setattr(objectives.Proxy, "measure", measure)
    assert main(arguments(grid, **own)) == 0
    assert made_up == wanted and len(set(wanted)) == len(wanted)
    assert found(tmp_path / "found") == found(tmp_path / "whole")


@pytest.mark.parametrize(("algorithm", "points"), [("exhaustive", 5), ("random", 1)])
def test_a_point_whose_settings_contradict_each_other_is_left_out(
    algorithm: str, points: int, arguments: Callable[..., list[str]], made_up: list[str], tmp_path: Path
) -> None:
    pytest.importorskip("hyperopt")
    grid = "choice: {rebalancing_start: [0.6, 0.05], rebalancing_end: [0.5, 0.7, 1.0]}\n"
    given = arguments(grid, tokenizer="adasid", codebook_size=4, algorithm=algorithm, max_trials=3, search_seed=7)
    for _ in range(2):  # the second finds all points finished
        assert main(given) == 0 and len(made_up) == points
    page = (tmp_path / "found" / "README.md").read_text()
    left_out = "- rebalancing_start=0.6, rebalancing_end=0.5: rebalancing_end must exceed rebalancing_start >= 0"
    assert page.count(left_out) == 1 and "Left out, as their settings contradict each other" in page


def test_a_search_without_any_valid_point_is_an_error(
    arguments: Callable[..., list[str]],
    made_up: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("hyperopt")
    grid = "choice: {rebalancing_start: [0.6], rebalancing_end: [0.5]}\n"
    monkeypatch.setattr(Judge, "check", lambda self: None)  # as of a large space, of which only such points are drawn
    assert main(arguments(grid, tokenizer="adasid", codebook_size=4)) == 2
    assert "The settings of all 1 points contradict each other: change the space" in capsys.readouterr().err


def test_a_trial_whose_fixed_settings_changed_is_run_again(
    arguments: Callable[..., list[str]], made_up: list[str]
) -> None:
    pytest.importorskip("hyperopt")
    grid = "choice: {codebook_size: [2, 4], kmeans_iterations: [1]}\n"
    for epochs in (2, 2, 3):
        assert main(arguments(grid, epochs=epochs)) == 0
    assert len(made_up) == 4


def test_a_point_s_seeds_of_another_search_s_settings_are_left_out(
    arguments: Callable[..., list[str]], made_up: list[str], tmp_path: Path
) -> None:
    pytest.importorskip("hyperopt")
    grid = "choice: {codebook_size: [2], kmeans_iterations: [1]}\n"
    for epochs, seeds in ((2, "1"), (3, "2"), (3, "3")):
        assert main(arguments(grid, epochs=epochs, seeds=seeds)) == 0
    assert [cell.seed for cell in CellFolder(tmp_path / "found").cells()] == [2, 3]
    assert main(arguments(grid, epochs=2, seeds="1")) == 0
    assert [cell.seed for cell in CellFolder(tmp_path / "found").cells()] == [1] and len(made_up) == 3


def test_the_proxy_judges_semantic_ids(arguments: Callable[..., list[str]], tmp_path: Path) -> None:
    pytest.importorskip("hyperopt")
    grid = "choice: {codebook_size: [2, 4]}\n"
    assert main(arguments(grid)) == 0
    table = json.loads((tmp_path / "found" / "table.json").read_text())
    assert table["metric"] == "proxy_ndcg@10" and {row["codebook_size"] for row in table["trials"]} == {2, 4}
    codes = [np.load(path)["codes"].max() for path in (tmp_path / "found" / "codes").iterdir()]
    assert sorted(codes) == [1, 3]  # as many codewords as the grid says


def test_validation_judges_whole_runs_and_leaves_none_behind(
    arguments: Callable[..., list[str]], tiny_settings: dict[str, object], tmp_path: Path
) -> None:
    pytest.importorskip("hyperopt")
    grid = "choice: {learning_rate: [0.00001, 0.03]}\n"
    assert main(arguments(grid, objective="valid", codebook_size=4, text_width=8)) == 0
    table = json.loads((tmp_path / "found" / "table.json").read_text())
    scores = {row["learning_rate"]: row["ndcg@10"] for row in table["trials"]}
    alone = run({**tiny_settings, "learning_rate": 0.03, "seed": 2020})
    assert table["metric"] == "ndcg@10" and round(scores[0.03], 4) == alone["best_valid"]["ndcg@10"]
    assert scores[0.00001] != scores[0.03]
    assert list((tmp_path / "found" / "runs").iterdir()) == []


@pytest.mark.parametrize(
    ("grid", "own", "says"),
    [
        ("choice: {codebok_size: [2]}", {}, "'codebok_size': did you mean codebook_size"),
        ("choice: {learning_rate: [0.1]}", {}, "The proxy does not depend on learning_rate"),
        ("choice: {codebook_size: [2, many]}", {}, "codebook_size"),
        ("choice: {epochs: [2]}", {"objective": "valid"}, "epochs is both given and searched: remove one"),
        ("uniform: {commitment: [0.1, 1]}", {}, "--algorithm=bayes"),
        (
            "choice: {learning_rate: [0.1]}",
            {"objective": "valid", "metrics": ["NDCG", "GiniIndex"], "valid_metric": "GiniIndex@10"},
            "valid_metric=GiniIndex@10 is better when smaller: search by a metric that is better when larger",
        ),
        ("choice: {opq_subspaces: [1, 2]}", {}, "The tokenizer rqkmeans does not depend on opq_subspaces: remove"),
        ("choice: {hamming_radius: [1, 2]}", {"tokenizer": "adasid"}, "adasid does not depend on hamming_radius"),
        ("choice: {lookup_dim: [8]}", {"tokenizer": "rqvae", "objective": "valid"}, "rqvae does not depend on lookup"),
        (VALID, {"algorithm": "bayse"}, "did you mean bayes"),
        (VALID, {"objective": "test"}, "Valid are: proxy, valid"),
        (VALID, {"max_trials": 0}, "max_trials=0 has to be a whole number of 1 or more"),
        (VALID, {"seeds": "one"}, "--seeds=2020,2021"),
        (VALID, {"seed": 7}, "takes its seeds from --seeds, as in --seeds=7"),
        ("choice: {seed: [1, 2]}", {}, "Every point is judged with all --seeds: remove seed from the space"),
        (VALID, {"space": "papers"}, "did you mean paper"),
        (VALID, {"learning_rat": 1}, "learning_rate"),
    ],
)
def test_mistakes_are_named_before_anything_is_trained(
    grid: str,
    own: dict[str, object],
    says: str,
    arguments: Callable[..., list[str]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(arguments(grid, **own)) == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "found" / "cells.jsonl").exists()


def test_a_space_that_varies_the_tokenizer_may_have_settings_of_each(
    arguments: Callable[..., list[str]], made_up: list[str]
) -> None:
    pytest.importorskip("hyperopt")
    grid = "choice: {regulation: [hamming, none], hamming_radius: [1, 2], codebook_size: [4]}\n"
    assert main(arguments(grid, tokenizer="rqvae")) == 0 and len(made_up) == 4


def test_without_hyperopt_nothing_is_written(
    arguments: Callable[..., list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, "hyperopt", None)
    assert main(arguments()) != 0
    assert "pip install 'recbole-adasid[tuning]'" in capsys.readouterr().err
    assert list((tmp_path / "found").iterdir()) == []


def test_without_a_folder_for_results_nothing_is_searched(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--dataset=tiny"]) == 2
    assert "--out=PATH" in capsys.readouterr().err


def test_help_lists_the_spaces() -> None:
    assert all(f"  {name} " in COMMAND.help() for name in presets("tuning"))


def test_a_search_killed_before_its_line_is_written_keeps_the_finished_run(
    arguments: Callable[..., list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("hyperopt")
    given = arguments("choice: {codebook_size: [4]}\n", objective="valid", epochs=1)
    runs = tmp_path / "found" / "runs"

    def finished_runs_when_killed_in(owner: type, method: str) -> list[Path]:
        with monkeypatch.context() as kill:
            kill.setattr(owner, method, raise_interrupt)
            assert main(given) == 130
        return list(runs.glob("*/metrics.json"))

    assert len(finished_runs_when_killed_in(CellFolder, "add")) == 1
    assert len(finished_runs_when_killed_in(objectives.Validation, "forget")) == 1
    assert main(given) == 0 and list(runs.iterdir()) == []


def raise_interrupt(*_: object) -> None:
    raise KeyboardInterrupt
