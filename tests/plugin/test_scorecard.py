from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from recbole_adasid.cli import scorecard as scorecard_command
from recbole_adasid.plugin.scorecard import refuse_what_cannot_be_compared
from recbole_adasid.scorecard.competitors import competitors
from recbole_adasid.scorecard.landscape import LABELS
from recbole_adasid.scorecard.table import SHOWN
from recbole_adasid.settings.errors import SettingsError
from recbole_adasid.settings.presets import presets

main = scorecard_command.COMMAND.main


def arguments(settings: dict[str, object], out: Path, **own: object) -> list[str]:
    own = {"out": out, "proxy_examples": 200, "tokenizer_steps": 5, "encoder_hidden": [16], **own}
    given = {**{key: value for key, value in settings.items() if key != "tokenizer"}, **own}
    return [f"--{key}={value if isinstance(value, (str, Path)) else json.dumps(value)}" for key, value in given.items()]


@pytest.fixture
def command(tiny_settings: dict[str, object], tmp_path: Path) -> list[str]:
    own = {"tokenizers": "rqkmeans,rqvae,rqvae-infonce", "seeds": "1,2", "report": True}
    return arguments(tiny_settings, tmp_path / "card", **own)


def test_a_scorecard_writes_table_and_landscape_and_goes_on_where_it_stopped(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    assert main(command) == 0
    folder = tmp_path / "card"
    names = {path.name for path in folder.iterdir()}
    assert names == {
        *(
            "cells.jsonl",
            "codes",
            "commands.txt",
            "table.csv",
            "table.json",
            "README.md",
            "landscape.png",
            "landscape.html",
            "report.html",
        )
    }
    table = pd.read_csv(folder / "table.csv").set_index("name")
    assert sorted(table.index) == ["rqkmeans", "rqvae", "rqvae-infonce"] and set(table["seeds"]) == {2}
    assert table.loc["rqvae-infonce", "title"] == "RQ-VAE + InfoNCE, no regulation"
    assert {"stability_1", "embedding_agreement", "swing_agreement", "groups_of_2"} <= set(table.columns)
    assert (folder / "landscape.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / "README.md").read_text().startswith("# Semantic IDs of tiny\n")
    assert "RQ-VAE + InfoNCE" in (folder / "landscape.html").read_text()
    assert "![landscape](landscape.png)" in (folder / "README.md").read_text()

    lines = (folder / "cells.jsonl").read_text().splitlines(keepends=True)
    (folder / "cells.jsonl").write_text("".join(lines[:4]))
    capsys.readouterr()
    assert main(command) == 0
    assert (folder / "commands.txt").read_text().count("\n") == 1
    said = capsys.readouterr().out
    assert said.count("already done") == 4
    again = [json.loads(line) for line in (folder / "cells.jsonl").read_text().splitlines()]
    assert [cell["figures"] for cell in again] == [json.loads(line)["figures"] for line in lines]


def test_a_cell_whose_settings_changed_is_run_again(
    tiny_settings: dict[str, object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for examples in (100, 100, 150):
        assert main(arguments(tiny_settings, tmp_path, tokenizers="rqkmeans", proxy_examples=examples)) == 0
    assert capsys.readouterr().out.count("already done") == 1


@pytest.mark.slow
def test_a_cell_whose_examples_changed_is_run_again(
    tiny_settings: dict[str, object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for own in ({"eval_examples": 10}, {}, {"MAX_ITEM_LIST_LENGTH": 3}, {"MAX_ITEM_LIST_LENGTH": 3}):
        assert main(arguments({**tiny_settings, **own}, tmp_path, tokenizers="rqkmeans")) == 0
    assert capsys.readouterr().out.count("already done") == 1
    assert len((tmp_path / "cells.jsonl").read_text().splitlines()) == 3


def test_a_row_holds_only_seeds_of_the_same_settings(
    tiny_settings: dict[str, object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def said(seeds: str, **own: object) -> str:
        assert main(arguments({**tiny_settings, **own}, tmp_path, tokenizers="rqkmeans", seeds=seeds)) == 0
        return capsys.readouterr().out

    def row() -> tuple[int, float]:
        table = pd.read_csv(tmp_path / "table.csv").set_index("name")
        return tuple(table.loc["rqkmeans", ["seeds", "perplexity_1_sd"]])

    assert "Left out" not in said("1,2")
    of_four = row()
    left_out = "Left out of the table, as other settings of the same name replaced them: rqkmeans, seed 1;"
    assert left_out in said("3", codebook_size=8) and row()[0] == 1
    (tmp_path / "own.yaml").write_text("codebook_size: 8\n")
    without = {key: value for key, value in tiny_settings.items() if key != "codebook_size"}
    given = [*arguments(without, tmp_path, tokenizers="rqkmeans", seeds=4), f"--config_files={tmp_path / 'own.yaml'}"]
    assert main(given) == 0 and row()[0] == 2
    capsys.readouterr()
    assert said("1,2").count("already done") == 2 and row() == of_four


@pytest.mark.parametrize(
    ("own", "says"),
    [
        ({"tokenizers": "adsid"}, "adasid"),
        ({"seeds": "one"}, "--seeds=2020,2021"),
        ({"seed": 7}, "takes its seeds from --seeds, as in --seeds=7"),
        ({"proxy_examples": 0}, "proxy_examples"),
        ({"tokenizer": "rqvae"}, "takes its tokenizers from --tokenizers, as in --tokenizers=rqvae"),
    ],
)
def test_mistakes_are_named(
    own: dict[str, object],
    says: str,
    tiny_settings: dict[str, object],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(arguments(tiny_settings, tmp_path / "card", **own)) == 2
    assert says in capsys.readouterr().err
    assert main(["--dataset=tiny"]) == 2
    assert "--out=PATH" in capsys.readouterr().err


def test_without_matplotlib_the_page_shows_no_picture(
    tiny_settings: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main(arguments(tiny_settings, tmp_path / "card", tokenizers="rqkmeans")) == 0
    assert "landscape" not in (tmp_path / "card" / "README.md").read_text()


def test_help_lists_every_tokenizer_and_variant() -> None:
    for kind in ("tokenizer", "variant"):
        for name in presets(kind):
            assert f"  {name} " in scorecard_command.COMMAND.help()


def test_the_dataset_of_a_settings_file_is_named(tiny_settings: dict[str, object], tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("dataset: tiny\n")
    settings = {key: value for key, value in tiny_settings.items() if key != "dataset"}
    options = arguments(settings, tmp_path / "card", tokenizers="rqkmeans")
    assert main([*options, f"--config_files={tmp_path / 'mine.yaml'}"]) == 0
    assert (tmp_path / "card" / "README.md").read_text().startswith("# Semantic IDs of tiny\n")


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Replaces the judge by one that does nothing; lists the settings that it was given."""
    given: list[Any] = []

    def judge(config: Any, *_: object) -> tuple[np.ndarray, dict[str, float]]:
        given.append(config)
        figures = dict.fromkeys((*SHOWN, *LABELS), 0.1)
        return np.zeros((3, 2), dtype=np.int64), figures

    monkeypatch.setattr("recbole_adasid.scorecard.judge.judge", judge)
    monkeypatch.setattr("recbole_adasid.scorecard.outputs._draw", lambda *_: None)
    return given


def test_a_typed_setting_applies_to_variants_and_settings_files_too(
    tiny_settings: dict[str, object], judged: list[Any], tmp_path: Path
) -> None:
    preset = "tokenizer_steps: 800\nepochs: 8\n"  # of the dataset that the file names
    (tmp_path / "other.yaml").write_text(f"dataset: ml-100k\ntokenizer: quasid\n{preset}code_dim: 8\n")
    names = f"adasid-tuned,rqvae-infonce,{tmp_path / 'other.yaml'}"
    own = {"tokenizers": names, "commitment": 0.7, "collaborative_weight": 0.1}
    given = arguments(tiny_settings, tmp_path / "card", **own)
    assert main([one for one in given if not one.startswith("--tokenizer_steps")]) == 0
    assert {(one["dataset"], one["commitment"], one["collaborative_weight"]) for one in judged} == {("tiny", 0.7, 0.1)}
    assert [one["code_dim"] for one in judged] == [32, 32, 8]
    assert [one["tokenizer_steps"] for one in judged] == [10000, 3000, 3000]  # not those of ml-100k


def test_rows_of_another_dataset_or_other_common_settings_are_left_out_and_named(
    tiny_settings: dict[str, object],
    judged: list[Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    class NoSplits:
        def of(self, _: Any) -> tuple[None, None, None]:
            return None, None, None

    def said(dataset: str, names: str, steps: int) -> str:
        given = {**tiny_settings, "dataset": dataset}
        assert main(arguments(given, tmp_path / "card", tokenizers=names, tokenizer_steps=steps)) == 0
        return capsys.readouterr().out

    def rows() -> set[str]:
        return set(pd.read_csv(tmp_path / "card" / "table.csv")["name"])

    monkeypatch.setattr("recbole_adasid.plugin.datasets.splits.LastSplits", NoSplits)
    monkeypatch.setattr("recbole_adasid.scorecard.judge.cell_fingerprint", lambda config, *_: str(config["dataset"]))
    left_out = "Left out of the table, as they are of another dataset or of other settings for all rows: "
    assert "Left out" not in said("tiny", "adasid", 20) + said("tiny", "rqvae", 20) and rows() == {"adasid", "rqvae"}
    assert f"{left_out}adasid, seed 2020; rqvae, seed 2020" in said("other", "quasid", 20) and rows() == {"quasid"}
    page = (tmp_path / "card" / "README.md").read_text()
    assert "Left out, as of another dataset or of other settings for all rows: AdaSID; RQ-VAE." in page
    assert "rows: adasid, seed 2020; rqvae, seed 2020; quasid, seed 2020" in said("other", "grvq", 5) and rows() == {
        "grvq"
    }
    assert "already done" in said("tiny", "rqvae,adasid", 20) and rows() == {"adasid", "rqvae"} and len(judged) == 4


def test_rows_of_several_datasets_are_refused(tiny_settings: dict[str, object], tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text("dataset: other\n", encoding="utf-8")
    given = {key: value for key, value in tiny_settings.items() if key not in ("dataset", "tokenizer")}
    rows = competitors(f"{tmp_path / 'other.yaml'},rqvae")
    with pytest.raises(SettingsError, match=r"several datasets \(ml-100k, other\)"):
        refuse_what_cannot_be_compared(given, [], rows)
    refuse_what_cannot_be_compared({**given, "dataset": "tiny"}, [], rows)


def test_a_typed_setting_that_undoes_a_variant_is_refused(
    tiny_settings: dict[str, object], judged: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = {"tokenizers": "adasid,adasid-no-sear", "semantic_relaxation": True}
    assert main(arguments(tiny_settings, tmp_path / "card", **own)) == 2
    assert "semantic_relaxation makes adasid-no-sear what it is" in capsys.readouterr().err and not judged


def test_each_competitor_is_judged_on_the_data_that_its_settings_choose(
    tiny_settings: dict[str, object], tmp_path: Path
) -> None:
    (tmp_path / "cold.yaml").write_text("tokenizer: rqkmeans\ncold_item_share: 0.2\n")
    cold = str(tmp_path / "cold.yaml")
    for folder, names in (("both", f"rqkmeans,{cold}"), ("alone", cold)):
        assert main(arguments(tiny_settings, tmp_path / folder, tokenizers=names, seeds="1,2")) == 0
    both, alone = ((tmp_path / name / "cells.jsonl").read_text().splitlines() for name in ("both", "alone"))
    told = {(cell["name"], cell["seed"]): cell["fingerprint"] for cell in map(json.loads, both)}
    assert told["cold", 1] != told["cold", 2]  # other items are held out
    assert all(told["cold", cell["seed"]] == cell["fingerprint"] for cell in map(json.loads, alone))


def test_without_validation_a_scorecard_ends_before_a_tokenizer_is_learnt(
    tiny_settings: dict[str, object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    order = {"split": {"LS": "test_only"}, "order": "TO", "group_by": "user", "mode": "full"}
    assert main(arguments({**tiny_settings, "eval_args": order}, tmp_path / "card", tokenizers="rqkmeans")) == 2
    said = capsys.readouterr().err
    assert "error: The dataset 'tiny' leaves no validation example to compare by" in said and "Traceback" not in said
    assert not (tmp_path / "cache").exists() and not (tmp_path / "card" / "cells.jsonl").exists()


def test_tokenizers_are_not_compared_on_given_semantic_ids(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, f"--sids_file={tmp_path}"]) == 2
    assert "With sids_file all tokenizers have the Semantic IDs of that file" in capsys.readouterr().err
    assert not (tmp_path / "card").exists()  # nothing was trained before


def test_a_bundle_is_compared_with_tokenizers_by_a_settings_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "bundle.yaml").write_text(f"sids_file: {tmp_path}\n", encoding="utf-8")
    rows = competitors(f"{tmp_path / 'bundle.yaml'},rqvae")
    refuse_what_cannot_be_compared({"dataset": "tiny"}, [], rows)
    with pytest.raises(SettingsError, match="With sids_file all tokenizers"):
        refuse_what_cannot_be_compared({"dataset": "tiny", "sids_file": str(tmp_path)}, [], rows)
