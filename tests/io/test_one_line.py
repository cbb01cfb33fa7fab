from __future__ import annotations

from recbole_adasid.io.one_line import first_line, one_line, typed_line

ERROR = ValueError("\n wrong:\n  see\there \n")


def test_a_message_of_several_lines_is_told_on_one() -> None:
    assert (one_line(ERROR), one_line(ERROR, 9)) == ("wrong: see here", "wrong: se")
    assert (first_line(ERROR), first_line(ERROR, 3)) == ("wrong:", "wro")
    assert typed_line(ERROR, 6) == "ValueError: wrong:"


def test_an_error_without_a_message_is_told_by_its_type() -> None:
    assert one_line(KeyError()) == first_line(KeyError()) == "KeyError"
    assert typed_line(AssertionError()) == "AssertionError: "
