"""Semantic IDs as a table: CSV and Parquet, one column per level, codes counted from 0 within their level."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from recbole_adasid.bundle.about_file import write_about
from recbole_adasid.bundle.item_sids import ItemSIDs
from recbole_adasid.bundle.layout import Layout
from recbole_adasid.io.atomic import written_whole
from recbole_adasid.io.extras import imports_for
from recbole_adasid.tokenizer.codes import ITEM, SUFFIX


def as_table(sids: ItemSIDs) -> pd.DataFrame:
    """Return a table with the columns item_id, sid_1 … sid_L, and suffix if there is one."""
    columns: dict[str, Any] = {ITEM: list(sids.tokens)}
    columns |= {f"sid_{level}": column for level, column in enumerate(sids.codes.T, start=1)}
    if sids.suffix is not None:
        columns[SUFFIX] = sids.suffix
    return pd.DataFrame(columns)


def write_csv(path: str | Path, sids: ItemSIDs) -> Path:
    """Write the table as CSV, and FILE.about.json next to it."""
    with written_whole(Path(path)) as waiting:
        as_table(sids).to_csv(waiting, index=False, encoding="utf-8")
    return _described(Path(path), "csv", sids)


def write_parquet(path: str | Path, sids: ItemSIDs) -> Path:
    """Write the table as Parquet, with level sizes in its metadata, and FILE.about.json next to it.

    Raises:
        ImportError: without pyarrow.
    """
    with imports_for(path, "parquet", "export as CSV"):
        import pyarrow
        from pyarrow import parquet
    table = pyarrow.Table.from_pandas(as_table(sids), preserve_index=False)
    known = json.dumps({"level_sizes": list(sids.level_sizes), "offset": False, "first_code": 0})
    with written_whole(Path(path)) as waiting:
        parquet.write_table(table.replace_schema_metadata({"semantic_ids": known}), waiting)
    return _described(Path(path), "parquet", sids)


def _described(path: Path, kind: str, sids: ItemSIDs) -> Path:
    write_about(path, kind, Layout(False, sids.suffix is not None, 0, tuple(sids.level_sizes)), len(sids.tokens))
    return path
