"""Generated tables and raw data are read, or refused in a sentence of ours, not by an error inside another package."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("hypothesis")
from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from recbole.data import create_dataset  # noqa: E402

from generated_input import ITEMS, cases, mutated, passes_or_says_why  # noqa: E402
from recbole_adasid.data.atomic_text import AtomicText, Column, _count_if_regular  # noqa: E402
from recbole_adasid.data.convert.amazon import LAYOUTS  # noqa: E402
from recbole_adasid.data.convert.amazon_files import convert_amazon  # noqa: E402
from recbole_adasid.data.convert.cell_values import clean_text  # noqa: E402
from recbole_adasid.data.item_table import read_item_table  # noqa: E402
from recbole_adasid.features.item_text import render_texts  # noqa: E402
from recbole_adasid.plugin.config.building import build_config  # noqa: E402

ROWS = [(f"u{user}", f"i{(user + step) % 5}", f"{1000 + step}") for user in range(4) for step in range(4)]
INTER = "user_id:token\titem_id:token\ttimestamp:float\n" + "".join("\t".join(row) + "\n" for row in ROWS)
ITEM = "item_id:token\ttitle:token\n" + "".join(f"i{number}\tthing {number}\n" for number in range(5))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for the files of all cases, each of which writes them anew."""
    path = tmp_path_factory.mktemp("generated")
    (path / "tiny").mkdir()
    return path


@cases(450)
@given(data=mutated(INTER.encode()))
def test_interactions_are_read_or_refused(folder, data):
    (folder / "tiny" / "tiny.inter").write_bytes(data)
    config = build_once(folder)
    dataset = passes_or_says_why(lambda: create_dataset(config))
    if dataset is not None:
        lines = [line for line in data.split(b"\n") if line.strip(b"\r")]
        assert len(dataset.inter_feat) == len(lines) - 1, data  # nothing is dropped
        passes_or_says_why(dataset.build)


_CONFIG: list[Any] = []


def build_once(folder: Path) -> Any:
    if not _CONFIG:
        _CONFIG.append(build_config({"dataset": "tiny", "data_path": str(folder), "state": "critical"}))
    return _CONFIG[0]


@cases(450)
@given(data=mutated(ITEM.encode()), fields=st.lists(st.sampled_from(["title", "x"]), max_size=2))
def test_item_tables_are_read_or_refused(folder, data, fields):
    path = folder / "tiny" / "tiny.item"
    path.write_bytes(data)
    table = passes_or_says_why(lambda: read_item_table(AtomicText(path)))
    if table is not None:
        assert len({len(column) for column in table.values()}) == 1
        texts = passes_or_says_why(lambda: render_texts(table, ITEMS, fields))
        assert texts is None or len(texts) == len(ITEMS)


@cases(200)
@given(data=mutated(INTER.encode()), encoding=st.sampled_from(["utf-8", "latin-1", "utf-16", "gbk", "cp1252"]))
def test_files_of_any_encoding_are_checked_or_refused(folder, data, encoding):
    path = folder / "any.inter"
    path.write_bytes(data)
    user = Column("user_id", "USER_ID_FIELD", "token")
    types = passes_or_says_why(lambda: AtomicText(path, "\t", encoding).check([user]))
    assert types is None or types["user_id"] == "token"


@cases(200)
@given(lines=st.lists(st.lists(st.sampled_from(["", "a", "bc"]), min_size=1, max_size=4), min_size=1, max_size=6))
def test_the_fast_check_agrees_with_a_look_at_every_line(lines):
    block = "".join("\t".join(cells) + "\n" for cells in lines).encode()
    for n_columns, filled in ((1, [0]), (2, [0]), (3, [0, 2]), (3, [])):
        sound = all(len(cells) == n_columns and all(cells[place] for place in filled) for cells in lines)
        count = _count_if_regular(block, n_columns, filled, ord("\t"))
        if n_columns > 1:
            assert count == (len(lines) if sound else None)
        else:
            assert count is None or sound


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from([10**400, 10**9]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["large", "Brand"]), inner, max_size=2),
    max_leaves=6,
)
MARKUP = st.text("<>/!-&;#x0a1\t\r\n\0 b", max_size=60)


@cases(200)
@given(st.text(max_size=60) | MARKUP)
def test_fuzz_whatever_a_raw_text_is_it_fits_into_a_cell(raw: str) -> None:
    cell = clean_text(raw)
    assert cell.encode() is not None and cell == " ".join(cell.split()) and "\0" not in cell


@cases(80)
@given(st.sampled_from(list(LAYOUTS)), st.data())
def test_fuzz_raw_amazon_files(folder: Path, year: str, data: st.DataObject) -> None:
    """Whatever the values are, the files are converted into sound ones."""
    layout = LAYOUTS[year]
    keys = sorted({layout.item, *layout.marks, "title", "brand", "price"})
    good = {layout.user: "u", layout.item: "i", layout.time: 10**9 * layout.per_second}
    reviews = [
        good,
        data.draw(st.fixed_dictionaries({key: JSON_VALUES | st.just(value) for key, value in good.items()})),
    ]
    items = [data.draw(st.fixed_dictionaries(dict.fromkeys(keys, JSON_VALUES))) for _ in range(2)]
    write = data.draw(st.sampled_from([repr, json.dumps]))
    for name, records in (("reviews", reviews), ("meta", [{layout.item: "i"}, *items])):
        (folder / name).write_text("".join(write(record) + "\n" for record in records), encoding="utf-8")
    home = folder / "raw"
    convert_amazon(folder / "reviews", folder / "meta", home, progress=False, rating=True, overwrite=True)
    AtomicText(home / "raw.inter").check([Column("user_id", "", "token"), Column("timestamp", "", "float")])
    assert "i" in read_item_table(AtomicText(home / "raw.item"))["item_id"]
