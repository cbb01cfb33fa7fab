from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("hypothesis")
from hypothesis import HealthCheck, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from recbole_adasid.bundle.item_map import check_fits_a_cell, read_item_map, row_numbers, write_item_map  # noqa: E402

TOKENS = st.text(min_size=1).filter(lambda token: not set(token) & set("\t\r\n"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tokens=st.lists(TOKENS, min_size=1, unique=True))
def test_what_is_written_is_read_again(tokens: list[str], tmp_path: Path) -> None:
    path = write_item_map(tmp_path / "x.item2id", row_numbers(tokens))
    assert read_item_map(path) == {token: row for row, token in enumerate(tokens)}


def test_the_order_is_that_of_the_numbers_and_the_file_may_come_from_windows(tmp_path: Path) -> None:
    path = tmp_path / "x.item2id"
    path.write_bytes(b"\xef\xbb\xbfb\t7\r\n\r\na a\t0\r\n")
    assert list(read_item_map(path).items()) == [("a a", 0), ("b", 7)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "names no items"),
        (b"a\t0\nb 1\n", "line 2 is not an item token, tab and number"),
        (b"a\tx\n", "line 1 is not an item"),
        (b"a\t-1\n", "line 1 is not an item"),
        (b"\t1\n", "line 1 is not an item"),
        (b"a\t1234567890\n", "line 1 is not an item"),
        ("a\t٣\n".encode(), "line 1 is not an item"),
        (b"a\t0\na\t1\n", "line 2 repeats the item 'a'"),
        (b"a\t1\nb\t01\n", "line 2 repeats .* the number 01"),
        (b"a\xff\t1\n", "not UTF-8"),
    ],
)
def test_damaged_maps_are_refused_with_the_line(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "x.item2id"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_item_map(path)


@pytest.mark.parametrize("token", ["", "a\tb", "a\nb", "a\rb"])
def test_tokens_that_break_a_line_are_named(token: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="does not fit into .*x.item2id"):
        write_item_map(tmp_path / "x.item2id", {"fine": 0, token: 1})
    check_fits_a_cell(["fine", " also fine "], tmp_path)
    assert not list(tmp_path.iterdir())
