"""A finished run at work: item tokens in, recommended items out. Neither RecBole nor the dataset is needed."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from numpy.typing import ArrayLike
from torch import Tensor
from tqdm import tqdm

from recbole_adasid.artefacts import RunFolder
from recbole_adasid.host.model_file import SavedModel, read_model
from recbole_adasid.intake import Intake, Table
from recbole_adasid.inventory import Arrival, Departure, Inventory
from recbole_adasid.item_labels import ItemLabel, read_labels
from recbole_adasid.model.catalogue import Catalogue
from recbole_adasid.model.interleave import interleave
from recbole_adasid.model.network import NETWORK_SETTINGS, TIGERNetwork
from recbole_adasid.model.prefix_tree import PrefixTree
from recbole_adasid.model.tiger import TIGERModel
from recbole_adasid.run_items import items_of
from recbole_adasid.storage import below, check_fit

logger = logging.getLogger(__name__)

HISTORIES_AT_ONCE = 512


class Recommendation(NamedTuple):
    """A recommended item."""

    item: str
    score: float
    """Log-probability of the item's Semantic ID after the history."""
    title: str = ""
    category: str = ""


class _Search(NamedTuple):
    """What a recommendation is searched with."""

    k: int
    exclude_seen: bool
    trees: Sequence[PrefixTree | None]
    new_share: float


