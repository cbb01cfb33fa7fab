from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recbole_adasid.bundle import SIDBundle
from recbole_adasid.cli.bundle import COMMAND
from recbole_adasid.serving.recommender import Recommender

main = COMMAND.main


@pytest.fixture
def saved(bundle: SIDBundle, tmp_path: Path) -> Path:
    bundle.save(tmp_path / "b")
    return tmp_path / "b"


def test_a_bundle_is_made_of_a_run_and_shown(
    finished: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["make", f"--run_folder={finished['run_folder']}", f"--out={tmp_path}/b"]) == 0
    assert "20 items on 3 levels of [3, 3, 3] codewords, collision suffix, with tokenizer" in capsys.readouterr().out
    assert main(["show", f"--bundle={tmp_path}/b"]) == 0
    shown = capsys.readouterr().out
    for word in ("items_added", "tiny", "tokenizer_family", "semantic_ids", "unique_sids"):
        assert word in shown
    assert main(["make", f"--run_folder={finished['run_folder']}", f"--out={tmp_path}/b"]) == 2
    assert "not empty" in capsys.readouterr().err


def test_an_item_is_shown_with_its_neighbours(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", f"--bundle={saved}", "--item=item 3", "--k=4"]) == 0
    lines = capsys.readouterr().out.splitlines()
    bundle = SIDBundle.load(saved)
    assert len(lines) == 5 and lines[0] == f"item 3: {bundle.codes[3].tolist()} a title, with ünïcode"
    first = bundle.nearest("item 3", 1)[0]
    assert lines[1].startswith(f"{first.shared_levels}  ") and f"{first.item}: " in lines[1]


def test_exports_can_be_imported_again(saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "Toys.index.json"
    assert main(["export", f"--bundle={saved}", "--format=letter", f"--out={path}", "--suffix=false"]) == 0
    numbers = tmp_path / "Toys.item2id"
    more = [f"--item2id={numbers}", "--offset=true"]
    assert main(["export", f"--bundle={saved}", "--format=recbole3", f"--out={tmp_path}/sids.json", *more]) == 0
    told = ["--level_sizes=[4, 3, 5]", f"--item2id={numbers}"]
    assert main(["import", "--format=letter", f"--input={path}", f"--out={tmp_path}/again", *told]) == 0
    assert np.array_equal(SIDBundle.load(tmp_path / "again").codes, SIDBundle.load(saved).codes)
    assert "collision shared, without a tokenizer" in capsys.readouterr().out.splitlines()[-1]


def test_an_item_file_can_have_the_vector_that_the_codes_stand_for(saved: Path, tmp_path: Path) -> None:
    for value, columns in (("true", ["sid_1_to_3:token", "sid_vector:float_seq"]), ("false", ["sid_1_to_3:token"])):
        path = tmp_path / f"{value}.item"
        assert main(["export", f"--bundle={saved}", "--format=item", f"--out={path}", f"--vector={value}"]) == 0
        header, *lines = [line.split("\t") for line in path.read_text().splitlines()]
        assert header[-len(columns) :] == columns
        if value == "true":
            bundle = SIDBundle.load(saved)
            books = [parameter.detach().numpy() for parameter in bundle.tokenizer.codebooks]  # type: ignore[union-attr]
            for line, codes in zip(lines, bundle.codes):
                wanted = sum(book[code] for book, code in zip(books, codes))
                assert np.allclose([float(number) for number in line[-1].split()], wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["mak"], "first argument is 'mak'; valid: make, show, export, import"),
        (["make", "--out=x"], "bundle make needs --run_folder=FOLDER"),
        (["make", "--run_folder=x", "--out=y", "--k=3"], "Unknown setting 'k' in the command line of bundle make"),
        (["make", "--run_folder=absent", "--out=y"], "no run folder absent"),
        (["show", "--bundle=absent"], "absent is not a SID bundle"),
        (["show", "--bundle=absent", "--k=x"], "k='x' has to be a whole number"),
        (["export", "--bundle=absent", "--format=csv", "--out=x", "--suffix=1"], "suffix=1 has to be true or false"),
        (["import", "--format=letter", "--input=absent.json", "--out=x"], "no file absent.json"),
        (["import", "--format=leter", "--input=x", "--out=x"], "did you mean letter"),
    ],
)
def test_mistakes_are_told(arguments, message, capsys, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and message in error and error.count("\n") == 1


def test_a_bundle_with_removed_items_says_that_they_come_back(
    finished: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = Path(shutil.copytree(finished["run_folder"], tmp_path / "run"))
    recommender = Recommender.load(copy)
    recommender.remove_items(["i1", "i2"])
    recommender.save()
    assert main(["make", f"--run_folder={copy}", f"--out={tmp_path}/b"]) == 0
    told = capsys.readouterr().out
    assert "2 of them were removed from the run" in told and "remove them from that run, too" in told
    # As docs/new-items.md removes them from the next run, which may lack some.
    following = Recommender.load(finished["run_folder"])
    removed = Recommender.load(copy).live.changes.removed
    assert set(following.remove_items({*removed, "gone"}, bad_items="skip").items) == {"i1", "i2"}
