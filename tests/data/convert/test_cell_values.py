from __future__ import annotations

import time
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import pandas as pd
import pytest

from recbole_adasid.data.convert.cell_values import (
    CELLS,
    category_paths,
    clean_text,
    first_url,
    identifier,
    number,
    plain_text,
    price,
    unix_seconds,
)
from recbole_adasid.data.convert.counting import Unusable

MIDNIGHT = 1318896000


@pytest.mark.parametrize(
    ("raw", "cell"),
    [
        ("Tom &amp; Jerry", "Tom & Jerry"),
        ("&amp;quot;x&amp;quot;", '"x"'),
        ("a&nbsp;&#9;b\r\nc\x0b d\u2028e", "a b c d e"),
        ("<p class='x'>one<br>two</p><!-- three -->", "one two"),
        ("<script>var a=1;</script>rest", "rest"),
        ("1 < 2 > 0, I <3 it", "1 < 2 > 0, I <3 it"),
        ("\ufeffzero\u200bwidth\x00\ud800", "zerowidth"),
        ("日本語 emoji 🚂", "日本語 emoji 🚂"),
        (None, ""),
        (5, ""),
        (["text"], ""),
    ],
)
def test_text_loses_markup_and_keeps_everything_else(raw, cell):
    assert clean_text(raw) == cell


