"""From the features or texts of new items to Semantic IDs, with what a finished run left behind.

Letters: A new items, N items of the catalogue, L levels, S codes and suffix, K codewords of the last level.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from recbole_adasid.artefacts import RunFolder
from recbole_adasid.cache import StageCache
from recbole_adasid.data.text import ITEM_COLUMN
from recbole_adasid.item_features import item_features, read_fitted
from recbole_adasid.item_labels import ItemLabel, labels_of
from recbole_adasid.model.catalogue import Catalogue
from recbole_adasid.placement import NoPlace, Placement, place
from recbole_adasid.tokenizer.base import ItemTokenizer
from recbole_adasid.tokenizer.saved import load_tokenizer

Table = Mapping[str, Sequence[str]]
"""Columns of an `.item` file by name, without their types, every cell a text."""
_ITEMS_AT_ONCE = 256


class Arrival(NamedTuple):
    """New items and the Semantic IDs that they got."""

    items: list[str]
    semantic_ids: list[list[int]]
    """Codes and suffix of each."""
    moved: list[str]
    """Those whose last code is not their nearest, because no suffix was left there."""


@dataclass(frozen=True)
class NewItems:
    """New items as the item features ask for them; see :class:`~recbole_adasid.item_features.ItemContents`."""

    tokens: list[str]
    table: Table
    folder: Path

    def item_tokens(self) -> list[str]:
        """Return the A item tokens."""
        return self.tokens

    def item_table(self) -> dict[str, list[str]] | None:
        """Return the columns of the new items."""
        return {name: list(column) for name, column in self.table.items()}

    def dataset_path(self) -> Path:
        """Return the folder that relative paths of vectors and images start from: the dataset's."""
        return self.folder


class Intake:
    """Tokenizer and encoders of a run, read when they are first needed.

    Args:
        folder: of the run.
        settings: of the run.
    """

    def __init__(self, folder: RunFolder, settings: Mapping[str, Any]) -> None:
        self.folder, self.settings = folder, settings

    @cached_property
    def tokenizer(self) -> ItemTokenizer:
        """The run's tokenizer, its codebooks frozen.

        Raises:
            FileNotFoundError: if the run trained none.
            DamagedFile: if it was damaged.
        """
        return load_tokenizer(self.folder.tokenizer_path)[0]

    def place(
        self,
        names: Sequence[str],
        rows: Sequence[int],
        catalogue: Catalogue,
        features: ArrayLike | None,
        table: Table | None,
    ) -> tuple[Placement, list[ItemLabel]]:
        """Return where new items go beside those of a catalogue, and their labels.

        Args:
            names: tokens of the A items.
            rows: where they stand in ``features`` and ``labels``, which may hold others too.
            catalogue: of all items there are and were.
            features: vectors of the kind the tokenizer was trained on, or
            table: columns from which the run's encoders make them.

        Raises:
            ValueError: if they do not fit, or a Semantic ID has no place left; it names the item.
        """
        present = catalogue.tokens[1:].cpu()
        if not names:
            return Placement(present[:0], present.new_empty(0)), []
        values = self._features(names, rows, features, table)
        codes = torch.cat([self.tokenizer.encode(part) for part in values.split(65_536)])
        suffixes = catalogue.level_sizes[-1] if catalogue.collision == "suffix" else None
        try:
            placed = place(codes, present, suffixes, lambda chosen: self._last_codes(values[chosen], codes[chosen]))
        except NoPlace as error:
            raise ValueError(
                f"the item {names[error.row]!r} finds no place: {error}. Train again with the new items, or with a "
                "larger codebook_size"
            ) from None
        return placed, self._labels(names, table)

    def _features(
        self, names: Sequence[str], rows: Sequence[int], features: ArrayLike | None, table: Table | None
    ) -> Tensor:
        if features is not None:
            values = np.asarray(features, dtype=np.float32)
            if values.ndim != 2 or values.shape[1] != self.tokenizer.width or len(values) <= max(rows):
                raise ValueError(
                    f"the features have the shape {list(values.shape)} for {len(names)} new items: the tokenizer reads "
                    f"one row an item of {self.tokenizer.width} columns"
                )
            values = values[list(rows)]
        else:
            values = self._encoded(names, table).astype(np.float32)
        wrong = np.flatnonzero(~np.isfinite(values).all(axis=1))
        if len(wrong):
            raise ValueError(f"the features of the item {names[wrong[0]]!r} are not finite: repair them")
        return torch.from_numpy(np.ascontiguousarray(values))

    def _encoded(self, names: Sequence[str], table: Table | None) -> NDArray[np.float32]:
        fitted = read_fitted(self.folder.fitted_path)
        contents = NewItems(list(names), table or {ITEM_COLUMN: list(names)}, Path(self.settings["data_path"]))
        return item_features(self.settings, contents, StageCache(None), fitted=fitted).values

    def _last_codes(self, features: Tensor, codes: Tensor) -> Tensor:
        """Return the last codes [A, K] by the distance of what they make of an item to the item, nearest first."""
        size = self.tokenizer.codebook_sizes[-1]
        ranked = []
        for values, own in zip(features.split(_ITEMS_AT_ONCE), codes.split(_ITEMS_AT_ONCE)):
            options = own.repeat_interleave(size, dim=0)
            options[:, -1] = torch.arange(size).repeat(len(own))
            latent = self.tokenizer.latent(values).repeat_interleave(size, dim=0)
            distance = (self.tokenizer.quantized(options) - latent).square().sum(dim=1).view(len(own), size)
            ranked.append(distance.argsort(dim=1, stable=True))
        return torch.cat(ranked)

    def _labels(self, names: Sequence[str], table: Table | None) -> list[ItemLabel]:
        fields = {key: self.settings[key] for key in ("title_field", "category_field")}
        return labels_of(table, names, **fields)
