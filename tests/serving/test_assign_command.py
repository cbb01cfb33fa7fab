"""Assigning Semantic IDs to a catalogue on the command line: what is written, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("pyarrow")

from catalogue_shards import SIZES, assert_right, assigned  # noqa: E402
from recbole_adasid.cli import assign as assign_command  # noqa: E402
from recbole_adasid.io.json_file import read_json  # noqa: E402
from recbole_adasid.settings.presets import read_props  # noqa: E402
from recbole_adasid.tokenizer.base import ItemTokenizer  # noqa: E402

main = assign_command.COMMAND.main


@pytest.fixture
def run_folder(tokenizer: ItemTokenizer, tmp_path: Path) -> Path:
    """A folder with what assigning needs of a run."""
    settings = {"tokenizer_family": "rq_kmeans", "codebook_size": [4, 3], "sid_length": 2, "feature_scaling": "none"}
    description = {"tokenizer": {**read_props("tokenizers.yaml"), **settings, "seed": 0}}
    tokenizer.save(tmp_path / "run" / "tokenizer", description)
    return tmp_path / "run"


def test_the_command_writes_shards_and_a_description_of_them_all(
    run_folder: Path,
    shards: list[Path],
    tokenizer: ItemTokenizer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    out = tmp_path / "out"
    command = [f"--run_folder={run_folder}", f"--features={shards[0].parent}", f"--out={out}", "--show_progress=false"]
    assert main(command) == 0, capsys.readouterr().err
    assert "151 items in 4 shards, 151 encoded" in capsys.readouterr().out
    assert_right(out, tokenizer)
    about = read_json(out / "assignment.json")
    assert about["items"] == 151 and about["level_sizes"] == [4, 3] and about["suffixes"] == assigned(out)[2].max() + 1
    assert [one["items"] for one in about["shards"].values()] == SIZES
    shards[2].write_bytes(b"PAR1")
    assert main(command) == 2
    said = capsys.readouterr().err
    assert "error: 1 of 4 shards failed, first" in said and "part-2.parquet" in said
    assert not (out / "assignment.json").exists()
    shards[2].unlink()
    assert main(command) == 0 and "74 items in 3 shards, 0 encoded" in capsys.readouterr().out
    assert "part-2.parquet, which matches no feature shard" in caplog.text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--features=x", "--out=y"], "either --bundle or --run_folder"),
        (["--features=x", "--out=y", "--bundle=b", "--engine=spark"], "Unknown --engine 'spark'"),
        (["--features=x", "--out=y", "--bundle=b", "--memory=0"], "memory=0 has to be a number of 0.1 or more"),
        (["--features=x", "--out=y", "--bundle=b"], "b is not a SID bundle"),
        (["--features=x", "--out=y", "--run_folder=r"], "no run folder r"),
        (["--features=x", "--out=y", "--bundle=b", "--gpu=1"], "Unknown setting 'gpu'"),
    ],
)
def test_mistakes_end_in_a_sentence(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2 and said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("features", "out"),
    [
        ("features", "features"),
        ("features/part-0.parquet", "features"),
        ("features/part-1.npy", "features/../features"),
        ("features", "link"),
        ("links", "features"),
    ],
)
def test_features_are_never_overwritten(
    features: str,
    out: str,
    run_folder: Path,
    shards: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "link").symlink_to(shards[0].parent)
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / shards[0].name).symlink_to(shards[0])
    before = {path: path.read_bytes() for path in shards[0].parent.iterdir()}
    monkeypatch.chdir(tmp_path)
    assert main([f"--run_folder={run_folder}", f"--features={features}", f"--out={out}", "--show_progress=false"]) == 2
    assert "choose another folder for out" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in shards[0].parent.iterdir()} == before


def test_workers_that_were_started_elsewhere_get_whole_paths(
    run_folder: Path, shards: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Path] = []

    def stop(workers: object, tokenizer: object, shards: list[Path], out: Path, **_: object) -> None:
        given.extend([*shards, out])
        raise ValueError("enough")

    monkeypatch.setattr("recbole_adasid.serving.assign_catalogue.assign_codes", stop)
    monkeypatch.chdir(tmp_path)
    assert main([f"--run_folder={run_folder}", "--features=features", "--out=out"]) == 2
    assert given == [*shards, tmp_path / "out"]
