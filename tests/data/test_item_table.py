import logging

import pytest

from recbole_adasid.data.atomic_text import AtomicText
from recbole_adasid.data.item_table import read_item_table
from recbole_adasid.features.item_text import render_texts

HEADER = "item_id:token\ttitle:token\tbrand:token\tcategories:token\tprice:float\n"


def write(folder, rows, header=HEADER):
    path = folder / "toy.item"
    path.write_text(header + rows, encoding="utf-8", newline="")
    return AtomicText(path)


def test_every_cell_is_text_exactly_as_written(tmp_path):
    table = read_item_table(write(tmp_path, '1\t"Quoted\tNA\tnull\t\n2\tcafé \u2028 x\t\tNone\t3.50\n'))
    assert table == {
        "item_id": ["1", "2"],
        "title": ['"Quoted', "café \u2028 x"],
        "brand": ["NA", ""],
        "categories": ["null", "None"],
        "price": ["", "3.50"],
    }


def test_windows_line_ends_and_a_byte_order_mark_are_taken_off(tmp_path):
    source = write(tmp_path, "1\tBear\r\n", header="\ufeffitem_id:token\ttitle:token\r\n")
    assert read_item_table(source) == {"item_id": ["1"], "title": ["Bear"]}


def test_the_items_column_may_have_another_name(tmp_path):
    source = write(tmp_path, "1\tBear\n", header="asin:token\ttitle:token\n")
    assert read_item_table(source, item_field="asin")["item_id"] == ["1"]
    with pytest.raises(ValueError, match="no column 'item_id' among asin, title: add it, or set ITEM_ID_FIELD"):
        read_item_table(source)


def test_items_that_nobody_interacted_with_are_counted(caplog):
    table = {"item_id": ["1", "2", "3"], "title": ["Bear", "Car", "Doll"]}
    with caplog.at_level(logging.INFO):
        assert render_texts(table, ["2"], ["title"]) == ["Title: Car;"]
    assert "2 items of the .item file have no interactions" in caplog.text


def test_text_has_labels_the_first_category_path_and_no_empty_field(tmp_path):
    table = read_item_table(write(tmp_path, "1\tBear\t\tToys > Plush | Gifts\t9.99\n2\tCar\tNA\t\t\n"))
    texts = render_texts(table, ["2", "1"], ["title", "brand", "categories", "price"])
    assert texts == ["Title: Car; Brand: NA;", "Title: Bear; Categories: Toys > Plush; Price: 9.99;"]


def test_underscores_in_a_column_become_spaces_in_its_label():
    table = {"item_id": ["1"], "movie_title": ["Toy Story"]}
    assert render_texts(table, ["1"], ["movie_title"]) == ["Movie title: Toy Story;"]


def test_items_without_text_are_counted_in_a_warning(caplog):
    table = {"item_id": ["1", "2"], "title": ["Bear", " "]}
    with caplog.at_level(logging.WARNING):
        assert render_texts(table, ["1", "2", "3"], ["title"]) == ["Title: Bear;", "", ""]
    assert "2 of 3 items have no text" in caplog.text


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("1\tBear\n", "line 2: 2 cells for 5 columns"),
        ("1\ta\t\t\t\n1\tb\t\t\t\n", "line 3 repeats item '1' of line 2"),
    ],
)
def test_a_malformed_table_is_refused_with_a_sentence(tmp_path, rows, message):
    with pytest.raises(ValueError, match=message):
        read_item_table(write(tmp_path, rows))


def test_an_item_s_rows_are_all_kept_if_they_may_repeat(tmp_path):
    source = write(tmp_path, "1\ta\n2\tb\n1\tc\n", header="item_id:token\ttitle:token\n")
    assert read_item_table(source, repeated=True) == {"item_id": ["1", "2", "1"], "title": ["a", "b", "c"]}


def test_a_table_without_items_or_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match="line 1 is empty"):
        read_item_table(write(tmp_path, "", header=""))
    with pytest.raises(FileNotFoundError, match="no item table"):
        read_item_table(AtomicText(tmp_path / "nowhere.item"))


def test_unknown_fields_name_the_nearest_column():
    table = {"item_id": ["1"], "title": ["Bear"], "brand": [""]}
    with pytest.raises(ValueError, match="'titel'.*did you mean 'title'"):
        render_texts(table, ["1"], ["titel"])
    with pytest.raises(ValueError, match="'xyz'.*did you mean 'title' or 'brand'"):
        render_texts(table, ["1"], ["xyz"])
    with pytest.raises(ValueError, match="text_fields is empty"):
        render_texts(table, ["1"], [])


PAPER = "Title: {title} Brand: {brand} Categories: {categories} Price: {price}"


def test_a_template_is_filled_in_and_empty_cells_leave_nothing(tmp_path):
    table = read_item_table(write(tmp_path, "1\tBear {x}\tNA\tToys > Plush | Gifts\t\n2\t\t\t\t\n"))
    texts = render_texts(table, ["1", "2", "3"], ["never read"], PAPER)
    assert texts == ["Title: Bear {x} Brand: NA Categories: Toys > Plush Price:", "", ""]
    assert render_texts(table, ["1"], [], "{{{title}}} again {title}, {brand}.") == ["{Bear {x}} again Bear {x}, NA."]


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("Title: {titel}", "text_template names the column 'titel'.*did you mean 'title'"),
        ("Title: {title.__class__}", "text_template names the column 'title.__class__'"),
        ("Title: {title[0]}", "text_template names the column"),
        ("Title", "text_template is empty: name at least one text column .* in braces"),
        ("Title: {}", "put only a column name in braces"),
        ("Title: {title!r}", "put only a column name in braces"),
        ("Title: {title:>9}", "put only a column name in braces"),
        ("Title: {title", "text_template='Title: {title': .*write {column}, and {{ for a brace"),
        ("Title: title}", "write {column}"),
    ],
)
def test_a_template_that_cannot_be_filled_in_is_refused(template, message):
    with pytest.raises(ValueError, match=message):
        render_texts({"item_id": ["1"], "title": ["Bear"]}, ["1"], [], template)
