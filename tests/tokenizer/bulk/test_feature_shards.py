"""Tokens of feature shards."""

from __future__ import annotations

from pathlib import Path

import pytest

pyarrow = pytest.importorskip("pyarrow")
from pyarrow import parquet  # noqa: E402

from recbole_adasid.tokenizer.bulk.feature_shards import read_shard  # noqa: E402


def shard(folder: Path, ids: list[object]) -> Path:
    table = pyarrow.table({"item_id": ids, "embedding": [[0.5]] * len(ids)})
    parquet.write_table(table, folder / "a.parquet")
    return folder / "a.parquet"


def test_whole_floats_are_tokens_of_integers(tmp_path: Path) -> None:
    assert read_shard(shard(tmp_path, [12345678901.0, 7.0])).tokens == ["12345678901", "7"]


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        ([1.0, float("nan"), None], "2 items have no item_id"),
        ([1.0, 1.5], "a.parquet: the item_id 1.5 is neither text nor a whole number"),
    ],
)
def test_ids_that_are_none_are_refused(ids: list[object], said: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=said):
        read_shard(shard(tmp_path, ids))
