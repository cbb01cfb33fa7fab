"""Record of an evaluation: for each held-out item its user, and how close the recommendations came."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recbole_adasid.compute.numbering import numbered_rows

Record = dict[str, NDArray[np.int64]]
"""Arrays [R], a row per held-out item, several for a user who has several: ``user``, ``item`` (held out), ``rank`` of
that item among the recommended ones, ``sid_rank`` of its Semantic ID among the distinct ones recommended,
``sid_start``, the place of the first item with it (ranks and places from 1, 0 if there is none), ``shared_prefix``
(most leading codes that a recommended item shares with it) and ``missing`` (places of the list left empty). Those on
Semantic IDs are left out if items have none."""


class EvaluationRecord:
    """Collects batches of recommendations with one held-out item per list.

    Args:
        codes: int32 or int64 [N + 1, L], the Semantic ID of each item without suffix; row 0 is padding. None: items
            have none, and nothing is recorded about them.
    """

    def __init__(self, codes: Tensor | None = None) -> None:
        self.codes = codes
        self._numbers = None if codes is None else numbered_rows(codes)  # equal for items of one Semantic ID
        self._batches: list[dict[str, Tensor]] = []
        self._whole = True

    def add(self, users: Tensor, recommended: Tensor, held_out: Tensor) -> None:
        """Record a batch: users [B], recommended items [B, k] (best first, 0 for none) and held-out items [B].

        Raises:
            RuntimeError: if a user is recommended an item twice or an invalid item, which constrained decoding rules
                out.
        """
        _refuse_impossible(recommended, None if self.codes is None else len(self.codes))
        batch = {
            "user": users,
            "item": held_out,
            "rank": first_hit(recommended == held_out[:, None]),
            **self._by_semantic_ids(recommended, held_out),
            "missing": (recommended == 0).sum(1),
        }
        self._batches.append({name: values.cpu() for name, values in batch.items()})

    def _by_semantic_ids(self, recommended: Tensor, held_out: Tensor) -> dict[str, Tensor]:
        if self.codes is None or self._numbers is None:
            return {}
        equal = self.codes[recommended] == self.codes[held_out][:, None]
        prefix = equal.long().cumprod(2).sum(2).masked_fill(recommended == 0, 0)
        hit = prefix == self.codes.shape[1]
        return {
            "sid_rank": first_hit(hit, distinct_before(self._numbers[recommended], recommended == 0)),
            "sid_start": first_hit(hit),
            "shared_prefix": prefix.amax(1),
        }

    def give_up(self) -> None:
        """Let :meth:`take` return nothing: a list with several held-out items has no rank, and a record without such
        lists would be of some users only.
        """
        self._whole = False

    def take(self) -> Record:
        """Return and clear what was recorded since the last call; empty if nothing was, or not every list."""
        batches, whole = self._batches, self._whole
        self._batches, self._whole = [], True
        if not batches or not whole:
            return {}
        return {name: torch.cat([batch[name] for batch in batches]).long().numpy() for name in batches[0]}


def first_hit(hits: Tensor, places: Tensor | None = None) -> Tensor:
    """Return the rank, from 1, of the first hit in each row [B, k] of booleans; 0 if there is none.

    ``places`` [B, k] gives each column's rank if it differs from the column number.
    """
    first = hits.long().argmax(1)
    rank = first + 1 if places is None else places.gather(1, first[:, None]).squeeze(1)
    return torch.where(hits.any(1), rank, 0)


def distinct_before(values: Tensor, empty: Tensor) -> Tensor:
    """Return, for each place of rows of ``values`` int64 [B, k], the number of distinct ones up to it, [B, k].

    Places marked ``empty`` [B, k] hold none.
    """
    ordered, place = values.masked_fill(empty, -1).sort(dim=1, stable=True)
    first = torch.ones_like(empty)
    first.scatter_(1, place[:, 1:], ordered[:, 1:] != ordered[:, :-1])
    return (first & ~empty).long().cumsum(1)


def _refuse_impossible(recommended: Tensor, n_items: int | None) -> None:
    ordered = recommended.sort(1).values
    if bool(((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] > 0)).any()):
        raise RuntimeError("an item was recommended twice to one user; please report this, it should be impossible")
    if n_items is not None and bool((ordered[:, 0] < 0).any() | (ordered[:, -1] >= n_items).any()):
        raise RuntimeError("an invalid item was recommended; please report this, it should be impossible")
