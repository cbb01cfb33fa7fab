"""Items of a table in memory get the same Semantic IDs as the command gives to items in files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from recbole_adasid.bundle.folder import write_content
from recbole_adasid.bundle.from_run import content_of_run
from recbole_adasid.cli import assign as assign_command
from recbole_adasid.settings.errors import SettingsError

pytest.importorskip("narwhals")
from recbole_adasid.frames import assign  # noqa: E402

WIDTH = 8


@pytest.fixture(scope="module")
def vectors() -> pd.DataFrame:
    values = np.random.default_rng(0).normal(size=(40, WIDTH)).astype(np.float32)
    values[20:30] = values[:10]  # equal codes
    return pd.DataFrame({"item_id": np.arange(40) + 100, "embedding": list(values)})


def test_the_semantic_ids_are_the_command_s(
    finished_run: Path,
    vectors: pd.DataFrame,
    tmp_path: Path,
    frame_of: Callable[[Any], Any],
    columns_of: Callable[[Any], Any],
) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    (tmp_path / "features").mkdir()
    vectors.to_parquet(tmp_path / "features" / "part.parquet")
    options = [f"--features={tmp_path / 'features'}", f"--out={tmp_path / 'sids'}", "--show_progress=false"]
    assert assign_command.COMMAND.main([f"--run_folder={finished_run}", *options]) == 0
    expected = parquet.read_table(tmp_path / "sids" / "part.parquet").to_pydict()
    found = columns_of(assign(frame_of(vectors), run_folder=finished_run))
    assert list(found) == list(expected) == ["item_id", "sid_1", "sid_2", "sid_3", "suffix"]
    assert found == {**expected, "item_id": vectors["item_id"].tolist()} and max(found["suffix"]) > 0


def test_names_of_columns_and_kinds_of_vectors(finished_run: Path, vectors: pd.DataFrame) -> None:
    expected = assign(vectors, run_folder=finished_run)
    named = vectors.rename(columns={"item_id": "sku", "embedding": "vector"})[["vector", "sku"]]
    found = assign(named, run_folder=finished_run, columns={"item_id": "sku", "embedding": "vector"})
    pd.testing.assert_frame_equal(found, expected.rename(columns={"item_id": "sku"}))
    lists = vectors.assign(embedding=[one.tolist() for one in vectors["embedding"]])
    pd.testing.assert_frame_equal(assign(lists, run_folder=finished_run), expected)
    polars = pytest.importorskip("polars")
    fixed = polars.from_pandas(vectors).with_columns(polars.col("embedding").cast(polars.Array(polars.Float64, WIDTH)))
    assert assign(fixed, run_folder=finished_run).to_dict(as_series=False) == expected.to_dict("list")


def test_a_bundle_assigns_too(finished_run: Path, vectors: pd.DataFrame, tmp_path: Path) -> None:
    write_content(content_of_run(finished_run), tmp_path / "bundle")
    found = assign(vectors, bundle=tmp_path / "bundle")
    pd.testing.assert_frame_equal(found, assign(vectors, run_folder=finished_run))


def changed(row: int, **cells: Any) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def change(table: pd.DataFrame) -> pd.DataFrame:
        table = table.astype(object)
        for name, value in cells.items():
            table.at[row, name] = value
        return table

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.drop(columns="embedding"), "items has no column 'embedding' among item_id, for embedding"),
        (changed(3, item_id=None), "items, row 3 has no item"),
        (changed(3, item_id="101"), "items, row 3 repeats the item '101' of row 1"),
        (changed(3, embedding=[1.0]), "items: the vectors in rows 0 … 39 differ in length or are missing"),
        (changed(3, embedding=None), "items: the vectors in rows 0 … 39 differ in length or are missing"),
        (lambda table: table.assign(embedding=1.0), "are not all lists of floats"),
        (lambda table: table.assign(embedding=[["1.0"] * WIDTH] * 40), "are not all lists of floats"),
        (changed(3, embedding=np.full(WIDTH, np.nan)), "items has nan in row 3, column 0"),
        (lambda table: table.assign(embedding=[[1.0]] * 40), "width|column|shape|features"),
    ],
)
def test_items_that_cannot_be_assigned(
    change: Callable[[pd.DataFrame], pd.DataFrame], message: str, finished_run: Path, vectors: pd.DataFrame
) -> None:
    with pytest.raises(ValueError, match=message):
        assign(change(vectors), run_folder=finished_run)


def test_other_mistakes(finished_run: Path, vectors: pd.DataFrame) -> None:
    with pytest.raises(SettingsError, match="Give either run_folder or bundle"):
        assign(vectors)
    with pytest.raises(SettingsError, match="Give either run_folder or bundle"):
        assign(vectors, run_folder=finished_run, bundle="bundle")
    with pytest.raises(SettingsError, match="Unknown entry of columns 'vector'"):
        assign(vectors, run_folder=finished_run, columns={"vector": "embedding"})


def test_an_empty_table_gives_an_empty_one(finished_run: Path, vectors: pd.DataFrame) -> None:
    found = assign(vectors.iloc[:0], run_folder=finished_run)
    assert list(found) == ["item_id", "sid_1", "sid_2", "sid_3", "suffix"] and found.empty


@pytest.mark.parametrize("name", ["sid_1", "suffix"])
def test_an_item_column_that_the_result_would_replace_is_refused(
    name: str, finished_run: Path, vectors: pd.DataFrame
) -> None:
    with pytest.raises(SettingsError, match=rf"The column '{name}' clashes .*sid_1, sid_2, .*, suffix\): rename it"):
        assign(vectors.rename(columns={"item_id": name}), run_folder=finished_run, columns={"item_id": name})
