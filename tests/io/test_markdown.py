from __future__ import annotations

from recbole_adasid.io.markdown import table


def test_a_table_has_a_line_for_its_head_and_one_for_each_row() -> None:
    assert table(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"
    assert table(["", "b"], [["x", 2], ["", 3]], compact=True) == "| | b |\n|---|---|\n| x | 2 |\n|  | 3 |"
