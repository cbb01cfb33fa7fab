from __future__ import annotations

import gzip
import tracemalloc
from pathlib import Path

import pytest

from recbole_adasid.data.convert import lines
from recbole_adasid.data.convert.counting import LineCount, Unusable, usable
from recbole_adasid.data.convert.lines import parse_record, read_lines


def test_lines_keep_their_numbers_and_blank_ones_are_passed_over(tmp_path):
    for name, packed in (("plain.gz", False), ("packed.txt", True)):  # what a file is, it says itself
        content = b"one\n\n  \ntwo\r\nthree"
        (tmp_path / name).write_bytes(gzip.compress(content) if packed else content)
        assert list(read_lines(tmp_path / name)) == [(1, b"one\n"), (4, b"two\r\n"), (5, b"three")]


@pytest.mark.parametrize("harm", ["cut", "changed"])
def test_a_damaged_file_is_refused_and_not_read_in_part(tmp_path, harm):
    content = gzip.compress(b"".join(b"%d\n" % number for number in range(100_000)))
    middle = len(content) // 2
    broken = content[:middle] if harm == "cut" else content[:middle] + bytes(64) + content[middle + 64 :]
    (tmp_path / "a.gz").write_bytes(broken)
    with pytest.raises(ValueError, match=r"a.gz is truncated or damaged \(.*\): download or compress it again"):
        list(read_lines(tmp_path / "a.gz"))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no file .*absent.gz: correct the path"):
        list(read_lines(tmp_path / "absent.gz"))


def test_a_line_that_is_too_long_is_one_line_and_is_not_held(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "_LONGEST", 8)
    (tmp_path / "a").write_bytes(b"x" * 100 + b"\nnext\n" + b"1234567\n" + b"y" * 8)
    assert list(read_lines(tmp_path / "a")) == [(1, b"x" * 8), (2, b"next\n"), (3, b"1234567\n"), (4, b"y" * 8)]


def test_memory_does_not_grow_with_the_file(tmp_path):
    def peak(n_lines: int) -> int:
        with gzip.open(tmp_path / "a.gz", "wb", compresslevel=1) as file:
            file.writelines(b"%d %s\n" % (number, b"text" * 100) for number in range(n_lines))
        tracemalloc.start()
        try:
            assert sum(1 for _ in read_lines(tmp_path / "a.gz")) == n_lines
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(20_000) < 1.1 * peak(2_000) + 100_000 < 4_000_000


def test_records_are_json_or_literals_and_nothing_is_executed(tmp_path):
    assert parse_record(b'{"a": [1, null, "\\u00e4"]}\n') == {"a": [1, None, "ä"]}
    assert parse_record(b" {'a': (1, None, 'b\\d')} \n") == {"a": (1, None, "b\\d")}
    marker = tmp_path / "executed"
    for line in (
        b"{'a': open(%r, 'w')}" % str(marker).encode(),
        b"{'a': ",
        b"nan",
        b"[" * 100_000,
        b"{'a': " * 1000,
        b"-" * 100_000 + b"1",
        b"{[]: 1}",
        b"\x00",
        b"9" * 10_000,
    ):
        with pytest.raises(Unusable, match="neither JSON nor a Python literal|something else"):
            parse_record(line)
    with pytest.raises(Unusable, match="bytes that are not UTF-8"):
        parse_record(b'{"a": "\xff"}')
    assert not marker.exists()


def test_what_is_left_out_is_counted_by_reason_with_the_first_lines():
    def make(number: int) -> int:
        if number % 3 == 0:
            raise Unusable("no remainder")
        if number == 7:
            raise Unusable("luck")
        return number

    count = LineCount(Path("x.gz"))
    assert list(usable(((number, number) for number in range(1, 15)), make, count)) == [1, 2, 4, 5, 8, 10, 11, 13, 14]
    assert count.summary() == (
        "x.gz: 14 lines read, 5 left out: 4 with no remainder (lines 3, 6, 9 …); 1 with luck (line 7)"
    )
    assert LineCount(Path("x.gz"), read=1234).summary() == "x.gz: 1,234 lines read, all used"


@pytest.mark.parametrize("packed", [False, True])
def test_a_byte_order_mark_is_no_part_of_the_first_line(packed, tmp_path):
    content = b'\xef\xbb\xbf{"a": 1}\n\xef\xbb\xbf{"a": 2}\n'
    (tmp_path / "a.jsonl").write_bytes(gzip.compress(content) if packed else content)
    lines = list(read_lines(tmp_path / "a.jsonl"))
    assert lines[0] == (1, b'{"a": 1}\n') and lines[1][1].startswith(b"\xef")
    (tmp_path / "empty.csv").write_bytes(b"\xef\xbb\xbf")
    assert list(read_lines(tmp_path / "empty.csv")) == []
