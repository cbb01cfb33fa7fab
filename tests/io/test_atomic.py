from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from recbole_adasid.io.atomic import (
    CannotWrite,
    absent_lines,
    append_line,
    end_with,
    remove_leftovers,
    write_atomically,
    written_whole,
)


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
    message = rf"cannot write {path} \(No space left on device\); the previous file is intact: free disk space"
    with pytest.raises(CannotWrite, match=message), written_whole(path) as waiting:
        waiting.write_text("new")
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_leftovers_of_a_file_and_of_its_namesakes_are_removed_and_no_others(tmp_path: Path) -> None:
    for name in (".a.safetensors.1.tmp", ".a.unfinished.safetensors.2.tmp", ".b.safetensors.3.tmp", "a.lock"):
        (tmp_path / name).write_text("")
    remove_leftovers(tmp_path / "a.safetensors")
    assert {path.name for path in tmp_path.iterdir()} == {".b.safetensors.3.tmp", "a.lock"}


def test_lines_that_a_file_lacks_are_found_wherever_the_others_are(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    assert absent_lines(path, ["one", "two"]) == ["one", "two"]
    path.write_text("one é\ntwo\nthree\nfo")
    assert absent_lines(path, ["one é", "one", "four", "three", "fo"]) == ["one", "four", "fo"]
    assert absent_lines(tmp_path, ["one"]) == ["one"]


def test_lines_are_appended_and_half_a_line_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    append_line(path, "one")
    with path.open("a") as stream:
        stream.write("ha")
    append_line(path, "two é")
    append_line(path, "three")
    assert path.read_bytes() == "one\nha\ntwo é\nthree\n".encode()
    with pytest.raises(CannotWrite, match="cannot write .*/lines/below"):
        append_line(path / "below", "four")


@pytest.mark.parametrize(
    ("there", "left"),
    [
        (b"", b"new 1\nnew 2\n"),
        (b"old\n", b"old\nnew 1\nnew 2\n"),
        (b"old\nne", b"old\nnew 1\nnew 2\n"),
        (b"old\nnew 1", b"old\nnew 1\nnew 2\n"),
        (b"old\nnew 1\n", b"old\nnew 1\nnew 2\n"),
        (b"old\nnew 1\nnew 2", b"old\nnew 1\nnew 2\n"),
        (b"old\nnew 1\nnew 2\n", b"old\nnew 1\nnew 2\n"),
        (b"new 1\nnew 2\n", b"new 1\nnew 2\n"),
        (b"new 1\nold\n", b"new 1\nold\nnew 1\nnew 2\n"),
        (b"somebody's", b"somebody's\nnew 1\nnew 2\n"),  # no line of ours, and nothing is taken away
        (b"a new 1\nnew 2\n", b"a new 1\nnew 2\nnew 1\nnew 2\n"),  # ours begins where a line does
        (b"x" * 50 + b"new 1\nnew 2", b"x" * 50 + b"new 1\nnew 2\nnew 1\nnew 2\n"),
    ],
)
def test_a_file_ends_with_lines_whatever_part_of_them_it_had(there: bytes, left: bytes, tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(there)
    end_with(path, ["new 1", "new 2"])
    assert path.read_bytes() == left
    end_with(path, ["new 1", "new 2"])
    assert path.read_bytes() == left


def test_no_lines_make_no_file_and_a_disk_that_takes_none_is_named(tmp_path: Path) -> None:
    end_with(tmp_path / "lines", [])
    assert not list(tmp_path.iterdir())
    with pytest.raises(
        CannotWrite, match=r"cannot write .*/missing/lines \(No such file or directory\): free disk space"
    ):
        end_with(tmp_path / "missing" / "lines", ["a"])


def test_a_file_has_its_name_even_where_folders_cannot_be_flushed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[bool] = []
    flush = os.fsync

    def only_files(descriptor: int) -> None:
        flushed.append(stat.S_ISDIR(os.fstat(descriptor).st_mode))
        if flushed[-1]:
            raise OSError(22, "Invalid argument")
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", only_files)
    with written_whole(tmp_path / "file") as waiting:
        waiting.write_text("new")
    assert (tmp_path / "file").read_text() == "new" and flushed == [False, True]


def test_a_link_under_the_temporary_name_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("mine")
    (tmp_path / f".file.{os.getpid()}.tmp").symlink_to(tmp_path / "outside")
    write_atomically(tmp_path / "file", "new")
    assert (tmp_path / "file").read_text() == "new" and (tmp_path / "outside").read_text() == "mine"
