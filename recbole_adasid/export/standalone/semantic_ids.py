"""Items, their tokens and the prefix tree of an exported folder. Needs NumPy only.

Letters: N items, S tokens of an item, B histories of T items, R sequences, M children.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

VERSION = 1
_LEAST = -1e30
_IMPOSSIBLE = -1e8  # `generate` gives about -1e9 to beams without an item left


class SemanticIds:
    """The catalogue of an exported folder.

    States of the prefix tree are numbered from the root, 0; edge e leads to state e + 1; export.json describes all
    arrays.

    Args:
        folder: exported folder.

    Raises:
        ValueError: if it has another version.
    """

    def __init__(self, folder: str | Path) -> None:
        folder = Path(folder)
        self.about: dict[str, Any] = json.loads((folder / "export.json").read_text(encoding="utf-8"))
        if self.about.get("version") != VERSION:
            raise ValueError(f"{folder} has version {self.about.get('version')}, but this file reads {VERSION}")
        mapping = json.loads((folder / "items.json").read_text(encoding="utf-8"))
        self.items = ["", *mapping]
        """Items by number; 0 is padding."""
        self.numbers = {item: number for number, item in enumerate(mapping, start=1)}
        self.item_tokens = np.array([[0] * self.about["levels"], *mapping.values()], dtype=np.int64)
        """int64 [N + 1, S]"""
        with np.load(folder / "tree.npz", allow_pickle=False) as arrays:
            self.tree = {name: arrays[name] for name in arrays.files}
        self.first_leaf = int(self.tree["level_starts"][-2])
        self.softmax: dict[str, NDArray] = {}
        """How tokens are normalised over the tree; empty: over all tokens of their level."""
        if (folder / "softmax.npz").exists():
            with np.load(folder / "softmax.npz", allow_pickle=False) as arrays:
                self.softmax = {name: arrays[name] for name in arrays.files}

    def known(self, history: Iterable[str]) -> list[int]:
        """Return the numbers of the known items of a history."""
        return [self.numbers[item] for item in history if item in self.numbers]

    def batch(self, histories: Sequence[Sequence[str]]) -> tuple[NDArray, NDArray]:
        """Return the item numbers that the model reads, int64 [B, T], padded on the right with 0, and lengths [B].

        Raises:
            ValueError: if no item of a history is known.
        """
        read = [self.known(history)[-self.about["max_history"] :] for history in histories]
        for place, numbers in enumerate(read, start=1):
            if not numbers:
                raise ValueError(f"history {place} has no known item: leave it out")
        lengths = np.array([len(numbers) for numbers in read], dtype=np.int64)
        items = np.zeros((len(read), max(lengths, default=0)), dtype=np.int64)
        items[np.arange(items.shape[1]) < lengths[:, None]] = np.concatenate(read) if read else []
        return items, lengths

    def state(self, tokens: Iterable[int]) -> int:
        """Return the state of a prefix, -1 if no item begins with it."""
        return ([0] + self.path(tokens))[-1]

    def path(self, tokens: Iterable[int]) -> list[int]:
        """Return the states on the way to a prefix without the root, -1 from where no item begins with it."""
        state, states = 0, []
        for token in tokens:
            state = self._child(state, token) if state >= 0 else -1
            states.append(state)
        return states

    def _child(self, state: int, token: int) -> int:
        begin, end = self.tree["row_pointers"][state : state + 2]
        edge = int(begin + np.searchsorted(self.tree["tokens"][begin:end], token))
        return edge + 1 if edge < end and self.tree["tokens"][edge] == token else -1

    def children(self, states: NDArray) -> tuple[NDArray, NDArray, NDArray]:
        """Return child states of ``states`` [...], their tokens, and which exist, [..., M] each; −1 has no child."""
        begin, end = (np.where(states < 0, 0, self.tree["row_pointers"][states + more]) for more in (0, 1))
        edges = begin[..., None] + np.arange(max(1, int((end - begin).max())))
        exists = edges < end[..., None]
        edges = np.minimum(edges, len(self.tree["tokens"]) - 1)
        return edges + 1, self.tree["tokens"][edges].astype(np.int64), exists

    def items_at(self, state: int) -> list[int]:
        """Return the numbers of the items whose whole Semantic ID is the prefix of a state."""
        if state < self.first_leaf:
            return []
        begin, end = self.tree["leaf_pointers"][state - self.first_leaf : state - self.first_leaf + 2]
        return self.tree["leaf_items"][begin:end].tolist()

    def prefix_allowed_tokens_fn(
        self, exclude: Sequence[Iterable[str]] | None = None
    ) -> Callable[[int, Any], list[int]]:
        """Return the argument of this name for transformers' `generate`.

        It allows all items; for the run's probabilities, too, give `generate` :meth:`logits_processor` instead.

        Args:
            exclude: items not to recommend, for each history of the batch.
        """
        excluded = Excluded(self, exclude or [])

        def allowed(batch_id: int, input_ids: Any) -> list[int]:
            state = self.state(input_ids.tolist()[1:])
            if not 0 <= state < self.first_leaf:
                return [0]  # a beam without an item; dropped at the end
            states, tokens, _ = self.children(np.array(state))
            return tokens[excluded.left(batch_id, states) > 0].tolist() or [0]

        return allowed

    def logits_processor(
        self, histories: Sequence[Sequence[str]], exclude: Sequence[Iterable[str]] | None = None
    ) -> Callable[[Any, Any], Any]:
        """Return an element of transformers' ``logits_processor`` that makes `generate` score as the run does.

        Args:
            histories: the batch's.
            exclude: items not to recommend, for each history.
        """
        choices = NextTokens(self, histories, exclude or [])

        def processed(input_ids: Any, scores: Any) -> Any:
            states = np.array([self.state(row) for row in input_ids[:, 1:].tolist()])
            rows = np.arange(len(states)) * len(histories) // len(states)
            children, tokens, exists = self.children(np.where(states < self.first_leaf, states, -1))
            given = scores.cpu().numpy()
            level, given_children = input_ids.shape[1] - 1, np.take_along_axis(given, tokens, 1)
            found = choices.log_probabilities(given_children, level, rows[:, None], children, exists)
            result = np.full_like(given, -np.inf)
            np.put_along_axis(result, np.where(exists, tokens, 0), np.where(exists, found, -np.inf), 1)
            result[~np.isfinite(result).any(1), 0] = 0.0  # a beam without an item; dropped at the end
            return scores.new_tensor(result)

        return processed

    def ranked(
        self,
        sequences: Any,
        scores: Any,
        *,
        n_histories: int,
        k: int,
        exclude: Sequence[Iterable[str]] | None = None,
    ) -> list[list[tuple[str, float]]]:
        """Return the ``k`` best items of each history with their log-probabilities, from generated sequences.

        Args:
            sequences: int64 [R, 1 + S], the same number for each history, each beginning with 0.
            scores: [R], their log-probabilities.
            n_histories: B.
            k: items to return.
            exclude: as for :meth:`prefix_allowed_tokens_fn`; of items with one Semantic ID, only some may be excluded.
        """
        found: list[list[tuple[float, int]]] = [[] for _ in range(n_histories)]
        skipped = [set(self.known(items)) for items in exclude] if exclude else [set()] * n_histories
        for row, (sequence, score) in enumerate(zip(sequences.tolist(), scores.tolist())):
            user = row * n_histories // len(sequences)
            numbers = self.items_at(self.state(sequence[1:])) if score > _IMPOSSIBLE else []
            found[user] += [(-score, number) for number in numbers if number not in skipped[user]]
        return [[(self.items[number], -score) for score, number in sorted(items)[:k]] for items in found]


class NextTokens:
    """How probable the tokens are that continue prefixes, as the run computes it.

    Args:
        ids: the catalogue.
        histories: items of each history.
        exclude: items not to recommend, for each history.
    """

    def __init__(self, ids: SemanticIds, histories: Sequence[Sequence[str]], exclude: Sequence[Iterable[str]]) -> None:
        self._excluded, self._softmax = Excluded(ids, exclude), ids.softmax
        if not self._softmax:
            return
        items, lengths = ids.batch(histories)
        self._ages = np.maximum(lengths[:, None] - 1 - np.arange(items.shape[1]), 0)
        valid = np.arange(items.shape[1]) < lengths[:, None]
        # The states on the way to each history item's Semantic ID, [B, T, S]; two paths meet only where prefixes do.
        paths = {number: ids.path(ids.item_tokens[number]) for number in np.unique(items).tolist()}
        self._paths = np.array([[paths[number] for number in row] for row in items.tolist()])
        self._paths[~valid] = -1
        last = self._paths[..., -1]
        earlier = (last[:, :, None] == last[:, None]) & np.tri(items.shape[1], k=-1, dtype=bool)
        self._first = ~earlier.any(-1)

    def log_probabilities(
        self, scores: NDArray, level: int, rows: NDArray, children: NDArray, exists: NDArray
    ) -> NDArray:
        """Return log-probabilities [..., M], −inf for tokens that lead to no item.

        Args:
            scores: [..., M], log-probabilities of the children's tokens among all of their level.
            level: of these tokens, from 0.
            rows: [..., 1], the history of each prefix.
            children, exists: of :meth:`SemanticIds.children`.
        """
        if self._softmax and exists.any():
            scores = np.maximum(scores.astype(np.float64), _LEAST)  # prefixes without a child: no −inf minus −inf
            scores = self._normalised(scores, level, rows, children, exists)
        return np.where(exists & (self._excluded.left(rows, children) > 0), scores, -np.inf)

    def _normalised(self, scores: NDArray, level: int, rows: NDArray, children: NDArray, exists: NDArray) -> NDArray:
        trained = exists & (self._softmax["trained_leaves"][children] > 0)
        weights = self._softmax["continued"]
        if weights.size:
            row = rows[..., 0]
            agree = self._paths[row, :, level][..., None, :] == children[..., None]  # [..., M, T]
            of_age = weights[level][np.minimum(self._ages, weights.shape[1] - 1)][row]
            scores = scores + (agree * of_age[..., None, :]).sum(-1)
            seen = (agree & self._first[row][..., None, :]).sum(-1)
            scores = scores + self._softmax["seen"] * (seen >= self._softmax["leaves"][children])
        return np.where(trained, scores - _log_sum(scores, trained), scores - _log_sum(scores, exists))


def _log_sum(scores: NDArray, chosen: NDArray) -> NDArray:
    """Return the logarithm of the summed exponentials of the chosen scores [..., M], [..., 1]."""
    some = np.where(chosen, scores, _LEAST)
    highest = some.max(-1, keepdims=True)
    return highest + np.log(np.exp(some - highest).sum(-1, keepdims=True))


class Excluded:
    """Counts the items left below each state after each history's exclusions.

    Args:
        ids: the catalogue.
        items: items not to recommend, for each history.
    """

    def __init__(self, ids: SemanticIds, items: Sequence[Iterable[str]]) -> None:
        self._below = ids.tree["items_below"]
        rows: list[int] = []
        numbers: list[int] = []
        for row, some in enumerate(items):
            known = set(ids.known(some))
            rows += [row] * len(known)
            numbers += known
        leaf = np.full(len(ids.items), -1)
        counts = np.diff(ids.tree["leaf_pointers"])
        leaf[ids.tree["leaf_items"]] = ids.first_leaf + np.repeat(np.arange(len(counts)), counts)
        state, row_of = leaf[np.array(numbers, dtype=np.int64)], np.array(rows, dtype=np.int64)
        row_of, state = row_of[state >= 0], state[state >= 0]
        keys = []
        for _ in range(ids.about["levels"] + 1):
            keys.append(row_of * len(self._below) + state)
            state = np.searchsorted(ids.tree["row_pointers"], state - 1, side="right") - 1
        self._keys, self._counts = np.unique(np.concatenate(keys), return_counts=True)

    def left(self, rows: Any, states: NDArray) -> NDArray:
        """Return the number of items left below ``states`` [...] for the histories ``rows``, broadcastable to them."""
        if not len(self._keys):
            return self._below[states]
        key = rows * len(self._below) + states
        place = np.minimum(np.searchsorted(self._keys, key), len(self._keys) - 1)
        return self._below[states] - np.where(self._keys[place] == key, self._counts[place], 0)
