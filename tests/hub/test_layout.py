"""Telling kinds of repositories apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from recbole_adasid.hub.layout import Layout

LAYOUT = Layout("thing", ("a.json", "part/b.json"), ("c.json",), ("log.jsonl",), {"other.json": "another thing"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of the expected kind."""
    top = tmp_path / "thing"
    (top / "part").mkdir(parents=True)
    for name in LAYOUT.needed:
        (top / name).write_text("{}")
    return top


def test_what_is_downloaded_and_what_is_published() -> None:
    assert LAYOUT.read == ("a.json", "part/b.json", "c.json")
    assert LAYOUT.published == (*LAYOUT.read, "README.md", "codes.svg")


def test_whole_folders_pass_with_and_without_what_is_optional(folder: Path) -> None:
    LAYOUT.check_folder(folder)
    for name in ("c.json", "anything.py", "log.jsonl"):
        (folder / name).touch()
    LAYOUT.check_folder(folder)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["a.json"], r"X lacks part/b\.json, so it is not a recbole-adasid thing\.$"),
        (["other.json"], r"X lacks a\.json, .* It is another thing\.$"),
        (["pytorch_model.bin", "a.py"], r"Its pytorch_model\.bin would have to be unpickled, which could run"),
        ([], r"X lacks a\.json"),
    ],
)
def test_what_is_no_such_repository_says_what_it_lacks(names: list[str], said: str) -> None:
    with pytest.raises(FileNotFoundError, match=said):
        LAYOUT.check_names(names, "X")


@pytest.mark.parametrize("name", ["a.json", "part/b.json", "part", "c.json", "log.jsonl"])
def test_a_link_out_of_the_folder_is_refused(name: str, folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (folder / name).rename(outside) if (folder / name).exists() else outside.touch()
    (folder / name).symlink_to(outside)
    with pytest.raises(ValueError, match="is a link to .*outside.*, outside its folder: replace the link"):
        LAYOUT.check_folder(folder)


def test_links_within_the_folder_and_of_the_hub_s_cache_are_let_be(folder: Path, tmp_path: Path) -> None:
    (folder / "c.json").symlink_to("a.json")
    LAYOUT.check_folder(folder)
    snapshot = tmp_path / "models--me--thing" / "snapshots" / ("0" * 40)
    blobs = snapshot.parents[1] / "blobs"
    blobs.mkdir(parents=True)
    for name in LAYOUT.needed:
        (blobs / name.replace("/", "-")).touch()
        (snapshot / name).parent.mkdir(parents=True, exist_ok=True)
        (snapshot / name).symlink_to(blobs / name.replace("/", "-"))
    LAYOUT.check_folder(snapshot)
