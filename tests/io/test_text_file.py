"""Text files of any system are read alike, and another encoding is named."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from recbole_adasid.io.text_file import read_text, read_text_lines


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("last", [True, False])
def test_marks_and_line_ends_make_no_difference(mark: bytes, end: bytes, last: bool, tmp_path: Path) -> None:
    lines = ["ü1", "", "a\u2028b\x85c", " d "]
    (tmp_path / "a.txt").write_bytes(mark + end.join(line.encode() for line in lines) + end * last)
    assert read_text_lines(tmp_path / "a.txt") == lines


def test_an_empty_file_has_no_line(tmp_path: Path) -> None:
    for content in (b"", codecs.BOM_UTF8):
        (tmp_path / "a.txt").write_bytes(content)
        assert read_text_lines(tmp_path / "a.txt") == [] and read_text(tmp_path / "a.txt") == ""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a\nb\xff\n", r"a.txt, line 2: the text is not UTF-8 \(invalid start byte\): save it as UTF-8"),
        ("a\n".encode("utf-16"), r"a.txt, line 1: the text is UTF-16 and not UTF-8"),
    ],
)
def test_another_encoding_is_named_with_its_line(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_text(tmp_path / "a.txt")
    with pytest.raises(FileNotFoundError, match="There is no file .*b.txt: correct the path"):
        read_text(tmp_path / "b.txt")
