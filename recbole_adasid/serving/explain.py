"""Why an item was recommended: how probable each token of its Semantic ID is, on the way down the prefix tree.

Letters: T history items, S tokens of an item, K codewords of a level, M options (children of a node of the tree).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from recbole_adasid.io.checked_input import token_list
from recbole_adasid.model.liger import LIGERModel
from recbole_adasid.model.prefix_tree import PrefixTree
from recbole_adasid.model.search.exhaustive import next_token_log_probabilities
from recbole_adasid.serving.recommender import Recommender

OPTIONS_SHOWN = 12
"""Most probable options that a step lists."""


class Option(NamedTuple):
    """A token that the tree allows at a step."""

    token: int
    probability: float


class Step(NamedTuple):
    """One token on the way from the root of the prefix tree to an item."""

    level: int
    """From 0."""
    token: int
    probability: float
    """Among the tokens that the tree allows here."""
    log_probability: float
    """As the beam scores it: among the tokens of trained items here, or with ``token_softmax: level`` among all."""
    rank: int
    """Among the tokens that the tree allows here, from 1."""
    n_options: int
    """Number of tokens that the tree allows here."""
    prefix_items: int
    """Number of items that share the prefix up to here."""
    history_items: int
    """Number of history items that share it."""
    options: list[Option]
    """The most probable tokens that the tree allows here, best first."""


class Explanation(NamedTuple):
    """An item's path through the prefix tree after a history."""

    item: str
    path: list[Step]
    """Empty if the model has no trained decoder."""
    log_probability: float | None
    """Sum over the path: the score of the item in generative retrieval, None without a path."""
    retrieval: str
    """How the model recommends: generative, dense or hybrid."""
    note: str
    """How score and path are related, if the score is not the path's; else empty."""


_DENSE = "The model ranks all items by comparing a vector of the history with a vector of each item."
_NOTES = {
    "generative": "",
    "hybrid": "The model collects candidates along paths like this one, then ranks them with vectors of the history "
    "and of each item.",
    "dense": f"{_DENSE} The path shows how its generative half would reach this item.",
}
_NO_PATH = f"{_DENSE} It was trained with generative_weight=0 and generates no Semantic IDs, so there is no path."


def explain(recommender: Recommender, history: Sequence[str], item: str) -> Explanation:
    """Return the path to an item through the tree of all recommendable items, ignoring filters.

    Args:
        recommender: recommender of a finished run.
        history: item tokens, oldest first; unknown ones are skipped, and the model reads the last ``max_history``.
        item: token of the item to explain.

    Raises:
        ValueError: if no item of the history is known, or the item is unknown or was removed.
    """
    read = _read_numbers(recommender, history)
    number = recommender.live.numbers.get(item, 0)
    if not number:
        raise ValueError(f"the item {item!r} is not in the catalogue: give the token of one of its items")
    if not recommender.live.recommended[number]:
        raise ValueError(f"the item {item!r} was removed from the catalogue: choose one that can be recommended")
    model = recommender.model
    retrieval = model.retrieval if isinstance(model, LIGERModel) else "generative"
    if isinstance(model, LIGERModel) and not model.losses.generative:
        return Explanation(item, [], None, retrieval, _NO_PATH)
    path = _path(recommender, read, number)
    return Explanation(item, path, sum(step.log_probability for step in path), retrieval, _NOTES[retrieval])


def _read_numbers(recommender: Recommender, history: Sequence[str]) -> list[int]:
    """Return the numbers of the history items that the model reads."""
    return recommender.live.known(token_list(history, "the history"))[-recommender.max_history :]


@torch.no_grad()
def _path(recommender: Recommender, history: list[int], number: int) -> list[Step]:
    model = recommender.model
    device = model.catalogue.tokens.device
    read = torch.tensor([history], device=device)
    memory = model.encode(read, torch.tensor([len(history)], device=device))
    target = model.catalogue(torch.tensor([number], device=device))
    levels = next_token_log_probabilities(model.network, memory, target)
    same = (model.catalogue(read[0]) == target).cumprod(1).sum(0).tolist()
    tree = model.catalogue.tree
    nodes = [target.new_zeros(1), *tree.path(target)]
    return [
        _step(tree, level, nodes[level : level + 2], int(target[0, level]), scores[0], same[level])
        for level, scores in enumerate(levels)
    ]


def _step(tree: PrefixTree, level: int, nodes: list[Tensor], token: int, scores: Tensor, same: int) -> Step:
    """Describe the step between two ``nodes`` [1], given the log-probabilities ``scores`` [K] of all codewords."""
    _, codes, exists = tree.expand(level, nodes[0])
    allowed = codes[exists]
    shares = scores[allowed].softmax(0)
    chosen = shares[allowed == token]
    begin, end = tree.item_range(level + 1, nodes[1])
    best = shares.argsort(descending=True, stable=True)[:OPTIONS_SHOWN]
    return Step(
        level=level,
        token=token,
        probability=float(chosen),
        log_probability=float(scores[token]),
        rank=1 + int((shares > chosen).sum()),
        n_options=len(allowed),
        prefix_items=int(end - begin),
        history_items=same,
        options=[Option(*pair) for pair in zip(allowed[best].tolist(), shares[best].tolist())],
    )
