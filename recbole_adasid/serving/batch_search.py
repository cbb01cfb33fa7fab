"""Search for the next items after a batch of histories."""

from __future__ import annotations

import logging
from collections.abc import Collection, Container, Sequence
from functools import partial
from itertools import chain
from typing import NamedTuple

import torch
from torch import Tensor
from tqdm import tqdm

from recbole_adasid.io.checked_input import short
from recbole_adasid.model.prefix_tree import PrefixTree
from recbole_adasid.model.search.exclusion import Excluded
from recbole_adasid.model.search.interleave import interleave
from recbole_adasid.model.tiger import TIGERModel

logger = logging.getLogger(__name__)

HISTORIES_AT_ONCE = 512
_PLACES_AT_ONCE = 2**22  # in all lists of a batch

Found = list[tuple[int, float]]
"""Items, from 1, and their scores, best first."""


class Search(NamedTuple):
    """What a search looks for, and among which items."""

    k: int
    beam_size: int
    max_history: int
    """Number of last history items that the model reads."""
    exclude_seen: bool
    """Leave out all items of the history, including those that the model does not read."""
    denied: Sequence[int]
    """Items to leave out after every history; a few."""
    trees: Sequence[PrefixTree]
    """One of all items, or one of old and one of new items."""
    new_share: float
    """Share of places for new items, if they have a tree of their own."""

    def after_each(
        self, model: TIGERModel, histories: Sequence[Sequence[int]], *, progress: bool = False
    ) -> list[Found]:
        """Return the ``k`` best items after each history of item numbers; none after an empty one."""
        rows = [row for row, history in enumerate(histories) if history]
        found: list[Found] = [[] for _ in histories]
        at_once = max(1, min(HISTORIES_AT_ONCE, _PLACES_AT_ONCE // self.k))
        for start in tqdm(range(0, len(rows), at_once), "recommend", disable=not progress):
            chosen = rows[start : start + at_once]
            for row, items in zip(chosen, self._batch(model, [histories[row] for row in chosen])):
                found[row] = items
        return found

    def _batch(self, model: TIGERModel, histories: Sequence[Sequence[int]]) -> list[Found]:
        device = model.catalogue.tokens.device
        read = [history[-self.max_history :] for history in histories]
        find = partial(
            model.recommend,
            _padded(read).to(device),
            torch.tensor([len(history) for history in read], device=device),
            k=self.k,
            beam_size=max(self.beam_size, self.k),
            excluded=self._excluded(histories, device),
        )
        found = [find(tree=tree) for tree in self.trees]
        items, scores = found[0] if len(found) == 1 else interleave(found[0], found[1], self.new_share)
        return [[(item, score) for item, score in zip(*row) if item] for row in zip(items.tolist(), scores.tolist())]

    def _excluded(self, histories: Sequence[Sequence[int]], device: torch.device) -> Excluded | None:
        """Return what to leave out as pairs of row and item: a table would be as wide as the longest history."""
        left_out = [[*(history if self.exclude_seen else ()), *self.denied] for history in histories]
        lengths = torch.tensor([len(items) for items in left_out])
        if not lengths.any():
            return None
        rows = torch.arange(len(histories)).repeat_interleave(lengths)
        return Excluded(rows.to(device), torch.tensor(list(chain.from_iterable(left_out)), device=device))


def _padded(histories: Sequence[Sequence[int]]) -> Tensor:
    """Return item ids int64 [B, T], padded on the right with 0."""
    return torch.nn.utils.rnn.pad_sequence([torch.tensor(history) for history in histories], batch_first=True)


def report_unknown(
    histories: Sequence[Sequence[str]], known: Sequence[Collection[int]], catalogue: Container[str]
) -> None:
    """Warn about history items that are not in the ``catalogue``."""
    missing = sum(map(len, histories)) - sum(map(len, known))
    empty = sum(not history for history in known)
    if missing or empty:
        first = next((f" (first: {short(token)})" for token in chain(*histories) if token not in catalogue), "")
        logger.warning(
            "Skipped %d history items that are not in the catalogue%s; %d of %d histories have no known item and get "
            "no recommendations.",
            *(missing, first, empty, len(histories)),
        )
