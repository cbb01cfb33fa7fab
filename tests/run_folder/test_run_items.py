"""What stands in two files of a run is compared."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from recbole_adasid.bundle import SIDBundle
from recbole_adasid.io.tensor_file import DamagedFile
from recbole_adasid.run_folder.run_items import read_sids
from recbole_adasid.serving.recommender import Recommender

Settings = dict[str, Any]


def edited(path: Path, change: Callable[[Any], Any]) -> None:
    content = json.loads(path.read_text())
    path.write_text(json.dumps(change(content) or content))


BOTH: list[tuple[str, Callable[[Any], Any], str]] = [
    ("sids.json", lambda c: c.update(i3=[3 - c["i3"][0], *c["i3"][1:]]), "gives the item 'i3' the code .* on level 1"),
    ("sids.json", lambda c: c.pop("i3") and None, "different items than|of the shape"),
    ("sids.json", lambda c: c.update(x=c.pop("i3")), "different items than"),
    ("sids.json", lambda c: {key: row[:-1] for key, row in c.items()}, r"of the shape \[20, 3\]|do not match"),
    ("sids.json", lambda c: c.update(i3=[1.0, *c["i3"][1:]]), "not whole numbers"),
    ("sids.json", lambda c: c.update(i3=5), "no lists of codes"),
    ("sids.json", lambda c: c.update(i3=[10**12] * 4), "not whole numbers"),
    ("items.json", lambda c: c.pop("i3") and None, "does not list the run.s 20 items"),
]


@pytest.mark.parametrize(("name", "change", "why"), BOTH)
def test_what_stands_in_two_files_of_a_run_is_compared(
    name: str, change: Callable[[Any], Any], why: str, run_copy: Path
) -> None:
    edited(run_copy / name, change)
    for load in (Recommender.load, SIDBundle.from_run):
        with pytest.raises(ValueError, match=why):
            load(run_copy)


@pytest.mark.parametrize(
    ("name", "change", "why"),
    [
        ("sids.info.json", lambda c: c.update(level_sizes=[4, 4, 4, 9]), "says level_sizes="),
        ("sids.info.json", lambda c: c.update(collision="shared"), "says collision=|do not match"),
        ("sids.info.json", lambda c: c.update(items=19), "says items=19"),
        ("sids.info.json", lambda c: c.update(level_sizes="x"), "level_sizes is 'x'"),
        ("tokenizer/tokenizer.json", lambda c: c["tokenizer"].update(seed=1), "describes another tokenizer"),
    ],
)
def test_what_a_bundle_takes_from_two_files_is_compared(
    name: str, change: Callable[[Any], Any], why: str, run_copy: Path
) -> None:
    edited(run_copy / name, change)
    with pytest.raises(ValueError, match=why):
        SIDBundle.from_run(run_copy)


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff"])
def test_semantic_ids_that_are_no_json_are_damaged(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "sids.json").write_bytes(content)
    with pytest.raises(DamagedFile, match=r"sids\.json is not .*: restore the original file$"):
        read_sids(tmp_path / "sids.json")


def test_a_bundle_of_a_run_without_a_model_yet_can_be_made(run_copy: Path) -> None:
    (run_copy / "model.safetensors").unlink()
    assert len(SIDBundle.from_run(run_copy).tokens) == 20
