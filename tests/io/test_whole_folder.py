"""Folders appear completely or not at all."""

from __future__ import annotations

import errno
import os
import shutil
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
    with pytest.raises(CannotWrite, match="No space left on device.*free disk space"), new_folder(tmp_path / "new"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["full", "full/file"])
def test_what_is_there_stays(name: str, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("kept")
    with pytest.raises(FileExistsError, match="is not an empty folder"), new_folder(tmp_path / name):
        pytest.fail("it was opened")
    assert (tmp_path / "full" / "file").read_text() == "kept"


def test_a_link_to_an_empty_folder_stays_and_its_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "disk" / "big").mkdir(parents=True)
    (tmp_path / "new").symlink_to(tmp_path / "disk" / "big")
    with new_folder(tmp_path / "new") as waiting:
        assert waiting.parent == tmp_path / "disk"
        (waiting / "file").write_text("content")
    assert (tmp_path / "new").is_symlink() and (tmp_path / "disk" / "big" / "file").read_text() == "content"


@pytest.mark.parametrize("known", [True, False], ids=["a mount point", "a folder that stays"])
def test_an_empty_folder_that_cannot_be_removed_is_filled(
    known: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, moved, move = tmp_path / "new", [], shutil.move

    def stay(folder: Path) -> None:
        raise OSError(errno.EBUSY, "Device or resource busy", str(folder))

    def note(part: Path, target: Path) -> None:
        moved.append(target.name)
        move(part, target)

    path.mkdir()
    monkeypatch.setattr(Path, "rmdir", stay)
    monkeypatch.setattr(os.path, "ismount", lambda folder: known and folder == path)
    monkeypatch.setattr(shutil, "move", note)
    with new_folder(path, last="about.json") as waiting:
        assert waiting.parent == (path if known else tmp_path)
        for name in ("a", "about.json", "b"):
            (waiting / name).write_text(name)
        (waiting / "part").mkdir()
        (waiting / "part" / "file").write_text("content")
    assert moved == ["a", "b", "part", "about.json"]
    assert sorted(part.name for part in path.iterdir()) == sorted(moved) and list(tmp_path.iterdir()) == [path]
    assert (path / "part" / "file").read_text() == "content"


def test_a_folder_that_somebody_filled_meanwhile_stays_theirs(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    with pytest.raises(CannotWrite, match="not empty"), new_folder(tmp_path / "new") as waiting:
        (waiting / "file").touch()
        (tmp_path / "new" / "theirs").touch()
    assert [part.name for part in tmp_path.rglob("*")] == ["new", "theirs"]


def test_what_a_killed_process_of_the_same_number_left_is_not_in_the_way(tmp_path: Path) -> None:
    left = tmp_path / f".new.{os.getpid()}.tmp"
    left.mkdir()
    (left / "half").touch()
    with new_folder(tmp_path / "new") as waiting:
        (waiting / "file").touch()
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["file"] and not left.exists()
