"""From the features or texts of new items to Semantic IDs, with the tokenizer and encoders of a finished run.

Letters: A new items, N items of the catalogue, L levels, S codes and suffix, K codewords of the last level.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from recbole_adasid.data.item_labels import ItemLabel, labels_of
from recbole_adasid.data.item_table import ITEM_COLUMN, rows_of_items
from recbole_adasid.features.fitted_state import read_fitted
from recbole_adasid.features.item_features import item_features
from recbole_adasid.features.vectors import LARGEST, NoFeatures, usable
from recbole_adasid.io.stage_cache import StageCache
from recbole_adasid.io.tensor_file import DamagedFile
from recbole_adasid.learning.placement import Placement, place, ranked_last_codes
from recbole_adasid.model.catalogue import Catalogue
from recbole_adasid.run_folder.folder import RunFolder
from recbole_adasid.run_folder.run_items import check_free, read_reserved
from recbole_adasid.serving.new_item_table import Table, first_rows, own_columns, with_absent_columns
from recbole_adasid.settings.harmless import nothing_fetched
from recbole_adasid.tokenizer.base import ItemTokenizer
from recbole_adasid.tokenizer.saved import load_tokenizer

_NO_PLACE = (
    "every Semantic ID with its prefix has as many items as the model can distinguish; retrain with the new items or "
    "with a larger codebook_size"
)
_NO_NUMBERS = f"its features are missing, not finite or beyond {LARGEST:g}"
_NO_CONTENT = "it has no text, vector or image to make its features from"
_NO_ROW = "the table of new items has no row for it"


class Settled(NamedTuple):
    """Semantic IDs of new items, or why they have none."""

    tokens: Tensor
    """int64 [A, S]; undefined for refused items."""
    moved: Tensor
    """int64, rows whose last code is not their nearest, because no suffix was free there."""
    refused: dict[int, str]
    """Why items cannot be placed, by row."""
    features: Tensor
    """float32 [A, d], the features behind the Semantic IDs; undefined for refused items."""


@dataclass(frozen=True)
class NewItems:
    """Contents of new items, for their features; see :class:`~recbole_adasid.features.item_source.ItemContents`."""

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
        """Return the dataset's folder, the base of relative paths of vectors and images."""
        return self.folder


