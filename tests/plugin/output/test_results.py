"""What a run reports of the most popular items."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from recbole.utils import ModelType

from recbole_adasid.plugin.output import results


@pytest.mark.parametrize(
    ("exclude_seen", "kind", "repeatable", "recall"),
    [
        (True, ModelType.SEQUENTIAL, True, 0.5),
        (False, ModelType.SEQUENTIAL, True, 1.0),
        (False, ModelType.GENERAL, False, 0.5),
        (False, ModelType.GENERAL, True, 1.0),
    ],
)
def test_the_most_popular_items_are_recommended_again_where_evaluation_may_do_so(
    exclude_seen: bool, kind: ModelType, repeatable: bool, recall: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The first user's held-out item, the most popular one, was seen before.
    seen = np.array([0]), np.array([1])
    monkeypatch.setattr(results, "example_rows", lambda part, record: np.arange(2))
    monkeypatch.setattr(results, "earlier_interactions", lambda part, examples: seen)
    config: dict[str, Any] = {
        "eval_args": {"mode": {"test": "full"}},
        "eval_exclude_seen": exclude_seen,
        "MODEL_TYPE": kind,
        "repeatable": repeatable,
    }
    record = {"item": np.array([1, 2])}
    found = results.by_popularity(SimpleNamespace(config=config), record, np.array([0, 9, 5, 1]), ["recall@2"])
    assert found == {"recall@2": recall}
