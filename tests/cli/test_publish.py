"""`recbole-adasid publish`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from recbole_adasid.bundle import SIDBundle
from recbole_adasid.cli import main
from recbole_adasid.serving.recommender import Recommender

NAME = "me/tiny"


def test_a_run_is_published_as_a_folder_which_other_commands_take(
    finished_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "published"
    assert main(["publish", f"--run_folder={finished_run}", f"--out={out}", "--license=mit"]) == 0
    assert capsys.readouterr().out == f"{out}\n" and "license: mit" in (out / "README.md").read_text()
    lists = []
    for folder in (finished_run, out):
        assert main(["recommend", f"--run_folder={folder}", "--history=i3 i4"]) == 0
        lists.append(capsys.readouterr().out)
    assert lists[0] == lists[1] != ""
    assert main(["publish", f"--run_folder={finished_run}", f"--out={out}"]) == 2
    assert "published exists and is not an empty folder" in capsys.readouterr().err


def test_a_run_and_a_bundle_are_published_on_the_hub(
    finished_run: Path, tmp_path: Path, loopback_hub: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    how = ["--private=true", "--message=A test", "--revision=next"]
    assert main(["publish", f"--run_folder={finished_run}", f"--push_to={NAME}", *how]) == 0
    assert f"{loopback_hub.address}/me/tiny/commit/" in capsys.readouterr().out
    assert loopback_hub.repositories[NAME].private and loopback_hub.repositories[NAME].messages[-1] == "A test"
    assert Recommender.from_pretrained(NAME, revision="next").tokens == Recommender.load(finished_run).tokens
    SIDBundle.from_run(finished_run).save(tmp_path / "bundle")
    assert main(["publish", f"--bundle={tmp_path / 'bundle'}", "--push_to=me/sids"]) == 0
    assert list(SIDBundle.from_pretrained("me/sids").tokens) == Recommender.load(finished_run).tokens


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--out=x"], "Give either --run_folder or --bundle; see --help."),
        (["--out=x", "--run_folder=a", "--bundle=b"], "Give either --run_folder or --bundle; see --help."),
        (["--run_folder=a"], "Give either --out=FOLDER or --push_to=NAME; see --help."),
        (["--run_folder=a", "--out=x", "--push_to=me/x"], "Give either --out=FOLDER or --push_to=NAME; see --help."),
        (["--run_folder=a", "--out=x", "--private=true"], "--private is only for --push_to: leave it out."),
        (["--run_folder=a", "--out=x", "--revision=v1"], "--revision is only for --push_to: leave it out."),
        (["--run_folder=a", "--push_to=me/x", "--private=maybe"], "private='maybe' has to be true or false"),
        (["--run_folder=nowhere", "--out=x"], "There is no run folder nowhere"),
        (["--bundle=nowhere", "--out=x"], "nowhere is not a SID bundle"),
    ],
)
def test_mistakes_are_told_in_a_sentence(
    given: list[str], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["publish", *given]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1 and not any(tmp_path.iterdir())


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert main(["publish", "--run_folder=a", "--push_to=me/x"]) == 2
    assert "pip install 'recbole-adasid[hub]'" in capsys.readouterr().err
