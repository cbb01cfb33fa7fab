from __future__ import annotations

import pytest

from recbole_adasid.data.item_labels import ItemLabel, labels_of, read_labels, write_labels

TABLE = {"item_id": ["b", "a"], "title": ["Ball", "Äpfel \u2028"], "class": ["toys", ""]}


def test_labels_follow_the_order_of_the_tokens_and_are_empty_where_nothing_is_known() -> None:
    labels = labels_of(TABLE, ["a", "b", "c"], title_field="title", category_field="class")
    assert labels == [ItemLabel("Äpfel \u2028", ""), ItemLabel("Ball", "toys"), ItemLabel()]


def test_columns_and_tables_that_are_not_there_leave_labels_empty() -> None:
    assert labels_of(TABLE, ["b"], title_field="name", category_field="class") == [ItemLabel("", "toys")]
    assert labels_of(None, ["b"], title_field="title", category_field="class") == [ItemLabel()]


def test_labels_are_read_as_they_were_written(tmp_path) -> None:
    labels = {'q"uote': ItemLabel("Äpfel \u2028\n", "x"), "b": ItemLabel()}
    path = write_labels(tmp_path / "items.json", list(labels), list(labels.values()))
    assert read_labels(path) == labels


def test_a_run_without_labels_has_none(tmp_path) -> None:
    assert read_labels(tmp_path / "items.json") == {}


@pytest.mark.parametrize("text", ["[]", "no", '{"a": 1}', '{"a": {"name": "x"}}', '{"a": {"title": 1}}'])
def test_anything_else_is_refused(tmp_path, text) -> None:
    path = tmp_path / "items.json"
    path.write_text(text)
    with pytest.raises(ValueError, match="restore"):
        read_labels(path)