@pytest.mark.parametrize("part", ["<", "<a", "<!--", "<style>", "<script", "&", "&amp;", "</style"])
def test_cleaning_takes_time_in_proportion_to_the_text(part):
    started = time.perf_counter()
    clean_text(part * (2_000_000 // len(part)))
    assert time.perf_counter() - started < 10


@pytest.mark.parametrize(
    ("raw", "cell"),
    [
        (12.5, "12.50"),
        (7, "7.00"),
        ("$12.99", "12.99"),
        ("$1,234.50", "1234.50"),
        ("$3.50 - $9.99", "3.50"),
        ("from $ 4", "4.00"),
        ("12,99", "12.99"),
        ("€ 5,99", "5.99"),
        ("5.99 EUR", "5.99"),
        ("1 299,50", "1299.50"),
        (" 0.99 ", "0.99"),
        *((junk, "") for junk in (None, True, 0, -3.0, float("nan"), float("inf"), 10**400, "", "—", "None", "free")),
        (".a-box{border:1px} $5", ""),
        ("$" + "9" * 400, ""),
    ],
)
def test_prices_have_two_decimals_and_junk_is_none(raw, cell):
    assert price(raw) == cell


@pytest.mark.parametrize(
    ("raw", "per_second", "cell"),
    [
        (MIDNIGHT, 1, "1318896000"),
        (float(MIDNIGHT), 1, "1318896000"),
        *((zero, 1, "0") for zero in (0, 0.0, -0.0, "0", "1970-01-01")),
        (0.25, 1, "0.25"),
        (f" {MIDNIGHT} ", 1, "1318896000"),
        ("1318896000.25", 1, "1318896000.25"),
        (MIDNIGHT * 1000 + 7, 1000, "1318896000.007"),
        (MIDNIGHT * 1000.0, 1000, "1318896000"),
        (MIDNIGHT * 10**9 + 120, 10**9, "1318896000.00000012"),
        ("2011-10-18", 1, "1318896000"),
        ("2011-10-18T02:00:00+02:00", 1000, "1318896000"),
        ("2011-10-18 00:00:00.5Z".replace(".5", ".500"), 1, "1318896000.5"),
        ("2011-10-18 00:00:00 UTC", 1, "1318896000"),
        (date(2011, 10, 18), 1000, "1318896000"),
        (datetime(2011, 10, 18), 1, "1318896000"),
        (datetime(2011, 10, 18, 0, 0, 0, 250_000), 1, "1318896000.25"),
        (pd.Timestamp("2011-10-18 00:00:00.000000123"), 1, "1318896000.000000123"),
        (pd.Timestamp("2011-10-18 02:00", tz="Europe/Berlin"), 1, "1318896000"),
        (datetime(2011, 10, 18, 2, tzinfo=timezone(timedelta(hours=2))), 1, "1318896000"),
    ],
)
def test_times_are_unix_seconds_with_their_fractions(raw, per_second, cell):
    assert unix_seconds(raw, per_second) == cell


@pytest.mark.parametrize(
    "raw", [None, True, "", "soon", "1e99", "1e", [1], float("nan"), float("inf"), -5, -0.5, 10**400, 10**12]
)
def test_what_is_no_time_is_unusable(raw):
    with pytest.raises(Unusable, match="no time|a time that cannot be read|outside the years"):
        unix_seconds(raw)


@pytest.mark.parametrize("raw", [None, "", "  ", float("nan"), pd.NaT])
def test_a_time_that_is_missing_is_told_from_one_that_cannot_be_read(raw):
    with pytest.raises(Unusable, match="^no time$") as missing:
        unix_seconds(raw)
    assert missing.value.value is None
    for odd in ("02/01/2024", "1704164645,5", ["x"], True, timedelta(3)):
        with pytest.raises(Unusable, match="^a time that cannot be read$") as unreadable:
            unix_seconds(odd)
        assert unreadable.value.value == odd
    with pytest.raises(Unusable, match="outside the years") as outside:
        unix_seconds(-1)
    assert outside.value.value == -1


def test_an_identifier_that_is_there_is_not_told_as_missing():
    for raw in (None, "", " ", float("nan")):
        with pytest.raises(Unusable, match="^no user$"):
            identifier(raw, "user")
    for raw in (True, 1.5, ["A1"], {"id": 1}):
        with pytest.raises(Unusable, match="a value as user that is neither text nor a whole number") as error:
            identifier(raw, "user")
        assert error.value.value == raw


def test_identifiers_are_printable_texts_or_whole_numbers():
    assert [identifier(raw, "user") for raw in ("A1", " A 1 ", 17, 17.0, "Ä")] == ["A1", "A 1", "17", "17", "Ä"]
    for raw in (None, "", " ", "a\tb", "a\nb", "\ud800", True, 1.5, float("nan"), ["A1"], {}):
        with pytest.raises(Unusable, match="user"):
            identifier(raw, "user")


def test_ratings_keep_their_value():
    assert [number(raw) for raw in (5, 5.0, "4.5", " 3 ", 0.1, "4,5")] == ["5", "5", "4.5", "3", "0.1", "4.5"]
    assert {number(raw) for raw in (None, True, "good", "4/5", "4,125", float("nan"), float("inf"), 10**400, [])} == {
        ""
    }


def test_category_paths_come_from_lists_nested_lists_and_texts():
    assert category_paths([["A", "B"], ["A", "C &amp; D"], ["A", "B"]]) == "A > B | A > C & D"
    assert category_paths(["A", "", None, "B <i>x</i>"]) == "A > B x"
    assert category_paths("A > B | C\n> D") == "A > B | C > D"
    assert [category_paths(raw) for raw in (None, [], [[]], [[None]], 5, {"a": 1})] == [""] * 6


def test_numbers_and_single_names_are_category_paths_too():
    assert category_paths([["A", 5], "B", ["C", 2.5]]) == "A > 5 | B | C > 2.5"


@pytest.mark.parametrize(
    ("raw", "cell"),
    [
        (" a  b ", "a b"),
        (["a", "", "b", None], "a, b"),
        (["a", ["b", 3]], "a, b, 3"),
        (7, "7"),
        (4006381333931000000, "4006381333931000000"),
        (2.5, "2.5"),
        (3.0, "3"),
        (date(2024, 1, 2), "2024-01-02"),
        (datetime(2024, 1, 2, 3, 4), "2024-01-02 03:04:00"),
        (pd.Timestamp("2024-01-02 03:04", tz="Europe/Berlin"), "2024-01-02 02:04:00"),
        (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1))), "0001-01-01 00:00:00+01:00"),
        ([Decimal("1.50"), [Decimal(2)]], "1.5, 2"),
        *(
            (nothing, "")
            for nothing in (None, float("nan"), pd.NaT, True, {"a": 1}, b"a", [], [{"a": 1}], Decimal("sNaN"))
        ),
    ],
)
def test_anything_that_has_a_text_becomes_text(raw, cell):
    assert plain_text(raw) == cell


