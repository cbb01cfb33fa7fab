"""Folders appear completely or not at all."""

from __future__ import annotations

import errno
import os
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


def test_an_error_of_what_the_block_reads_is_not_taken_for_one_of_writing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="other"), new_folder(tmp_path / "new"):
        raise FileNotFoundError(errno.ENOENT, "other")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotWrite, match="cannot write .*new "), new_folder(tmp_path / "file" / "new"):
        pytest.fail("it was opened")


def test_all_files_are_on_disk_before_the_folder_appears(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed, flush = [], os.fsync

    def note(descriptor: int) -> None:
        flushed.append((os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}")), (tmp_path / "new").exists()))
        flush(descriptor)

    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("needs the names of open files")
    monkeypatch.setattr(os, "fsync", note)
    with new_folder(tmp_path / "new") as waiting:
        (waiting / "part").mkdir()
        (waiting / "part" / "file").write_text("content")
    assert [name for name, appeared in flushed if not appeared] == ["part", "file", waiting.name]
    assert [name for name, appeared in flushed if appeared] == [tmp_path.name]


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
