"""A run on tables in memory equals the run on the same tables in files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from recbole_adasid.io.atomic import CannotWrite
from recbole_adasid.plugin.audit import audit
from recbole_adasid.plugin.run import run
from recbole_adasid.settings.errors import SettingsError

pytest.importorskip("narwhals")
from recbole_adasid.plugin.datasets.frame_dataset import dataset_of_frames  # noqa: E402

Settings = dict[str, Any]
Tables = tuple[pd.DataFrame, pd.DataFrame]
NAMES = {
    "interactions_columns": {"user_id": "customer", "item_id": "sku", "timestamp": "when"},
    "items_columns": {"item_id": "sku", "title": "name"},
}


@pytest.fixture(scope="module")
def tables(tiny_data: Path) -> Tables:
    """The dataset `tiny` as interactions and items."""
    log, goods = (pd.read_csv(tiny_data / "tiny" / f"tiny.{kind}", sep="\t") for kind in ("inter", "item"))
    log.columns, goods.columns = ["customer", "sku", "when"], ["sku", "name"]
    return log, goods


@pytest.fixture
def settings(tiny_settings: Settings) -> Settings:
    own = {key: value for key, value in tiny_settings.items() if key not in ("dataset", "data_path")}
    return {**own, **NAMES, "epochs": 1, "report": False}


@pytest.fixture(scope="module")
def of_files(tables: Tables, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A function that runs with the given settings on the tables as CSV files, once."""
    folder = tmp_path_factory.mktemp("files")
    done: list[Settings] = []

    def run_once(settings: Settings) -> Settings:
        if not done:
            paths = [folder / "log.csv", folder / "goods.csv"]
            for table, path in zip(tables, paths):
                table.to_csv(path, index=False)
            files = dict(zip(("interactions_table", "items_table"), map(str, paths)))
            place = {"data_path": str(folder / "data"), "run_folder": str(folder / "run"), "cache_dir": None}
            done.append(run({**settings, **files, **place, "dataset": "frames"}))
        return done[0]

    return run_once


def test_a_run_on_frames_is_the_run_on_files(
    frame_of: Callable[[Any], Any],
    of_files: Callable[[Settings], Settings],
    settings: Settings,
    tables: Tables,
    tmp_path: Path,
) -> None:
    log, goods = tables
    expected = of_files(settings)
    found = run(settings, interactions=frame_of(log), items=frame_of(goods))
    assert found["test"] == expected["test"] and found["best_valid"] == expected["best_valid"]
    for name in ("sids.json", "items.json", "test_ranks.npz"):
        assert (found["run_folder"] / name).read_bytes() == (expected["run_folder"] / name).read_bytes()
    assert found["semantic_ids"].fingerprint == expected["semantic_ids"].fingerprint
    made = list((tmp_path / "cache" / "frames").glob("*/frames/frames.*"))
    assert sorted(path.name for path in made) == ["frames.inter", "frames.item"]
    for path in made:
        assert path.read_bytes() == (expected["run_folder"].parent / "data" / "frames" / path.name).read_bytes()
    assert f"interactions: {len(log)} rows read, all used" in (found["run_folder"] / "run.log").read_text()


def test_a_run_on_frames_can_be_audited_afterwards(settings: Settings, tables: Tables) -> None:
    folder = run(settings, interactions=tables[0], items=tables[1])["run_folder"]
    assert all(holds is not False for _, holds in audit(folder))


def test_other_content_is_another_dataset_and_the_same_is_the_same(
    settings: Settings, tables: Tables, tmp_path: Path
) -> None:
    log, goods = tables
    places = []
    for one, items in ((log, goods), (log.iloc[::-1].iloc[::-1], goods), (log.iloc[1:], goods), (log, None)):
        with dataset_of_frames(settings, (), one, items) as (own, told):
            places.append(own["data_path"])
            assert told.startswith("Converted frames\n") and own["dataset"] == "frames"
            assert f"written to {own['data_path']}/frames" in told
    assert places[0] == places[1] and len(set(places)) == 3
    assert sorted(path.name for path in (tmp_path / "cache" / "frames").iterdir() if path.is_dir()) == sorted(
        Path(place).name for place in set(places)
    )


