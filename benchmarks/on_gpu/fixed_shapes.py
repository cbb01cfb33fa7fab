"""Losses of one pass whose shapes do not depend on what is predicted, as CUDA graphs and compilers want them.

`TIGERNetwork.predicted_loss` picks the states of predicted items by a mask, so that only these meet the output
layer; how many they are is known to a GPU alone, and asking it stalls it. Here all states meet the output layer, and
places that are not predicted are left out of the mean. The value is the same.
"""

from __future__ import annotations

import torch
from torch import Tensor

from recbole_adasid.model.dense.losses import full_softmax_loss
from recbole_adasid.model.dense.repeats import Bias, first_times
from recbole_adasid.model.liger import LIGERModel
from recbole_adasid.model.network.continuations import Continuations
from recbole_adasid.model.network.stack import Memory, Tree
from recbole_adasid.model.tiger import TIGERModel

_LEFT_OUT = -100  # `ignore_index` of cross-entropy, unless told otherwise


def sequence_loss(model: TIGERModel, items: Tensor, lengths: Tensor) -> Tensor:
    """Return what ``model.sequence_loss`` does of items [B, n] and lengths [B]; of LIGER with a full softmax only."""
    if isinstance(model, LIGERModel):
        return _liger_loss(model, items, lengths)
    tokens = model.catalogue(items)
    return _tokens_loss(model, tokens, *model.network.read_sequences(tokens, lengths))


def _tokens_loss(model: TIGERModel, tokens: Tensor, memory: Memory, predicted: Tensor) -> Tensor:
    network, following = model.network, tokens[:, 1:]
    _, n_items, n_levels = following.shape
    inputs = torch.nn.functional.pad(network.vocabulary.token_ids(following[..., :-1]), (1, 0))
    tree = Tree.sequence(n_levels, inputs.device, groups=n_items)
    hidden = network.decoder(network.vocabulary(inputs.flatten(1)), tree, memory)
    known = memory.standing.known
    standing = network._beginning(None if known is None else _at_every_place(known), model.training_tree)
    states, tokens = hidden.view(-1, n_levels, hidden.shape[-1]), following.flatten(0, 1)
    losses = network.softmax.loss(states, tokens, standing)
    return losses.where(predicted.flatten(), 0.0).sum() / predicted.sum()


def _at_every_place(known: Continuations) -> Continuations:
    """Return what `known.at` does of all positions."""
    n_rows, n_items = known.agree.shape[:2]
    return Continuations(
        known.tokens.repeat_interleave(n_items, 0),
        known.agree.flatten(0, 1)[:, None],
        known.first.repeat_interleave(n_items, 0),
        known.ages[0].repeat(n_rows, 1)[:, None],
    )


def _liger_loss(model: LIGERModel, items: Tensor, lengths: Tensor) -> Tensor:
    with_id = model.content.drawn()
    tokens, extra = model.catalogue(items), model.content(items, with_id)
    memory, predicted = model.network.read_sequences(tokens, lengths, extra=extra)
    place = torch.searchsorted(model._candidates, items[:, 1:].contiguous()).masked_fill(~predicted, _LEFT_OUT)
    queries, keys = model.head.queries(model._item_states(memory)), model.item_keys(model._candidates, with_id)
    dense = full_softmax_loss(
        queries.flatten(0, 1), keys, place.flatten(), model.losses.label_smoothing, _repeat_bias(model, items)
    )
    return model.losses.generative * _tokens_loss(model, tokens, memory, predicted) + model.losses.dense * dense


def _repeat_bias(model: LIGERModel, items: Tensor) -> Bias | None:
    """Return the bias of every place and every item up to it; where it does not count it adds 0."""
    if model.head.repeat is None:
        return None
    batch, n = items.shape[0], items.shape[1] - 1
    candidates = model._candidates
    column = torch.searchsorted(candidates, items[:, :-1].contiguous()).clamp(max=len(candidates) - 1)
    counts = first_times(items[:, :-1])[:, None, :] & torch.ones(n, n, dtype=torch.bool, device=items.device).tril()
    row = torch.arange(batch * n, device=items.device).view(batch, n, 1).expand(-1, -1, n)
    amount = counts * (model.head.repeat / model.head.temperature)
    return Bias(row.flatten(), column[:, None, :].expand(-1, n, -1).flatten(), amount.flatten())
