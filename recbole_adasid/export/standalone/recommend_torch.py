"""Recommend with torch alone from an exported folder: python recommend.py ITEM ITEM ...

Needs NumPy and torch. Give the history's items oldest first.

Letters: B histories, W beams of P tokens, S tokens of an item, V tokens, M children, N items.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from semantic_ids import NextTokens, SemanticIds
from torch import Tensor

FOLDER = Path(__file__).resolve().parent


class Recommender:
    """The programs of an exported folder, and its items.

    Args:
        folder: exported folder.
    """

    def __init__(self, folder: str | Path = FOLDER) -> None:
        self.folder, self.ids = Path(folder), SemanticIds(folder)
        self._programs: dict[str, Callable[..., Any]] = {}

    def recommend(
        self,
        histories: Sequence[Sequence[str]],
        k: int = 10,
        *,
        beam_size: int | None = None,
        exclude_seen: bool = True,
        retrieval: str | None = None,
    ) -> list[list[tuple[str, float]]]:
        """Return the ``k`` best items after each history, and their log-probabilities or dense scores.

        Args:
            histories: items, oldest first; unknown ones are skipped.
            k: items to return.
            beam_size: prefixes kept by the search.
            exclude_seen: leave out the items of the history.
            retrieval: dense (LIGER) or generative; None: the run's.

        Raises:
            ValueError: for an unknown retrieval, or one that the folder has no programs for.
        """
        retrieval = retrieval or self.ids.about["retrieval"]
        if retrieval not in self.ids.about["retrievals"]:
            raise ValueError(
                f"retrieval is {retrieval!r}, but this folder has {', '.join(self.ids.about['retrievals'])}"
            )
        if not histories:
            return []
        items, lengths = (torch.from_numpy(array) for array in self.ids.batch(histories))
        exclude = histories if exclude_seen else [[] for _ in histories]
        with torch.no_grad():
            if retrieval == "dense":
                return self._dense(items, lengths, exclude, k)
            width = max(k, beam_size or self.ids.about["beam_size"])
            sequences, scores = self._beam_search(items, lengths, NextTokens(self.ids, histories, exclude), width)
        return self.ids.ranked(sequences, scores, n_histories=len(histories), k=k, exclude=exclude)

    def program(self, name: str) -> Callable[..., Any]:
        """Return the program in NAME.pt2."""
        if name not in self._programs:
            self._programs[name] = torch.export.load(self.folder / f"{name}.pt2").module()
        return self._programs[name]

    def _beam_search(self, items: Tensor, lengths: Tensor, choices: NextTokens, width: int) -> tuple[Tensor, Tensor]:
        """Return the best W sequences [B · W, 1 + S] under the tree and their log-probabilities [B · W]."""
        memory, step = self.program("encoder")(items, lengths), self.program("step")
        rows = np.arange(len(items))[:, None]
        prefixes, scores = torch.zeros(len(items), 1, 1, dtype=torch.int64), torch.zeros(len(items), 1)
        states = np.zeros((len(items), 1), dtype=np.int64)
        for level in range(self.ids.about["levels"]):
            children, tokens, exists = self.ids.children(states)
            token = torch.from_numpy(tokens)
            found = step(prefixes, *memory).gather(2, token).numpy()
            found = choices.log_probabilities(found, level, rows[..., None], children, exists)
            found = (torch.from_numpy(found).float() + scores[..., None]).flatten(1)
            scores, best = found.topk(min(width, found.shape[1]))
            parents = prefixes.gather(1, (best // token.shape[2])[..., None].expand(-1, -1, prefixes.shape[2]))
            prefixes = torch.cat([parents, token.flatten(1).gather(1, best)[..., None]], dim=2)
            states = np.where(np.isfinite(scores), children.reshape(len(items), -1)[rows, best.numpy()], -1)
        return prefixes.flatten(0, 1), scores.flatten()

    def _dense(
        self, items: Tensor, lengths: Tensor, exclude: Sequence[Sequence[str]], k: int
    ) -> list[list[tuple[str, float]]]:
        """Return the best items by the dot product of user vector and item keys, and the items' biases."""
        keys, biases = (
            torch.from_numpy(np.load(self.folder / f"item_{name}.npy", allow_pickle=False))
            for name in ("keys", "biases")
        )
        scores = self.program("user")(items, lengths) @ keys.t() + biases
        seen = torch.zeros_like(scores, dtype=torch.bool).scatter(1, items, True)
        scores = scores + seen * self.ids.about["repeat_bias"]
        allowed = torch.zeros_like(seen)
        allowed[:, torch.from_numpy(self.ids.tree["leaf_items"])] = True
        for row, some in enumerate(exclude):
            allowed[row, self.ids.known(some)] = False
        best = scores.masked_fill(~allowed, -torch.inf).sort(dim=1, descending=True, stable=True)
        return [
            [(self.ids.items[number], score) for number, score in zip(*row) if score > -torch.inf]
            for row in zip(best.indices[:, :k].tolist(), best.values[:, :k].tolist())
        ]


if __name__ == "__main__":
    try:
        (best,) = Recommender().recommend([sys.argv[1:]])
    except ValueError as error:
        sys.exit(f"error: {error}")
    for item, score in best:
        print(f"{item}\t{score:.4f}")