def test_a_killed_conversion_leaves_nothing_behind(settings: Settings, tables: Tables, tmp_path: Path) -> None:
    left = tmp_path / "cache" / "frames" / "making" / "frames" / "frames.item"
    left.parent.mkdir(parents=True)
    left.write_text("half")
    with dataset_of_frames(settings, (), tables[0], None) as (own, _):
        assert [path.name for path in (Path(own["data_path"]) / "frames").iterdir()] == ["frames.inter"]
    assert not left.parent.parent.exists()


def test_a_changed_file_of_the_cache_is_replaced(settings: Settings, tables: Tables) -> None:
    for _ in range(2):
        with dataset_of_frames(settings, (), *tables) as (own, _told):
            made = Path(own["data_path"]) / "frames" / "frames.inter"
            assert made.read_text().count("\n") == len(tables[0]) + 1
            made.write_text("user_id:token\n")


def test_without_a_cache_the_dataset_lasts_as_long_as_the_run(settings: Settings, tables: Tables) -> None:
    with dataset_of_frames({**settings, "cache_dir": None, "dataset": "shop"}, (), *tables) as (own, _):
        assert (Path(own["data_path"]) / "shop" / "shop.item").is_file() and own["dataset"] == "shop"
    assert not Path(own["data_path"]).exists()


def test_the_settings_of_an_earlier_run_serve_for_new_tables(
    settings: Settings, tables: Tables, tmp_path: Path
) -> None:
    old = {**settings, "data_path": "data", "interactions_table": "log.csv", "items_table": "goods.csv"}
    (tmp_path / "old.yaml").write_text(yaml.safe_dump({**old, "dataset": "shop", "download": True}))
    with dataset_of_frames({"seed": 1}, tmp_path / "old.yaml", *tables) as (own, _):
        assert own["dataset"] == "shop" and own["seed"] == 1 and own["download"] is False
        assert own["interactions_table"] is own["items_table"] is None
        assert Path(own["data_path"]).parent == tmp_path / "cache" / "frames"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data_path": "data"}, "interactions is a table in memory, but the setting data_path='data' names files"),
        ({"interactions_table": "log.csv"}, "but the setting interactions_table='log.csv' names files: leave one"),
        ({"download": True}, "but the setting download=True names files"),
        ({"dataset": "ml-100k"}, "dataset='ml-100k' .*cannot name your tables"),
        ({"dataset": ".."}, r"dataset='\.\.' .*cannot name your tables"),
        ({"dataset": "a\0"}, "cannot name your tables"),
        ({"dataset": "a/b"}, "dataset='a/b' .*cannot name your tables"),
        ({"cache_dir": 5}, "cache_dir=5 has to be"),
        ({"interactions_columns": "customer"}, "interactions_columns='customer' has to be a mapping of names"),
        ({"interactions_columns": {"user": "customer"}}, "Unknown entry of interactions_columns 'user'"),
        ({"table_time_unit": "days"}, "Unknown table_time_unit 'days'"),
        ({"interactions_columns": {}}, r"interactions has no column 'user_id' .* interactions_columns=\{'user_id': "),
        ({"items_columns": {"item_id": "skew"}}, r"items has no column 'skew' .* items_columns=\{'item_id': 'sku'\}"),
    ],
)
def test_mistakes_leave_no_dataset(
    changes: Settings,
    message: str,
    settings: Settings,
    tables: Tables,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match=message):
        run({**settings, **changes}, interactions=tables[0], items=tables[1])
    assert not (tmp_path / "runs").exists() and not list(tmp_path.rglob("*.inter"))


def test_items_alone_and_things_that_are_no_tables_are_refused(settings: Settings, tables: Tables) -> None:
    with pytest.raises(SettingsError, match="items is given without interactions"):
        run(settings, items=tables[1])
    with pytest.raises(ValueError, match="items is of type str, not a table"):
        run(settings, interactions=tables[0], items="goods.csv")


def test_a_cache_that_cannot_be_written_is_told(settings: Settings, tables: Tables, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotWrite, match="file/frames"):
        run({**settings, "cache_dir": str(tmp_path / "file")}, interactions=tables[0])


def test_another_recommender_takes_frames_too(
    settings: Settings, tables: Tables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    own = {key: settings[key] for key in ("run_root", "show_progress", *NAMES)}
    done = run({**own, "model": "Pop", "dataset": "shop"}, interactions=tables[0])
    assert done["test"] and json.loads((done["run_folder"] / "about.json").read_text())
