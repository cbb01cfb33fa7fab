from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from recbole_adasid.cli.tune import COMMAND
from recbole_adasid.plugin.config.building import build_config

pytestmark = pytest.mark.usefixtures("elsewhere")

main = COMMAND.main


@pytest.fixture
def variant(tmp_path: Path) -> Path:
    """A settings file that chooses a tokenizer."""
    path = tmp_path / "variant.yaml"
    path.write_text("tokenizer: rqopq\nkmeans_iterations: 2\nlearning_rate: 0.5\nseed: 7\n", encoding="utf-8")
    return path


def test_the_best_settings_include_those_of_the_files_below_those_of_the_command(
    arguments: Callable[..., list[str]], made_up: list[str], variant: Path, tmp_path: Path
) -> None:
    pytest.importorskip("hyperopt")
    given = arguments("choice: {codebook_size: [2, 4]}\n", config_files=str(variant), learning_rate=0.1)
    assert main([one for one in given if not one.startswith("--tokenizer=")]) == 0
    best = yaml.safe_load((tmp_path / "found" / "best.yaml").read_text())
    assert [best[key] for key in ("tokenizer", "kmeans_iterations", "codebook_size")] == ["rqopq", 2, 4]
    assert best["learning_rate"] == 0.1 and "seed" not in best  # the file's seed was not used


def test_a_setting_of_a_file_cannot_be_searched_too(
    arguments: Callable[..., list[str]], variant: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments("choice: {kmeans_iterations: [1, 2]}\n", config_files=str(variant))) == 2
    assert "kmeans_iterations is both given and searched: remove one of the two" in capsys.readouterr().err
    assert not (tmp_path / "found").exists()


@pytest.mark.parametrize(
    ("names", "key"),
    [
        ({"tokenizer": "adasid"}, "regulation"),
        ({"tokenizer": "quasid", "model_size": "paper"}, "encoder_attention"),
        ({"tokenizer": "quasid", "dataset": "ml-100k"}, "tokenizer_steps"),
    ],
)
def test_the_best_settings_leave_out_what_a_file_repeats_of_replaced_presets(
    names: dict[str, str], key: str, arguments: Callable[..., list[str]], made_up: list[str], tmp_path: Path
) -> None:
    pytest.importorskip("hyperopt")
    there = build_config({"dataset": "tiny", "text_fields": ["title"], **names})
    repeated = {one: there[one] for one in (key, "full_margin")}  # as a run's config.yaml does
    (tmp_path / "run.yaml").write_text(yaml.safe_dump({**names, **repeated, "beam_size": 11}), encoding="utf-8")
    own = {"tokenizer": "quasid", "model_size": "tiny", "config_files": str(tmp_path / "run.yaml")}
    grid = "choice: {codebook_size: [4], full_margin: [0.9]}\n"  # so the file does not set full_margin
    assert main([one for one in arguments(grid, **own) if not one.startswith("--beam_size")]) == 0
    best = build_config({}, [tmp_path / "found" / "best.yaml"])
    point = build_config({"dataset": "tiny", "text_fields": ["title"], "tokenizer": "quasid", "model_size": "tiny"})
    assert there[key] != point[key] == best[key]
    assert (best["full_margin"], best["beam_size"]) == (0.9, 11)  # what the user changed in the file stays
