"""Tensors are made where those that were given are: with another default device, all comes out the same.

The default is set to `meta`, whose tensors hold nothing: one that is made there by mistake cannot be worked with.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from recbole_adasid.compute.numbering import numbered_rows
from recbole_adasid.evaluation.full_ranking import first_places
from recbole_adasid.evaluation.record import EvaluationRecord
from recbole_adasid.model.building import empty_model
from recbole_adasid.model.catalogue import Catalogue, collision_ranks
from recbole_adasid.model.liger import LIGERModel
from recbole_adasid.model.prefix_tree import PrefixTree, lexicographic_order
from recbole_adasid.model.search.exhaustive import score_all_items, score_targets
from recbole_adasid.model.search.interleave import interleave
from recbole_adasid.model.tiger import TIGERModel

CODES = torch.randint(4, (40, 3), generator=torch.Generator().manual_seed(0))
SIZES = [4, 4, 4]
IDS = torch.arange(1, 41)
NODES = torch.arange(4)
SCORES = torch.arange(20.0).reshape(2, 10)


def tree_answers() -> list[Any]:
    tree = PrefixTree(CODES, SIZES)
    found = [*tree.path(CODES), *tree.item_range(1, NODES), *tree.expand(1, NODES), tree.n_leaves(1, NODES)]
    return [*found, tree.find(CODES), tree.parents(2, NODES), tree.codes(2, NODES), tree.items(0)]


def catalogue_answers() -> list[Any]:
    catalogue = Catalogue(CODES, SIZES)
    changed = catalogue.changed(catalogue.tokens[1:3], IDS[::2])
    return [catalogue(IDS), changed.tokens, changed.tree.leaf_items, collision_ranks(CODES), numbered_rows(CODES)]


def orders() -> list[Any]:
    lists = (IDS[:20].reshape(2, 10), SCORES), (IDS[20:].reshape(2, 10), SCORES)
    return [lexicographic_order(CODES, [2**40] * 3), *interleave(*lists, 0.3)]


def noted() -> list[Any]:
    record = EvaluationRecord(torch.nn.functional.pad(CODES, (0, 0, 1, 0)))
    record.add(IDS[:2], IDS[:20].reshape(2, 10), IDS[5:7])
    return [torch.from_numpy(values) for values in record.take().values()]


def ranked() -> list[Any]:
    return [first_places(SCORES, IDS[:2], 12)]


@pytest.mark.parametrize("answers", [tree_answers, catalogue_answers, orders, noted, ranked])
def test_what_is_computed_of_tensors_stays_where_they_are(answers: Callable[[], list[Any]]) -> None:
    expected = answers()
    with torch.device("meta"):
        found = answers()
    assert len(found) == len(expected)
    for one, other in zip(found, expected):
        assert one.device.type == "cpu" and one.equal(other)


def liger() -> LIGERModel:
    settings: dict[str, Any] = {
        **{"d_model": 8, "d_head": 4, "n_heads": 2, "d_ff": 8, "n_encoder_layers": 1, "n_decoder_layers": 1},
        **{"dropout": 0.0, "n_user_tokens": 2, "encoder_attention": "causal", "encoder_input": "items"},
        **{"collision": "suffix", "content_columns": 2, "id_embedding": True, "id_dropout": 0.5},
        **{"generative_weight": 1.0, "dense_label_smoothing": 0.1, "label_smoothing": 0.0},
        **{"dense_weight": 1.0, "full_softmax_items": 10, "sampled_items": 5, "dense_temperature": 0.1},
        **{"retrieval": "hybrid", "hybrid_score": "sum", "repeat_bias": True, "new_item_bias": 0.1},
    }
    torch.manual_seed(0)
    model = empty_model(settings, n_items=40, level_sizes=[4, 4, 4, 40], content_width=3)
    assert isinstance(model, LIGERModel)
    model.catalogue = Catalogue(CODES, SIZES, suffix=torch.arange(40))
    return model


@pytest.mark.parametrize("training", [True, False])
def test_both_losses_and_dense_scores_stay_where_the_model_is(training: bool) -> None:
    model, users, lengths = liger().train(training), torch.tensor([0, 1]), torch.tensor([10, 4])
    seen = IDS[:20].reshape(2, 10)

    def answers() -> list[Tensor]:
        torch.manual_seed(1)
        with torch.set_grad_enabled(training):
            losses = [
                model.sequence_loss(seen, lengths, users=users),
                model.training_loss(seen, lengths, IDS[30:32], users),
            ]
            if training:
                losses += torch.autograd.grad(losses[0] + losses[1], list(model.parameters()))
            return [
                *losses,
                *model.recommend(seen, lengths, k=5, beam_size=7, users=users),
                model.score_items(seen, lengths, users),
            ]

    expected = answers()
    model._kept_keys = None
    with torch.device("meta"):
        found = answers()
    for one, other in zip(found, expected):
        assert one.device.type == "cpu" and one.equal(other)


@pytest.mark.parametrize("collision", ["suffix", "shared"])
def test_recommendations_and_scores_stay_where_the_model_is(
    make_model: Callable[..., TIGERModel],
    histories: tuple[Tensor, Tensor],
    collision: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, seen = make_model(collision), histories[0]
    monkeypatch.setattr("recbole_adasid.model.search.beam_search.STEMS_AT_ONCE", 1)  # a beam of 30 scores everything

    def answers() -> list[Tensor]:
        with torch.no_grad():
            memory = model.network.encode(model.catalogue(seen), histories[1])
            return [
                *model.recommend(*histories, k=5, beam_size=5),
                *model.recommend(*histories, k=5, beam_size=30, excluded=seen),
                *model.recommend(*histories, k=5, beam_size=5, excluded=seen),
                score_all_items(model.network, model.catalogue, memory, stems_per_chunk=3),
                score_targets(model.network, memory, model.catalogue(seen[:, 0])),
            ]

    expected = answers()
    with torch.device("meta"):
        found = answers()
    for one, other in zip(found, expected):
        assert one.device.type == "cpu" and one.equal(other)