class NewItemEncoder:
    """Tokenizer and encoders of a run, loaded on first use.

    Args:
        folder: run folder.
        settings: its settings.
        trusted: the run is the user's own, so its settings may name files to download and folders to load from.
    """

    def __init__(self, folder: RunFolder, settings: Mapping[str, Any], *, trusted: bool = False) -> None:
        self.folder, self.settings, self.trusted = folder, settings, trusted
        self._kept: tuple[dict[str, int], Tensor] | None = None

    @cached_property
    def tokenizer(self) -> ItemTokenizer:
        """The run's tokenizer, with frozen codebooks.

        Raises:
            ValueError: if the run trained none.
            DamagedFile: if it is damaged.
        """
        try:
            return load_tokenizer(self.folder.tokenizer_path)[0]
        except FileNotFoundError as error:
            raise ValueError(f"{self.folder.path} cannot encode new items: {self._why_not(error)}") from None

    def _why_not(self, error: FileNotFoundError) -> str:
        if not self.settings.get("sids_file"):
            return f"{error}; restore the run's original tokenizer"
        return (
            "its Semantic IDs came from a bundle (sids_file) without the tokenizer and the state of its feature "
            "encoders, or made for other features than this run's. With this version, make a bundle of the run that "
            "learned the Semantic IDs, and train with it and that run's feature settings"
        )

    def place(
        self, names: Sequence[str], catalogue: Catalogue, features: NDArray[np.float32] | None, table: Table | None
    ) -> Settled:
        """Return the Semantic IDs of new items next to those of a catalogue.

        Args:
            names: tokens of the A items.
            catalogue: of all present and removed items.
            features: vectors [A, d] of the kind the tokenizer was trained on, or
            table: columns from which the run's encoders make them.

        Raises:
            ValueError: if the table does not fit.
        """
        present = catalogue.tokens[1:].cpu()
        refused: dict[int, str] = {}
        tokens = torch.zeros(len(names), present.shape[1], dtype=torch.int64)
        moved = tokens.new_empty(0)
        values = np.empty((0, 0), dtype=np.float32)
        if names:
            kept, kept_sids = self._reserved(catalogue)
            with self._nothing_lacking():
                values = self._encoded(names, table, refused) if features is None else features
            wrong = np.flatnonzero(~usable(values)).tolist()
            refused |= {row: _NO_NUMBERS for row in wrong if row not in refused}
            good = torch.tensor([row for row in range(len(names)) if row not in refused], dtype=torch.int64)
            back = torch.tensor([names[row] in kept for row in good.tolist()], dtype=torch.bool)
            returned = kept_sids[[kept[names[row]] for row in good[back].tolist()]]
            if self.settings["collision"] == "suffix":
                check_free(self.folder, returned.numpy(), present.numpy())
            tokens[good[back]] = returned
            good = good[~back]
            if len(good):
                taken = torch.cat([present, kept_sids]) if kept else present
                placed = self._placed(torch.from_numpy(values[good.numpy()]), taken, catalogue)
                tokens[good], moved = placed.tokens, good[placed.moved]
                refused |= dict.fromkeys(good[placed.unplaced].tolist(), _NO_PLACE)
        return Settled(tokens, moved, refused, torch.from_numpy(values))

    def check(self) -> None:
        """Check that the run can encode items.

        Raises:
            ValueError: if it has no tokenizer, saying why and what to do.
            DamagedFile: if its tokenizer is damaged.
        """
        self.tokenizer  # noqa: B018

    def _reserved(self, catalogue: Catalogue) -> tuple[dict[str, int], Tensor]:
        """Return the rows, by token, of Semantic IDs int64 [R, S] that are kept for items that may come back.

        Raises:
            DamagedFile: if their file is damaged, or does not fit the run.
        """
        if self._kept is None:
            tokens, codes = read_reserved(self.folder, (), catalogue.level_sizes)
            self._kept = {token: row for row, token in enumerate(tokens)}, torch.from_numpy(codes)
        return self._kept

    def columns(self, table: Any) -> dict[str, list[Any]]:
        """Return the columns of a table in memory, with each item's first row only and the cells of a file.

        Raises:
            ValueError: if there is no item column.
        """
        with self._nothing_lacking():
            return first_rows(table, own_columns(self.settings))

    def labels(self, names: Sequence[str], table: Table | None) -> list[ItemLabel]:
        """Return the labels of new items, from the columns of a table; empty without one."""
        with self._nothing_lacking():
            fields = {key: self.settings[key] for key in ("title_field", "category_field")}
        return labels_of(table, names, **fields)

    @contextmanager
    def _nothing_lacking(self) -> Iterator[None]:
        """Report settings, or files that the features need, missing from the run folder.

        Raises:
            DamagedFile: naming the missing part.
        """
        try:
            yield
        except KeyError as error:
            raise DamagedFile(
                f"the files of {self.folder.path} lack {error}, which new items need: restore the run's original files"
            ) from None

    def checked(self, features: ArrayLike, n_items: int) -> NDArray[np.float32]:
        """Return features [n_items, d] in the tokenizer's format.

        Raises:
            ValueError: if they have another shape.
        """
        values = np.ascontiguousarray(features, dtype=np.float32)
        if values.shape != (n_items, self.tokenizer.width):
            raise ValueError(
                f"the features have the shape {list(values.shape)} for {n_items} items: give one row per item with "
                f"{self.tokenizer.width} columns"
            )
        return values

    def _placed(self, values: Tensor, present: Tensor, catalogue: Catalogue) -> Placement:
        codes = torch.cat([self.tokenizer.encode(part) for part in values.split(65_536)])
        suffixes = catalogue.level_sizes[-1] if catalogue.collision == "suffix" else None
        return place(
            codes, present, suffixes, lambda rows: ranked_last_codes(self.tokenizer, values[rows], codes[rows])
        )

    def _encoded(self, names: Sequence[str], table: Table | None, refused: dict[int, str]) -> NDArray[np.float32]:
        """Return the vectors of items; those without content are refused, if the run is configured so, or all are."""
        fitted = read_fitted(self.folder.fitted_path)
        columns = {ITEM_COLUMN: list(names)} if table is None else rows_of_items(table, names)
        contents = NewItems(list(names), with_absent_columns(columns, self.settings), Path(self.settings["data_path"]))
        one_by_one = {**self.settings, "missing_modality": "allow"}
        allowed = self.settings["missing_modality"] == "allow"
        with nullcontext() if self.trusted else nothing_fetched():
            try:
                found = item_features(one_by_one, contents, StageCache(None), fitted=fitted, few=True, checked=False)
            except NoFeatures:  # of all items
                refused |= _lacking(range(len(names)), names, columns)
                return np.zeros((len(names), self.tokenizer.width), dtype=np.float32)
        present = found.some if allowed else found.present
        if present is not None:
            refused |= _lacking(np.flatnonzero(~present).tolist(), names, columns)
        return found.values.astype(np.float32)


def _lacking(rows: Iterable[int], names: Sequence[str], table: Table) -> dict[int, str]:
    """Return why items have no features, by row."""
    there = set(table[ITEM_COLUMN])
    return {row: _NO_CONTENT if names[row] in there else _NO_ROW for row in rows}