class Recommender:
    """A trained TIGER and the tokens of its items.

    Args:
        model: in evaluation mode.
        tokens: of the N items, in the order of the model's catalogue.
        max_history: items of a history that the model reads, the last ones.
        beam_size: prefixes that the search keeps.
        inventory: the items; None: those of the model, without titles and unchangeable.
    """

    def __init__(
        self,
        model: TIGERModel,
        tokens: Sequence[str],
        *,
        max_history: int,
        beam_size: int,
        inventory: Inventory | None = None,
    ) -> None:
        self.model, self.max_history, self.beam_size = model, max_history, beam_size
        self._inventory = inventory or Inventory(model.catalogue, tokens, labels={})
        self.model.catalogue = self._inventory.catalogue

    @property
    def tokens(self) -> list[str]:
        """Tokens of all items there are and were, in the order of the catalogue."""
        return self._inventory.tokens

    @property
    def labels(self) -> Mapping[str, ItemLabel]:
        """Titles and categories by item token, as far as they are known."""
        return self._inventory.labels

    @classmethod
    def load(cls, run_folder: str | Path, *, device: str = "cpu", trusted: bool = False) -> Recommender:
        """Return the recommender of a finished run's folder.

        Args:
            run_folder: of the run.
            device: of torch.
            trusted: the run is your own: for new items, models of texts and images may be downloaded or loaded from the
                folders that its settings name, and images be fetched.

        Raises:
            FileNotFoundError: if the folder lacks the model or the Semantic IDs.
            DamagedFile: if one of them is damaged, or they are of different runs.
            ValueError: if the model needs to know the user (`n_user_tokens`).
        """
        folder = RunFolder.existing(run_folder)
        saved = read_model(folder.model_path, trusted=trusted)
        settings = saved.about["config"]["settings"]
        if settings["n_user_tokens"]:
            raise ValueError(f"{saved.path} reads a user beside the history: train with n_user_tokens=0 to recommend")
        tokens = items_of(folder, saved)
        model = _model(saved, settings).to(device).eval()
        inventory = Inventory(
            model.catalogue,
            tokens,
            labels=read_labels(folder.labels_path, tokens),
            folder=folder,
            intake=Intake(folder, settings, trusted=trusted),
            digest=saved.about["data"]["digest"],
        )
        lengths = {"max_history": settings["MAX_ITEM_LIST_LENGTH"], "beam_size": settings["beam_size"]}
        return cls(model, tokens, **lengths, inventory=inventory)

    @property
    def n_recommended(self) -> int:
        """How many items may be recommended."""
        return int(self._inventory.recommended.sum())

    def recommend(
        self,
        history: Sequence[str],
        k: int = 10,
        *,
        exclude_seen: bool = True,
        allow: Iterable[str] | None = None,
        deny: Iterable[str] = (),
        category: str | None = None,
        new_share: float = 0.0,
    ) -> list[Recommendation]:
        """Return the ``k`` best items after a history of item tokens, oldest first; see :meth:`recommend_many`.

        Raises:
            ValueError: if no item of the history is known.
        """
        if not any(token in self._inventory.numbers for token in history):
            raise ValueError(
                f"no item of the history {list(history)[:5]} is in the catalogue: give tokens of its items"
            )
        filters: dict[str, Any] = {"allow": allow, "deny": deny, "category": category, "new_share": new_share}
        return self.recommend_many([history], k, exclude_seen=exclude_seen, **filters)[0]

    def recommend_many(
        self,
        histories: Sequence[Sequence[str]],
        k: int = 10,
        *,
        exclude_seen: bool = True,
        allow: Iterable[str] | None = None,
        deny: Iterable[str] = (),
        category: str | None = None,
        new_share: float = 0.0,
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
            category: recommend only items whose category has it as whole words, whatever the case: of
                `Home > Kitchen > Tea` that is Home, or kitchen, or Kitchen > Tea.
            new_share: share of the places for items that were added after training, which seldom get one otherwise;
                see :func:`~recbole_adasid.model.interleave.interleave`. 0: they compete with all.
            progress: show a progress bar.

        Raises:
            ValueError: for k below 1, a share that is none, or filters that name unknown items or leave none.
        """
        if k < 1:
            raise ValueError(f"k is {k}: ask for 1 item or more")
        if not 0 <= new_share <= 1:
            raise ValueError(f"new_share is {new_share}: it has to be from 0 to 1")
        search = _Search(k, exclude_seen, self._trees(self._chosen(allow, deny, category), new_share), new_share)
        known = [
            [self._inventory.numbers[token] for token in history if token in self._inventory.numbers]
            for history in histories
        ]
        self._report_unknown(histories, known)
        rows = [row for row, history in enumerate(known) if history]
        found: list[list[Recommendation]] = [[] for _ in histories]
        for start in tqdm(range(0, len(rows), HISTORIES_AT_ONCE), "recommend", disable=not progress):
            chosen = rows[start : start + HISTORIES_AT_ONCE]
            for row, items in zip(chosen, self._batch([known[row] for row in chosen], search)):
                found[row] = items
        return found

    def _batch(self, histories: list[list[int]], search: _Search) -> list[list[Recommendation]]:
        device = self.model.catalogue.tokens.device
        read = [history[-self.max_history :] for history in histories]
        find = partial(
            self.model.recommend,
            _padded(read).to(device),
            torch.tensor([len(history) for history in read], device=device),
            k=search.k,
            beam_size=max(self.beam_size, search.k),
            excluded=_padded(histories).to(device) if search.exclude_seen else None,
        )
        found = [find(tree=tree) for tree in search.trees]
        items, scores = found[0] if len(found) == 1 else interleave(found[0], found[1], search.new_share)
        return [
            [self._recommendation(item, score) for item, score in zip(*row) if item]
            for row in zip(items.tolist(), scores.tolist())
        ]

    def _recommendation(self, item: int, score: float) -> Recommendation:
        token = self.tokens[item - 1]
        return Recommendation(token, score, *self.labels.get(token, ItemLabel()))

    def _trees(self, chosen: Tensor | None, new_share: float) -> list[PrefixTree | None]:
        """Return the prefix trees to search: one, None for that of all, or those of old and of new items."""
        if new_share and (by_age := self._inventory.trees_by_age(chosen)):
            return [*by_age]
        return [None if chosen is None else self.model.catalogue.tree_of(chosen.nonzero().squeeze(1))]

    def _chosen(self, allow: Iterable[str] | None, deny: Iterable[str], category: str | None) -> Tensor | None:
        """Return which items may be recommended, bool [N + 1], None for all."""
        denied = self._numbers(deny, "deny")
        if allow is None and category is None and not denied:
            return None
        chosen = self._inventory.recommended.clone()
        if allow is not None:
            chosen &= self._mask(self._numbers(allow, "allow"))
        if category is not None:
            chosen &= self._mask(self._of_category(category))
        chosen &= ~self._mask(denied)
        if not chosen.any():
            raise ValueError("allow, deny and category leave no item to recommend: loosen them")
        return chosen

    def _mask(self, numbers: set[int]) -> Tensor:
        """Return bool [N + 1], true for the items of these numbers."""
        mask = torch.zeros(len(self.tokens) + 1, dtype=torch.bool)
        mask[list(numbers)] = True
        return mask

    def _of_category(self, category: str) -> set[int]:
        wanted = re.compile(rf"(?<!\w){re.escape(category.strip())}(?!\w)", re.IGNORECASE)
        found = {
            self._inventory.numbers[token] for token, label in self.labels.items() if wanted.search(label.category)
        }
        if not category.strip() or not found:
            known = list(dict.fromkeys(label.category for label in self.labels.values() if label.category))
            raise ValueError(
                f"no item has the category {category!r}"
                + (f"; the items have for example {', '.join(known[:5])}" if known else ": the run knows none")
            )
        return found

    def _numbers(self, tokens: Iterable[str], what: str) -> set[int]:
        tokens = list(tokens)
        unknown = [token for token in tokens if token not in self._inventory.numbers]
        if unknown:
            raise ValueError(
                f"{what} names {len(unknown)} unknown items, first {unknown[0]!r}: give tokens of the catalogue"
            )
        return {self._inventory.numbers[token] for token in tokens}

    def add_items(
        self,
        tokens: Sequence[str],
        *,
        features: ArrayLike | None = None,
        table: Table | None = None,
        labels: Sequence[ItemLabel] | None = None,
        bad_items: str = "refuse",
    ) -> Arrival:
        """Give Semantic IDs to items that the model was not trained with; they can be recommended at once.

        Codebooks, network and the Semantic IDs of all other items stay as they are; see
        :func:`~recbole_adasid.placement.place`. Items that are in the catalogue keep theirs, so that the same call may
        come twice; items that were removed come back with the Semantic ID that they had. Call :meth:`save` to keep the
        change.

        Args:
            tokens: of the A items.
            features: float [A, d], vectors of the kind that the tokenizer was trained on.
            table: or else columns like those of the run's `.item` file, from which the run's encoders make vectors.
            labels: titles and categories [A]; by default they come from the table.
            bad_items: ``refuse`` changes nothing if an item cannot be added, ``skip`` adds the others and tells.

        Raises:
            ValueError: if features or table do not fit, or an item cannot be added: it has no content, features that
                are not finite, or no place, or stands twice. Nothing is changed then.
        """
        given: dict[str, Any] = {"features": features, "table": table, "labels": labels}
        arrival = self._inventory.add(tokens, **given, bad_items=bad_items)
        self.model.catalogue = self._inventory.catalogue
        return arrival

    def remove_items(self, tokens: Iterable[str], *, bad_items: str = "refuse") -> Departure:
        """Stop recommending items; histories may still name them. Call :meth:`save` to keep the change.

        Args:
            tokens: of the items; those that were removed before stay so.
            bad_items: ``refuse`` changes nothing if an item is unknown, ``skip`` removes the others and tells.

        Raises:
            ValueError: if an item is not in the catalogue, or none would be left.
        """
        departure = self._inventory.remove(tokens, bad_items=bad_items)
        self.model.catalogue = self._inventory.catalogue
        return departure

    def semantic_ids(self, tokens: Iterable[str]) -> list[list[int]]:
        """Return codes and suffix of items, counted from 0 on every level.

        Raises:
            ValueError: for an unknown item.
        """
        names = list(tokens)
        self._numbers(names, "the question")
        return self._inventory.semantic_ids(names)

    def save(self) -> Path:
        """Keep the items that came and went, in a file in the run's folder that :meth:`load` reads; return its path.

        What came and went is also added, a line an action, to new-items.jsonl beside it.

        Raises:
            ValueError: if the recommender is of no run.
            CannotWrite: if the disk takes no more.
        """
        return self._inventory.save()

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
