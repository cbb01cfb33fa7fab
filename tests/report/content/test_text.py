from __future__ import annotations

from recbole_adasid.data.item_labels import ItemLabel
from recbole_adasid.report.content.text import cut, titles_of


def test_texts_are_cut_to_a_line() -> None:
    assert cut("a\n b\t c", 10) == "a b c" and cut("abcdef", 4) == "abc…" and cut("abcd", 4) == "abcd"


def test_no_title_turns_the_direction_of_the_text_behind_it() -> None:
    assert cut("a \u202eb\u2066 c\u2069", 10) == "a b c"


def test_items_without_a_title_are_called_by_their_token() -> None:
    assert titles_of(["x", "y", "z"], {"x": ItemLabel("X"), "y": ItemLabel(" ", "c")}) == ["X", "y", "z"]
