"""A table of interactions yields the same recommendations as lists of histories."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from recbole_adasid.serving.recommender import Recommender
from recbole_adasid.settings.errors import SettingsError

pytest.importorskip("narwhals")
from recbole_adasid.frames import recommend  # noqa: E402

LOG = pd.DataFrame(
    {
        "user_id": [30, 10, 30, 20, 30, 10],
        "item_id": ["i3", "i7", "i1", "unknown", "i2", "i8"],
        "timestamp": [3, 1, 1, 1, 2, 1],
    }
)
HISTORIES = [["i1", "i2", "i3"], ["i7", "i8"], ["unknown"]]
"""Of the users 30, 10 and 20."""


@pytest.fixture(scope="module")
def recommender(finished_run: Path) -> Recommender:
    return Recommender.load(finished_run)


def expected(recommender: Recommender, k: int, **options: Any) -> dict[str, list[Any]]:
    found = recommender.recommend_many(HISTORIES, k, **options)
    rows = [(user, rank, *one) for user, some in zip([30, 10, 20], found) for rank, one in enumerate(some, start=1)]
    return dict(zip(("user_id", "rank", "item_id", "score", "title", "category"), map(list, zip(*rows))))


def test_the_table_has_what_the_lists_have(
    recommender: Recommender, frame_of: Callable[[Any], Any], columns_of: Callable[[Any], Any]
) -> None:
    found = columns_of(recommend(recommender, frame_of(LOG), 3))
    assert found == expected(recommender, 3) and len(found["rank"]) == 6
    given = {"deny": ["i4", "i9"], "exclude_seen": False}
    assert columns_of(recommend(recommender, frame_of(LOG), k=2, **given)) == expected(recommender, 2, **given)


def test_columns_keep_their_names_and_types(recommender: Recommender) -> None:
    log = LOG.rename(columns={"user_id": "customer", "item_id": "sku", "timestamp": "when"})
    log["customer"] = log["customer"].astype("category")
    log["when"] = pd.to_datetime(log["when"], unit="s", utc=True)
    columns = {"user_id": "customer", "item_id": "sku", "timestamp": "when"}
    found = recommend(recommender, log, 3, columns=columns)
    assert list(found) == ["customer", "rank", "sku", "score", "title", "category"]
    assert found["customer"].dtype == log["customer"].dtype and found.index.equals(pd.RangeIndex(6))
    assert found["customer"].tolist() == expected(recommender, 3)["user_id"]
    assert found["sku"].tolist() == expected(recommender, 3)["item_id"]


def test_without_times_the_rows_are_in_order(recommender: Recommender) -> None:
    in_order = LOG.sort_values("timestamp", kind="stable")[["user_id", "item_id"]]
    found = recommend(recommender, in_order, 3).set_index("user_id")["item_id"]
    whole = recommend(recommender, LOG, 3).set_index("user_id")["item_id"]
    for user in (10, 30):
        assert found.loc[user].tolist() == whole.loc[user].tolist()
    with pytest.raises(SettingsError, match="no column 'when'.*, for timestamp"):
        recommend(recommender, in_order, columns={"timestamp": "when"})


def test_integer_items_come_back_as_integers(recommender: Recommender, monkeypatch: pytest.MonkeyPatch) -> None:
    number = {token: str(number + 100) for number, token in enumerate(recommender.tokens)}
    numbered = Recommender(recommender.model, list(number.values()), max_history=4, beam_size=10)
    log = LOG[LOG["item_id"] != "unknown"].assign(item_id=lambda table: table["item_id"].map(number).astype(int))
    found = recommend(numbered, log, 3)
    assert found["item_id"].dtype == np.int64
    assert found["item_id"].tolist() == [int(number[item]) for item in expected(recommender, 3)["item_id"]]
    joined = found.merge(log[["item_id"]].drop_duplicates(), on="item_id")
    assert joined.empty  # items of a history are not recommended to its user: no history is another's here


def test_an_empty_table_gives_an_empty_one(
    recommender: Recommender, frame_of: Callable[[Any], Any], columns_of: Callable[[Any], Any]
) -> None:
    typed = LOG.astype({"item_id": "string"}).iloc[:0]
    assert columns_of(recommend(recommender, frame_of(typed), 3)) == {
        name: [] for name in ("user_id", "rank", "item_id", "score", "title", "category")
    }


def test_rows_without_user_or_item_are_left_out_and_told(
    recommender: Recommender, caplog: pytest.LogCaptureFixture
) -> None:
    gaps = pd.DataFrame({"user_id": [None, 30], "item_id": ["i5", None], "timestamp": [1, 1]})
    found = recommend(recommender, pd.concat([gaps, LOG]), 3)
    assert found["item_id"].tolist() == expected(recommender, 3)["item_id"]
    assert "interactions: 8 rows read, 2 left out: 1 with no item (row 1); 1 with no user (row 0)" in caplog.text


@pytest.mark.parametrize(
    ("log", "given", "message"),
    [
        (LOG, {"columns": {"user_id": "who"}}, "interactions has no column 'who' .*, for user_id"),
        (LOG, {"columns": {"item": "item_id"}}, "Unknown entry of columns 'item'"),
        (LOG, {"columns": {"user_id": "item_id"}}, "user_id and item_id are both the column 'item_id'"),
        (LOG.rename(columns={"user_id": "rank"}), {"columns": {"user_id": "rank"}}, "'rank' clashes"),
        (LOG.assign(timestamp="02/01/2024"), {}, "No row has a usable interaction. .* 6 left out: .*cannot be read"),
        (HISTORIES, {}, "interactions is of type list, not a table"),
        (LOG, {"k": 0}, "k is 0"),
        (LOG, {"deny": ["nothing"]}, "nothing"),
    ],
)
def test_mistakes(log: Any, given: dict[str, Any], message: str, recommender: Recommender) -> None:
    with pytest.raises(ValueError, match=message):
        recommend(recommender, log, **given)


def test_a_folder_in_place_of_a_recommender_is_told_how_to_load_it() -> None:
    with pytest.raises(ValueError, match=r"recommender is 'runs/mine': pass a loaded run, as Recommender\.load"):
        recommend("runs/mine", LOG)  # type: ignore[arg-type]


def test_a_table_in_place_of_histories_is_pointed_here(recommender: Recommender) -> None:
    with pytest.raises(ValueError, match=r"histories is a table.*recbole_adasid\.frames\.recommend"):
        recommender.recommend_many(LOG)  # type: ignore[arg-type]
