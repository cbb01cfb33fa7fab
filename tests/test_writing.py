from __future__ import annotations

import os
from pathlib import Path

import pytest

from recbole_adasid.writing import CannotWrite, remove_leftovers, written_whole


def test_a_file_appears_when_the_block_ends_and_takes_the_old_one_s_place(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    for content in ("first", "second"):
        with written_whole(path) as waiting:
            waiting.write_text(content)
            assert not path.exists() or path.read_text() == "first"
        assert path.read_text() == content
    assert [found.name for found in path.parent.iterdir()] == ["file"]


def test_an_error_in_the_block_keeps_the_old_file_and_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), written_whole(path) as waiting:
        waiting.write_text("half")
        raise ZeroDivisionError
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_a_disk_that_takes_no_more_is_named_with_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    message = rf"cannot write {path} \(No space left on device\); what stood there before is intact: make room"
    with pytest.raises(CannotWrite, match=message), written_whole(path) as waiting:
        waiting.write_text("new")
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_leftovers_of_a_file_and_of_its_namesakes_are_removed_and_no_others(tmp_path: Path) -> None:
    for name in (".a.safetensors.1.tmp", ".a.unfinished.safetensors.2.tmp", ".b.safetensors.3.tmp", "a.lock"):
        (tmp_path / name).write_text("")
    remove_leftovers(tmp_path / "a.safetensors")
    assert {path.name for path in tmp_path.iterdir()} == {".b.safetensors.3.tmp", "a.lock"}
