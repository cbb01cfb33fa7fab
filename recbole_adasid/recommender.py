"""A finished run at work: item tokens in, recommended items out. Neither RecBole nor the dataset is needed."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from tqdm import tqdm

from recbole_adasid.artefacts import RunFolder, read_json
from recbole_adasid.host.model_file import SavedModel, read_model, tokens_digest
from recbole_adasid.model.catalogue import Catalogue
from recbole_adasid.model.network import NETWORK_SETTINGS, TIGERNetwork
from recbole_adasid.model.prefix_tree import PrefixTree
from recbole_adasid.model.tiger import TIGERModel
from recbole_adasid.storage import MismatchedFile, below, check_fit

logger = logging.getLogger(__name__)

HISTORIES_AT_ONCE = 512


class Recommendation(NamedTuple):
    """A recommended item."""

    item: str
    score: float
    """Log-probability of the item's Semantic ID after the history."""


class Recommender:
    """A trained TIGER and the tokens of its items.

    Args:
        model: in evaluation mode.
        tokens: of the N items, in the order of the catalogue.
        max_history: items of a history that the model reads, the last ones.
        beam_size: prefixes that the search keeps.
    """

    def __init__(self, model: TIGERModel, tokens: Sequence[str], *, max_history: int, beam_size: int) -> None:
        self.model, self.tokens = model, list(tokens)
        self.max_history, self.beam_size = max_history, beam_size
        self._ids = {token: number for number, token in enumerate(self.tokens, start=1)}

    @classmethod
    def load(cls, run_folder: str | Path, *, device: str = "cpu") -> Recommender:
        """Return the recommender of a finished run's folder.

        Raises:
            FileNotFoundError: if the folder lacks the model or the Semantic IDs.
            DamagedFile: if one of them is damaged, or they are of different runs.
            ValueError: if the model needs to know the user (`n_user_tokens`).
        """
        folder = RunFolder.existing(run_folder)
        saved = read_model(folder.model_path)
        settings = saved.about["config"]["settings"]
        if settings["n_user_tokens"]:
            raise ValueError(f"{saved.path} reads a user beside the history: train with n_user_tokens=0 to recommend")
        tokens = list(read_json(folder.sids_path))
        if tokens_digest([tokens]) != saved.about["data"]["digest"]:
            raise MismatchedFile(f"{folder.sids_path} lists other items than {saved.path}: bring back the run's own")
        model = _model(saved, settings).to(device).eval()
        max_history = settings["MAX_ITEM_LIST_LENGTH"]
        return cls(model, tokens, max_history=max_history, beam_size=settings["beam_size"])

    def recommend(
        self,
        history: Sequence[str],
        k: int = 10,
        *,
        exclude_seen: bool = True,
        allow: Iterable[str] | None = None,
        deny: Iterable[str] = (),
    ) -> list[Recommendation]:
        """Return the ``k`` best items after a history of item tokens, oldest first; see :meth:`recommend_many`.

        Raises:
            ValueError: if no item of the history is known.
        """
        if not any(token in self._ids for token in history):
            raise ValueError(
                f"no item of the history {list(history)[:5]} is in the catalogue: give tokens of its items"
            )
        return self.recommend_many([history], k, exclude_seen=exclude_seen, allow=allow, deny=deny)[0]

    def recommend_many(
        self,
        histories: Sequence[Sequence[str]],
        k: int = 10,
        *,
        exclude_seen: bool = True,
        allow: Iterable[str] | None = None,
        deny: Iterable[str] = (),
        progress: bool = False,
    ) -> list[list[Recommendation]]:
        """Return up to ``k`` best items, best first, after each history of item tokens, oldest first.

        Unknown items of a history are skipped, with one warning for all; a history without a known one gets none.

        Args:
            histories: of any number and length; the model reads the last ``max_history`` known items of each.
            k: items for each.
            exclude_seen: leave out all items of the history, also those too old to be read.
            allow: recommend only these. Filters act inside the search: no beam is spent on what they rule out.
            deny: never recommend these.
            progress: show a progress bar.

        Raises:
            ValueError: for k below 1, or filters that name unknown items or leave none.
        """
        if k < 1:
            raise ValueError(f"k is {k}: ask for 1 item or more")
        tree = self._tree(allow, deny)
        known = [[self._ids[token] for token in history if token in self._ids] for history in histories]
        self._report_unknown(histories, known)
        rows = [row for row, history in enumerate(known) if history]
        found: list[list[Recommendation]] = [[] for _ in histories]
        for start in tqdm(range(0, len(rows), HISTORIES_AT_ONCE), "recommend", disable=not progress):
            chosen = rows[start : start + HISTORIES_AT_ONCE]
            for row, items in zip(chosen, self._batch([known[row] for row in chosen], k, tree, exclude_seen)):
                found[row] = items
        return found

    def _batch(
        self, histories: list[list[int]], k: int, tree: PrefixTree | None, exclude_seen: bool
    ) -> list[list[Recommendation]]:
        device = self.model.catalogue.tokens.device
        read = [history[-self.max_history :] for history in histories]
        lengths = torch.tensor([len(history) for history in read], device=device)
        items, scores = self.model.recommend(
            _padded(read).to(device),
            lengths,
            k=k,
            beam_size=max(self.beam_size, k),
            tree=tree,
            excluded=_padded(histories).to(device) if exclude_seen else None,
        )
        return [
            [Recommendation(self.tokens[item - 1], score) for item, score in zip(*row) if item]
            for row in zip(items.tolist(), scores.tolist())
        ]

    def _tree(self, allow: Iterable[str] | None, deny: Iterable[str]) -> PrefixTree | None:
        """Return the prefix tree of the items that may be recommended, None for that of all."""
        denied = self._numbers(deny, "deny")
        if allow is None and not denied:
            return None
        allowed = set(self._ids.values()) if allow is None else self._numbers(allow, "allow")
        if not allowed - denied:
            raise ValueError("allow and deny leave no item to recommend: loosen them")
        catalogue = self.model.catalogue
        items = torch.tensor(sorted(allowed - denied), device=catalogue.tokens.device)
        return PrefixTree(catalogue(items), catalogue.level_sizes, items)

    def _numbers(self, tokens: Iterable[str], what: str) -> set[int]:
        tokens = list(tokens)
        unknown = [token for token in tokens if token not in self._ids]
        if unknown:
            raise ValueError(
                f"{what} names {len(unknown)} unknown items, first {unknown[0]!r}: give tokens of the catalogue"
            )
        return {self._ids[token] for token in tokens}

    @staticmethod
    def _report_unknown(histories: Sequence[Sequence[str]], known: Sequence[Collection[int]]) -> None:
        missing = sum(map(len, histories)) - sum(map(len, known))
        empty = sum(not history for history in known)
        if missing or empty:
            logger.warning(
                "%d items of the histories are not in the catalogue and are skipped; %d histories of %d have no known "
                "item and get no recommendation.",
                *(missing, empty, len(histories)),
            )


def _model(saved: SavedModel, settings: dict[str, Any]) -> TIGERModel:
    sizes = saved.about["sid_level_sizes"]
    catalogue = Catalogue.empty(saved.about["data"]["items"], sizes, settings["collision"])
    network = TIGERNetwork(level_sizes=sizes, **{key: settings[key] for key in NETWORK_SETTINGS})
    model = TIGERModel(network=network, catalogue=catalogue)
    weights = {name.removeprefix("tiger."): value for name, value in below("model", saved.tensors).items()}
    check_fit(saved.path, weights, model.state_dict())
    model.load_state_dict(weights)
    return model


def _padded(histories: Sequence[Sequence[int]]) -> Tensor:
    """Return item ids int64 [B, T], padded on the right with 0."""
    return torch.nn.utils.rnn.pad_sequence([torch.tensor(history) for history in histories], batch_first=True)
