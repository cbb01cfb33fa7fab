from __future__ import annotations

import builtins
import json
from pathlib import Path

import pandas as pd
import pytest

from recbole_adasid.bundle.about_file import layout_of, read_about
from recbole_adasid.bundle.item_sids import ItemSIDs, as_item_sids
from recbole_adasid.bundle.layout import Layout
from recbole_adasid.bundle.tables import as_table, write_csv, write_parquet

NAMES = ['a "quoted" token', "a,b", "NA", "007", "line\nbreak"]
SIDS = as_item_sids(NAMES, [[0, 1], [0, 1], [1, 0], [1, 1], [0, 0]], [2, 2], [0, 1, 0, 0, 0])


def test_the_csv_gives_tokens_and_codes_back(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "x.csv", SIDS)
    read = pd.read_csv(path, dtype={"item_id": str}, keep_default_na=False)
    assert list(read["item_id"]) == NAMES
    assert read[["sid_1", "sid_2", "suffix"]].to_numpy().tolist() == SIDS.sequences.tolist()
    assert layout_of(path, read_about(path), {}, {}) == Layout(False, True, 0, (2, 2))


def test_the_parquet_file_gives_tokens_codes_and_level_sizes_back(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    path = write_parquet(tmp_path / "x.parquet", SIDS)
    table = parquet.read_table(path)
    assert table.column_names == ["item_id", "sid_1", "sid_2", "suffix"]
    assert table.column("item_id").to_pylist() == NAMES
    assert [table.column(f"sid_{level}").to_pylist() for level in (1, 2)] == SIDS.codes.T.tolist()
    assert json.loads(table.schema.metadata[b"semantic_ids"]) == {
        "level_sizes": [2, 2],
        "offset": False,
        "first_code": 0,
    }
    assert read_about(path)["suffix"] is True


def test_shared_semantic_ids_have_no_column_suffix(sids: ItemSIDs) -> None:
    assert list(as_table(as_item_sids(sids.tokens, sids.codes, sids.level_sizes))) == [
        *("item_id", "sid_1", "sid_2", "sid_3")
    ]


def test_without_pyarrow_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = builtins.__import__

    def without_pyarrow(name, *args, **kwargs):
        if name.startswith("pyarrow"):
            raise ImportError("No module named 'pyarrow'")
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_pyarrow)
    with pytest.raises(ImportError, match=r"pip install 'recbole-adasid\[parquet\]'"):
        write_parquet(tmp_path / "x.parquet", SIDS)
    assert not list(tmp_path.iterdir())
