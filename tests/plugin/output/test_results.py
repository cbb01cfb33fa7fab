"""What a run reports of the most popular items."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from recbole.data import create_dataset
from recbole.utils import ModelType

from recbole_adasid.plugin.config.building import build_config
from recbole_adasid.plugin.output import results


@pytest.mark.parametrize(
    ("exclude_seen", "kind", "repeatable", "expected"),
    [
        (True, ModelType.SEQUENTIAL, True, 0.5),
        (False, ModelType.SEQUENTIAL, True, 0.75),
        (False, ModelType.GENERAL, False, 1.0),  # RecBole's evaluation keeps a held-out item in the list
        (False, ModelType.GENERAL, True, 0.75),
    ],
)
def test_the_most_popular_items_are_recommended_again_where_evaluation_may_do_so(
    exclude_seen: bool, kind: ModelType, repeatable: bool, expected: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Both users had the most popular item, which is held out for the first.
    seen = np.array([0, 1]), np.array([1, 1])
    monkeypatch.setattr(results, "example_rows", lambda part, record: np.arange(2))
    monkeypatch.setattr(results, "earlier_interactions", lambda part, examples, most=None: seen)
    config: dict[str, Any] = {
        "eval_args": {"mode": {"test": "full"}},
        "eval_exclude_seen": exclude_seen,
        "MODEL_TYPE": kind,
        "repeatable": repeatable,
        "MAX_ITEM_LIST_LENGTH": 4,
    }
    record = {"item": np.array([1, 2])}
    found = results.by_popularity(SimpleNamespace(config=config), record, np.array([0, 9, 5, 1]), ["mrr@2"])
    assert found == {"mrr@2": expected}


def test_the_most_popular_items_leave_out_as_many_earlier_ones_as_a_model_does(tiny_settings: dict[str, Any]) -> None:
    config = build_config({**tiny_settings, "eval_exclude_seen": True})
    *_, test = create_dataset(config).build()
    batch = test[:]
    users, held_out = batch["user_id"].numpy(), batch["item_id"].numpy()
    popularity, ranks = np.r_[0, np.arange(20, 0, -1)], []
    for item, history in zip(held_out.tolist(), batch["item_id_list"].tolist()):
        ranks.append([other for other in range(1, 21) if other not in history].index(item) + 1)  # as a model may
    found = results.by_popularity(test, {"user": users, "item": held_out}, popularity, ["ndcg@20"])
    assert found["ndcg@20"] == pytest.approx(np.mean(1 / np.log2(np.array(ranks) + 1)))
