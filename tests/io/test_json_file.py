from __future__ import annotations

from recbole_adasid.io.json_file import entry_a_line


def test_an_object_is_written_with_one_entry_a_line() -> None:
    text = entry_a_line([("é", [1, 2]), (3, {"a": "ü"})])
    assert text == '{\n"é": [1, 2],\n"3": {"a": "ü"}\n}\n'
