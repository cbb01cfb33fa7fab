"""Folders appear completely or not at all."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from recbole_adasid.io.atomic import CannotWrite
from recbole_adasid.io.whole_folder import new_folder


@pytest.mark.parametrize("exists", [True, False])
def test_a_folder_appears_when_it_is_complete(exists: bool, tmp_path: Path) -> None:
    path = tmp_path / "parents" / "new"
    if exists:
        path.mkdir(parents=True)
    with new_folder(path) as waiting:
        (waiting / "file").write_text("content")
        assert not (path / "file").exists()
    assert (path / "file").read_text() == "content"
    assert list(path.parent.iterdir()) == [path]


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyError), new_folder(tmp_path / "new") as waiting:
        (waiting / "file").write_text("content")
        raise KeyError
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CannotWrite, match="No space left on device.*make room"), new_folder(tmp_path / "new"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["full", "full/file"])
def test_what_is_there_stays(name: str, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("kept")
    with pytest.raises(FileExistsError, match="is not an empty folder"), new_folder(tmp_path / name):
        pytest.fail("it was opened")
    assert (tmp_path / "full" / "file").read_text() == "kept"
