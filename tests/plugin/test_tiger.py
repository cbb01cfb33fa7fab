"""TIGER behind RecBole's interactions: what it reads of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from recbole.data import create_dataset
from recbole.data.interaction import Interaction

from recbole_adasid.plugin.config.building import build_config
from recbole_adasid.plugin.tiger import TIGER


@pytest.fixture
def build(
    tiny_settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[Any, Any]]:
    """A function that builds an untrained TIGER and its dataset for changed settings."""
    monkeypatch.chdir(tmp_path)

    def make(**changes: Any) -> tuple[Any, Any]:
        config = build_config({**tiny_settings, **changes})
        dataset = create_dataset(config).build()[0]
        return TIGER(config, dataset).eval(), dataset

    return make


def new_user(dataset: Any) -> Interaction:
    """Return RecBole's usual question for a user that the dataset does not know."""
    items = torch.tensor(dataset.token2id(dataset.iid_field, ["i3", "i4", "i5"]))
    history = torch.zeros(2, 4, dtype=torch.int64)
    history[0, :3], history[1, :1] = items, items[2]
    return Interaction({"item_id_list": history, "item_length": torch.tensor([3, 1])})


def test_a_new_user_gets_scores_from_a_history_alone(build: Callable[..., tuple[Any, Any]]) -> None:
    model, dataset = build()
    question = new_user(dataset)
    scores = model.full_sort_predict(question)
    assert scores.shape == (2, dataset.item_num) and scores[:, 1:].isfinite().all()
    known = Interaction({**question.interaction, "user_id": torch.tensor([1, 2])})
    assert model.full_sort_predict(known).equal(scores)
    items = torch.tensor([7, 9])
    one_each = model.predict(Interaction({**question.interaction, "item_id": items}))
    torch.testing.assert_close(one_each, scores.gather(1, items[:, None])[:, 0], atol=1e-5, rtol=0)
    best, best_scores = model.recommend_topk(question, k=3)
    torch.testing.assert_close(best_scores, scores.gather(1, best), atol=1e-5, rtol=0)


def test_with_user_tokens_the_missing_user_is_named(build: Callable[..., tuple[Any, Any]]) -> None:
    model, dataset = build(n_user_tokens=5)
    question = new_user(dataset)
    message = r"no field 'user_id', which TIGER reads, because n_user_tokens is 5: add it to item_id_list, item_length"
    asked = Interaction({**question.interaction, "item_id": torch.tensor([7, 9])})
    for ask in (model.full_sort_predict, model.predict, lambda one: model.recommend_topk(one, 3)):
        with pytest.raises(ValueError, match=message):
            ask(asked if ask == model.predict else question)
    known = Interaction({**question.interaction, "user_id": torch.tensor([1, 2])})
    assert model.full_sort_predict(known)[:, 1:].isfinite().all()


@pytest.mark.parametrize("missing", ["item_id_list", "item_length", "item_id"])
def test_other_missing_fields_are_named_too(missing: str, build: Callable[..., tuple[Any, Any]]) -> None:
    model, dataset = build()
    fields = {**new_user(dataset).interaction, "item_id": torch.tensor([7, 9])}
    del fields[missing]
    with pytest.raises(ValueError, match=f"no field '{missing}', which TIGER reads: add it to"):
        model.predict(Interaction(fields))
