"""Rank items by the cosine of their vectors with the history's: the dense half of LIGER."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from recbole_adasid.model.dense.repeats import Bias, Repeats
from recbole_adasid.model.search.exclusion import Excluded


class DenseHead(nn.Module):
    """Score = cos(query, key) / temperature, where both are linear maps (Yang et al. 2024, arXiv 2411.18814, eq. 2).

    With a learned repeat bias β, history items score (cos + β) / temperature: β falls until they are out of the way if
    nobody repeats items, and rises if users come back to known items.

    Items that training did not see score (cos + ``new_item_bias``) / temperature: how eagerly they are recommended
    beside the others (calibrated stacking: Chao et al. 2016, arXiv 1605.04253, at the others' expense).

    Args:
        d_model: D.
        temperature: above 0; the paper uses 0.07.
        repeat_bias: whether to learn β, initially 0; the paper has none.
        new_item_bias: added to the cosine of items that training did not see; the paper has none.

    Raises:
        ValueError: ``temperature`` is not above 0.
    """

    def __init__(
        self, *, d_model: int, temperature: float = 0.07, repeat_bias: bool = False, new_item_bias: float = 0.0
    ) -> None:
        super().__init__()
        if temperature <= 0:
            raise ValueError(f"temperature is {temperature}, must be above 0")
        self.query, self.key = nn.Linear(d_model, d_model), nn.Linear(d_model, d_model)
        self.temperature, self.new_item_bias = temperature, new_item_bias
        self.repeat = nn.Parameter(torch.zeros(())) if repeat_bias else None

    def bias(self, repeats: Repeats | None, candidates: Tensor, trained: Tensor | None = None) -> Bias | None:
        """Return the bias of history items and of new ones in the scores [E, C] of E histories and ``candidates`` [C].

        Args:
            trained: bool [N + 1], items that training saw; None: all.
        """
        new = self._new(candidates, trained)
        if self.repeat is None or repeats is None:
            return None if new is None else Bias(candidates[:0], candidates[:0], new[:0], new)
        return Bias(*repeats.among(candidates), self.repeat / self.temperature, new)

    def bias_of(self, repeats: Repeats | None, items: Tensor, trained: Tensor | None = None) -> Tensor:
        """Return the bias to add to the scores of ``items`` [E, W], each row its own, float [E, W]; as :meth:`bias`."""
        new = self._new(items, trained)
        total = torch.zeros(items.shape, device=items.device) if new is None else new
        if self.repeat is None or repeats is None:
            return total
        return total + repeats.hold(items) * (self.repeat / self.temperature)

    def _new(self, items: Tensor, trained: Tensor | None) -> Tensor | None:
        """Return what new ones among ``items`` [...] get, float [...]; None without anything."""
        if trained is None or not self.new_item_bias:
            return None
        return ~trained[items] * (self.new_item_bias / self.temperature)

    def queries(self, states: Tensor) -> Tensor:
        """Map encoder states [..., D] to queries [..., D], whose products with keys are scores."""
        return nn.functional.normalize(self.query(states), dim=-1) / self.temperature

    def keys(self, vectors: Tensor) -> Tensor:
        """Map item vectors [..., D] to unit-length keys, [..., D]."""
        return nn.functional.normalize(self.key(vectors), dim=-1)


def top_items(
    queries: Tensor,
    keys: Tensor,
    items: Tensor,
    k: int,
    excluded: Excluded | None = None,
    *,
    bias: Callable[[Tensor], Bias | None] = lambda items: None,
    at_once: int = 16_384,
) -> tuple[Tensor, Tensor]:
    """Return the exact ``k`` top-scoring items, without a matrix of users and all items.

    Args:
        queries: [B, D].
        keys: [N + 1, D], by item id.
        items: int64 [R], ascending ids of the items that may be recommended.
        excluded: items that must not be recommended to some rows of ``queries``.
        bias: returns the bias to add to the scores of the given items.
        at_once: items scored together.

    Returns:
        Item ids int64 [B, k], padded with 0, and scores float32 [B, k], padded with −inf; ties by ascending id.
    """
    best_items = items.new_zeros(len(queries), k)
    best = queries.new_full((len(queries), k), -torch.inf, dtype=torch.float32)
    excluded = Excluded(items[:0], items[:0]) if excluded is None else excluded
    place = torch.searchsorted(items, excluded.items.contiguous())
    for start in range(0, len(items), at_once):
        part = items[start : start + at_once]
        scores = exact_scores(queries, keys[part], bias(part))
        inside = (place >= start) & (place < start + len(part))
        rows, columns = excluded.rows[inside], place[inside] - start
        same = part[columns] == excluded.items[inside]
        scores[rows[same], columns[same]] = -torch.inf
        both = torch.cat([best, scores], dim=1)  # among scores of −∞ the first are kept: no item, 0
        best, chosen = _stable_top(both, k)
        best_items = torch.cat([best_items, part.expand(len(queries), -1)], dim=1).gather(1, chosen)
    return best_items, best


def scores_of(queries: Tensor, keys: Tensor, bias: Bias | None = None) -> Tensor:
    """Return scores float32 [E, C] of queries [E, D] and keys [C, D]."""
    scores = (queries @ keys.t()).float()
    return scores if bias is None else bias.added_to(scores)


def exact_scores(queries: Tensor, keys: Tensor, bias: Bias | None = None) -> Tensor:
    """Return what :func:`scores_of` does, in float32 under autocast too.

    Scores are up to 1 / temperature: at 8 and more, bfloat16 has multiples of 1/16, so the best items would tie.
    """
    with torch.autocast(queries.device.type, enabled=False):
        return scores_of(queries.float(), keys.float(), bias)


def exact_scores_of_own(queries: Tensor, keys: Tensor) -> Tensor:
    """Return scores float32 [E, W] of queries [E, D] and each one's own keys [E, W, D], as :func:`exact_scores`."""
    with torch.autocast(queries.device.type, enabled=False):
        return torch.einsum("bd,bwd->bw", queries.float(), keys.float())


def _stable_top(scores: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Return the ``k`` highest values of each row and their columns; ties by first column."""
    best = scores.topk(min(k + 1, scores.shape[1]))
    cut = best.values[:, k - 1 :]
    # Which ties are taken only matters if the last value equals the next.
    tied = cut.shape[1] > 1 and bool((cut[:, 0] == cut[:, 1]).any())
    columns = _first_of_ties(scores, cut[:, :1], k) if tied else best.indices[:, :k].sort(dim=1).values
    order = scores.gather(1, columns).argsort(dim=1, descending=True, stable=True)
    columns = columns.gather(1, order)
    return scores.gather(1, columns), columns


def _first_of_ties(scores: Tensor, threshold: Tensor, k: int) -> Tensor:
    """Return ``k`` columns of each row, ascending: those above ``threshold`` [B, 1], then the first equal to it."""
    above, equal = scores > threshold, scores == threshold
    wanted = above | (equal & (equal.cumsum(1) <= k - above.sum(1, keepdim=True)))
    return wanted.nonzero()[:, 1].view(len(scores), k)
