"""Pairs from a table in memory are those that the main job and the command mine from the same log."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from recbole_adasid.cli import pairs as pairs_command
from recbole_adasid.data.convert.conversion import convert
from recbole_adasid.io.stage_cache import StageCache
from recbole_adasid.learning.pipeline import collaborative_pairs
from recbole_adasid.settings.errors import SettingsError

pytest.importorskip("narwhals")
from recbole_adasid.data.convert.frame_table import FrameTable  # noqa: E402
from recbole_adasid.data.convert.tables import table_interactions  # noqa: E402
from recbole_adasid.frames import mine_pairs  # noqa: E402
from recbole_adasid.io.frames import Frame  # noqa: E402

NAMES = {"user_id": "customer", "item_id": "sku", "timestamp": "when"}


@pytest.fixture(scope="module")
def log() -> pd.DataFrame:
    """Interactions of users with one to nine each, unordered and with some equal times."""
    rng = np.random.default_rng(0)
    customer = np.repeat(np.arange(60), rng.integers(1, 10, 60))
    sku = 100 + (30 * rng.random(len(customer)) ** 2).astype(int)
    table = pd.DataFrame({"customer": customer, "sku": sku, "when": 1000 + rng.integers(5, size=len(customer))})
    return table.sample(frac=1, random_state=0)


def of_main_job(log: pd.DataFrame, folder: Path, settings: dict[str, Any]) -> pd.DataFrame:
    from recbole.data import create_dataset

    from recbole_adasid.plugin.config.building import build_config

    convert(table_interactions(FrameTable(Frame(log, "log")), NAMES), None, folder / "shop")
    config = build_config({**settings, "dataset": "shop", "data_path": str(folder)})
    items = create_dataset(config).build()[0].training_items()
    pairs, tokens = collaborative_pairs(config, items, StageCache(None)), np.array(items.item_tokens(), dtype=int)
    return pd.DataFrame(
        {"trigger": tokens[pairs.trigger], "target": tokens[pairs.target], "weight": pairs.weight.astype(float)}
    )


@pytest.mark.parametrize("source", ["swing", "cooccurrence"])
def test_the_pairs_are_the_main_job_s(
    source: str, log: pd.DataFrame, tiny_settings: dict[str, Any], tmp_path: Path
) -> None:
    chosen = {"pair_source": source, "swing_top_k": 7, "pair_top_k": 7}
    expected = of_main_job(log, tmp_path, {**tiny_settings, **chosen})
    found = mine_pairs(log, columns=NAMES, **chosen)
    assert len(expected) > 100
    pd.testing.assert_frame_equal(found, expected.astype({"weight": np.float32}))


def test_the_pairs_are_the_command_s_from_a_file(
    log: pd.DataFrame, tmp_path: Path, frame_of: Callable[[Any], Any], columns_of: Callable[[Any], Any]
) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    log.to_parquet(tmp_path / "log.parquet")
    options = ["--columns={user_id: customer, item_id: sku, timestamp: when}", "--show_progress=false", "--memory=0.1"]
    command = [f"--interactions={tmp_path / 'log.parquet'}", f"--out={tmp_path / 'pairs'}", *options]
    assert pairs_command.COMMAND.main(command) == 0
    expected = parquet.read_table(tmp_path / "pairs").to_pydict()
    found = columns_of(mine_pairs(frame_of(log), columns=NAMES))
    assert found["trigger"] == [int(token) for token in expected["trigger"]]
    assert found["target"] == [int(token) for token in expected["target"]]
    assert found["weight"] == expected["weight"]


def test_no_pair_comes_from_what_is_held_out(log: pd.DataFrame) -> None:
    rank = log.groupby("customer")["when"].rank(method="first", ascending=True)
    size = log.groupby("customer")["when"].transform("size")
    kept = log[rank <= size - np.clip(size - 2, 0, 2)]
    pd.testing.assert_frame_equal(
        mine_pairs(log, columns=NAMES).sort_values(["trigger", "target"], ignore_index=True),
        mine_pairs(kept, columns=NAMES, held_out=0).sort_values(["trigger", "target"], ignore_index=True),
    )


def test_dates_of_any_kind_and_bad_rows(log: pd.DataFrame, caplog: pytest.LogCaptureFixture) -> None:
    expected = mine_pairs(log, columns=NAMES)
    zoned = log.assign(when=pd.to_datetime(log["when"], unit="s", utc=True).dt.tz_convert("America/New_York"))
    pd.testing.assert_frame_equal(mine_pairs(zoned, columns=NAMES), expected)
    finer = log.assign(when=log["when"] * 1000)
    pd.testing.assert_frame_equal(mine_pairs(finer, columns=NAMES, time_unit="ms"), expected)
    gap = pd.DataFrame({"customer": [np.nan], "sku": [100], "when": [1000]})
    pd.testing.assert_frame_equal(mine_pairs(pd.concat([log, gap]), columns=NAMES), expected)
    assert f"1 left out: 1 with no user (row {len(log)})" in caplog.text
    texts = mine_pairs(log.assign(sku="P" + log["sku"].astype(str)), columns=NAMES)
    assert texts["trigger"].tolist() == [f"P{item}" for item in expected["trigger"]]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"columns": {}}, "interactions has no column 'user_id' among customer, sku, when"),
        ({"columns": {"users": "customer"}}, "Unknown entry of columns 'users'"),
        ({"swing_topk": 5}, "Unknown setting of pairs 'swing_topk': did you mean swing_top_k"),
        ({"swing_top_k": 0}, "swing_top_k=0 has to be a whole number of 1 or more"),
        ({"pair_source": "file"}, "Unknown pair_source 'file'"),
        ({"held_out": -1}, "held_out=-1 has to be a whole number"),
        ({"time_unit": "days"}, "Unknown time_unit 'days'"),
    ],
)
def test_mistakes(given: dict[str, Any], message: str, log: pd.DataFrame) -> None:
    with pytest.raises(SettingsError, match=message):
        mine_pairs(log, **{"columns": NAMES, **given})


def test_an_empty_log_is_refused(log: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match=r"No row has a usable interaction\. interactions: 0 rows read"):
        mine_pairs(log.iloc[:0], columns=NAMES)