def test_the_first_web_address_is_taken():
    assert first_url([None, "file:///etc/passwd", "http://a b/", "https://a/b.jpg", "http://c/"]) == "https://a/b.jpg"
    assert first_url([]) == first_url(["x.jpg", 5, "https://"]) == ""


def test_a_web_address_may_have_spaces_and_letters_beyond_ascii_but_is_one_line_of_text():
    for good in ("https://müller.de/Grüne Jacke (1).jpg", "HTTP://a/日本.png?q=x y", "https://ä/", "https://a?b c"):
        assert first_url([f" {good}\n"]) == good
    bad = (
        "https://a/b\tc",
        "https://a/b\nc",
        "https://a/\x00",
        "https://a/\ud800",
        "https://a b/c",
        "https://a/\u2028b",
    )
    assert {first_url([one]) for one in (*bad, "https://a/" + "b" * 2001, "x https://a/")} == {""}


@pytest.mark.parametrize("between", [" ", "\n", ",", ", ", " | ", "|", ";", " ; ,| \t"])
def test_of_several_web_addresses_in_a_text_the_first_is_taken(between):
    first = "https://a.com/w=1,h=2/1 a.jpg"
    assert first_url([f"{first}{between}HTTPS://a.com/2.jpg{between}http://b/"]) == first
    assert first_url(["", f"x{between}https://a/", f"{first},{between}"]) == f"{first},{between}".strip()


@pytest.mark.parametrize("part", [" ", "|", ", ", " http", "https://"])
def test_addresses_are_told_apart_in_time_in_proportion_to_the_text(part):
    started = time.perf_counter()
    assert first_url(["https://a/" + part * (1_000_000 // len(part)) + "x"]) in ("", "https://a/")
    assert time.perf_counter() - started < 10


def test_a_text_that_starts_with_a_web_address_is_cleaned_as_any_other():
    text = "https://brand.com/shop Best &amp; cheapest <b>shoes</b>"
    assert plain_text(text) == plain_text([text]) == "https://brand.com/shop Best & cheapest shoes"
    assert CELLS["title"](text) == CELLS["brand"](text) == "https://brand.com/shop Best & cheapest shoes"
    assert plain_text("https://a/1.jpg | https://b/2.jpg") == "https://a/1.jpg | https://b/2.jpg"


def test_a_web_address_is_not_read_as_a_text_with_entities():
    address = "https://img.shop.de/1a.jpg?w=100&currency=EUR&section=2&amp;lt=3,https://b/"
    assert plain_text(f" {address} ") == plain_text([address]) == address
    assert CELLS["image_url"]("https://a/1 a.jpg?w=1&copy=2") == "https://a/1 a.jpg?w=1&copy=2"
    assert plain_text("see https://a/?x=1&copy=2") == "see https://a/?x=1©=2"
    assert plain_text("https://a.de has Tom &amp; Jerry") == "https://a.de has Tom & Jerry"
    assert plain_text("https://a/b\t&amp;c") == "https://a/b &c"


def test_a_time_may_have_an_exponent_as_programs_write_large_numbers():
    for raw in ("1.704067e+09", "1.704067e+009"):
        assert unix_seconds(raw) == unix_seconds("1704067000")
    assert unix_seconds("1E9") == unix_seconds(10**9)
    with pytest.raises(Unusable, match="outside the years"):
        unix_seconds("1e999")
