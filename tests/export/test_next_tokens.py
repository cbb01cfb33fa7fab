"""The scores that the code in an exported folder makes of a network's, against the run's own, biases and all."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from recbole_adasid.export import folder as common
from recbole_adasid.export.programs import DecodingStep, HistoryEncoder
from recbole_adasid.export.standalone.semantic_ids import NextTokens, SemanticIds
from recbole_adasid.model.catalogue import Catalogue
from recbole_adasid.model.search.exclusion import Excluded
from recbole_adasid.model.tiger import TIGERModel
from tests.export.conftest import network_of

LENGTHS = torch.tensor([5, 1, 3])
SOFTMAXES = [{"token_softmax": "tree", "history_bias": True}, {"token_softmax": "tree"}, {"token_softmax": "level"}]


def written(model: TIGERModel, folder: Path) -> SemanticIds:
    """Write what the code of an exported folder reads."""
    tokens = [f"i{number}" for number in range(1, model.catalogue.n_items + 1)]
    common.write_scored(SimpleNamespace(model=model, tokens=tokens), folder)
    about = {"version": 1, "levels": len(model.catalogue.level_sizes), "max_history": 5, "beam_size": 10}
    (folder / "export.json").write_text(json.dumps({**about, "retrieval": "generative", "retrievals": ["generative"]}))
    return SemanticIds(folder)


def histories(n_items: int) -> tuple[Tensor, list[list[str]]]:
    torch.manual_seed(1)
    items = torch.randint(1, n_items + 1, (3, 5)) * (torch.arange(5) < LENGTHS[:, None])
    items[0, 3] = items[0, 1]
    return items, [[f"i{number}" for number in row if number] for row in items.tolist()]


@pytest.mark.parametrize("options", SOFTMAXES, ids=str)
@pytest.mark.parametrize("collision", ["suffix", "shared"])
@torch.no_grad()
def test_scores_of_items_are_the_run_s_after_items_came_and_went(
    options: dict[str, Any], collision: str, tmp_path: Path, make_model: Callable[..., TIGERModel]
) -> None:
    made = make_model(collision, **options)
    model = TIGERModel(network=made.network, catalogue=made.catalogue, trained=torch.arange(31) % 7 > 0).eval()
    more = torch.cat([model.catalogue.tokens[[2, 9]].long(), model.catalogue.tokens[[4]].long().flip(0)])
    more[:, 0] = (more[:, 0] + 1) % 4
    model.adopt(model.catalogue.changed(more, torch.arange(1, 34)[torch.arange(1, 34) % 6 > 0]), torch.empty(0))
    ids, (items, read) = written(model, tmp_path), histories(33)
    expected = model.score_items(items, LENGTHS)

    choices, rows = NextTokens(ids, read, []), np.arange(3)[:, None, None]
    memory, step = HistoryEncoder(model)(items, LENGTHS), DecodingStep(model)
    prefixes = nn.functional.pad(torch.from_numpy(ids.item_tokens[1:]), (1, 0)).expand(3, -1, -1)
    paths = np.array([ids.path(row) for row in ids.item_tokens[1:]])
    states, total = np.zeros((3, 33), dtype=np.int64), np.zeros((3, 33))
    for level in range(paths.shape[1]):
        children, tokens, exists = ids.children(states)
        given = np.take_along_axis(step(prefixes[..., : level + 1], *memory).numpy(), tokens, 2)
        states = np.broadcast_to(paths[:, level], (3, 33))
        found = choices.log_probabilities(given, level, rows, children, exists)
        total += np.where((children == states[..., None]) & exists, found, 0).sum(-1)
    present = expected[0, 1:].numpy() > -np.inf
    assert present.sum() == 28
    np.testing.assert_allclose(total[:, present], expected[:, 1:].numpy()[:, present], atol=1e-5)


@pytest.mark.parametrize("options", SOFTMAXES, ids=str)
@pytest.mark.parametrize("width", [4, 50])
@torch.no_grad()
def test_beams_without_an_item_left_do_no_harm(
    options: dict[str, Any], width: int, tmp_path: Path, opened: Callable[[Path, str], ModuleType]
) -> None:
    """Sixteen first codes with one to four Semantic IDs each: the root has the most children."""
    torch.manual_seed(0)
    codes = torch.tensor([[first, last, last] for first in range(16) for last in range(1 + first % 4)])
    catalogue = Catalogue(codes, [16, 4, 4], collision="shared")
    model = TIGERModel(network=network_of(catalogue, **options), catalogue=catalogue).eval()
    written(model, tmp_path)
    common.copy_standalone("recommend_torch.py", tmp_path, "recommend.py")
    recommender = opened(tmp_path, "recommend").Recommender(tmp_path)
    recommender._programs = {"encoder": HistoryEncoder(model), "step": DecodingStep(model)}
    items, read = histories(len(codes))
    with np.errstate(divide="raise", invalid="raise", over="raise"):
        found = recommender.recommend(read, 4, beam_size=width)
    excluded = Excluded.of_table(items)
    wanted, scores = model.recommend(items, LENGTHS, k=4, beam_size=width, excluded=excluded)
    assert [[item for item, _ in row] for row in found] == [[f"i{n}" for n in row] for row in wanted.tolist()]
    torch.testing.assert_close(torch.tensor([[score for _, score in row] for row in found]), scores, atol=1e-4, rtol=0)


@pytest.mark.parametrize("options", SOFTMAXES, ids=str)
def test_sequences_longer_than_a_semantic_id_are_padded(
    options: dict[str, Any], tmp_path: Path, make_model: Callable[..., TIGERModel]
) -> None:
    ids, (_, read) = written(make_model(**options), tmp_path), histories(30)
    whole = torch.nn.functional.pad(torch.from_numpy(ids.item_tokens[[3, 8, 30]]), (1, 0))
    scores = torch.randn(3, 20).log_softmax(-1)
    found = ids.logits_processor(read)(whole, scores)
    assert found[:, 0].tolist() == [0.0] * 3 and found[:, 1:].isneginf().all()
