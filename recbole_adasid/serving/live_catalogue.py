"""The items of a recommender: those of its run, plus items added and removed since.

Letters: N items of the run, A added items, S codes and suffix.
"""

from __future__ import annotations

import logging
from collections import ChainMap
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext, suppress
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from recbole_adasid.data.category_search import CategorySearch
from recbole_adasid.data.item_labels import ItemLabel
from recbole_adasid.io.atomic import CannotWrite, absent_lines, end_with, stamp_of
from recbole_adasid.io.locks import InUse
from recbole_adasid.io.tensor_file import DamagedFile
from recbole_adasid.model.catalogue import Catalogue
from recbole_adasid.run_folder.catalogue_log import (
    CatalogueChanges,
    check_changes,
    log_line,
    read_changes,
    write_changes,
)
from recbole_adasid.run_folder.folder import RunFolder, Stamps
from recbole_adasid.serving.catalogue_changes import Arrival, Departure
from recbole_adasid.serving.catalogue_trees import CatalogueTrees
from recbole_adasid.serving.new_item_encoder import NewItemEncoder, Settled
from recbole_adasid.serving.new_item_table import Table
from recbole_adasid.serving.refused_items import check_choice, first_of, none_or_twice, repeated, unwritable

logger = logging.getLogger(__name__)


class LiveCatalogue:
    """Items by token, and the catalogue that a model recommends from.

    Args:
        catalogue: the N items of the run.
        tokens: their tokens, in the same order.
        labels: known titles and categories.
        folder: run folder, which records later additions and removals; None: changes cannot be saved.
        run_stamps: the folder's `stamps` before the run was read; None: those of now.
        encoder: assigns Semantic IDs to new items; None: none can be added.
        digest: digest of the run's items, to which changes are bound.
        content_width: d, width of the features that the model reads in addition to Semantic IDs; 0: none.

    Raises:
        DamagedFile: if the folder's changes are damaged, or belong to other items.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        tokens: Sequence[str],
        *,
        labels: dict[str, ItemLabel],
        folder: RunFolder | None = None,
        run_stamps: Stamps | None = None,
        encoder: NewItemEncoder | None = None,
        digest: str = "",
        content_width: int = 0,
    ) -> None:
        self._of_run, self._tokens, self._labels = catalogue, list(tokens), labels
        self._numbers = {token: number for number, token in enumerate(self._tokens, start=1)}
        self.folder, self._encoder, self.digest = folder, encoder, digest
        self._categories_of_run = CategorySearch(labels.get(token, ItemLabel()).category for token in self._tokens)
        self._unsaved: list[str] = []
        self._content_width = content_width
        self.stamp: tuple[int, int, int] | None = None  # of the file of changes that was last read or saved
        self.run_stamps: Stamps = ()
        changes = CatalogueChanges(sids=catalogue.tokens[:0].cpu(), features=torch.empty(0, content_width))
        if folder is not None:
            self.stamp, self.run_stamps = stamp_of(folder.changes_path), run_stamps or folder.stamps()
            changes = read_changes(folder.changes_path, digest, catalogue.tokens.shape[1], content_width)
            self._check(changes, folder.changes_path)
        self._unlogged = list(changes.to_log)
        self._apply(changes)
        self._stored = changes

    @property
    def run_settings(self) -> Mapping[str, Any]:
        """Settings of the run; empty without a run."""
        return self._encoder.settings if self._encoder else {}

    @property
    def n_of_run(self) -> int:
        """N: items with higher numbers were added after the run."""
        return len(self._tokens)

    tokens: list[str]
    """Tokens of all present and removed items, in catalogue order."""
    numbers: Mapping[str, int]
    """Item numbers by token; 0 is padding."""
    labels: Mapping[str, ItemLabel]
    """Known titles and categories by token."""
    recommended: Tensor
    """bool [N + A + 1], true for items that may be recommended."""
    catalogue: Catalogue
    trees: CatalogueTrees
    """Prefix trees of items that may be recommended."""
    categories: tuple[CategorySearch, CategorySearch]
    """Categories of the run's N items, and of the A added ones."""

    def copy(self) -> LiveCatalogue:
        """Return a catalogue with the same items, which can be changed independently."""
        other = copy(self)  # changes replace the tables and never write to them, except to this one
        other._unsaved = list(self._unsaved)
        return other

    def add(
        self,
        tokens: Sequence[str],
        *,
        features: ArrayLike | None = None,
        table: Any = None,
        labels: Sequence[ItemLabel] | None = None,
        bad_items: str = "refuse",
    ) -> Arrival:
        """Give Semantic IDs to new items; see :meth:`~recbole_adasid.serving.recommender.Recommender.add_items`."""
        check_choice(bad_items)
        if self._encoder is None:
            raise ValueError("this recommender has no tokenizer: load it from a run folder with a tokenizer")
        row_of = {token: row for row, token in reversed(list(enumerate(tokens)))}
        if not row_of or len(row_of) < len(tokens) and bad_items == "refuse":
            raise ValueError(none_or_twice(tokens))
        names = list(dict.fromkeys(tokens))
        if any(token not in self.numbers for token in names):
            self._encoder.check()
        columns = None if table is None else self._encoder.columns(table)
        label_of = self._new_labels(names, columns, labels, tokens)
        refused = unwritable(label_of)
        new = [token for token in label_of if token not in refused]
        rows = [row_of[token] for token in new]
        values = None if features is None else self._encoder.checked(features, len(tokens))[rows]
        found = self._encoder.place(new, self.catalogue, values, columns)
        refused |= {new[row]: reason for row, reason in found.refused.items()}
        if refused and bad_items == "refuse":
            raise ValueError(first_of(refused, "cannot be added"))
        back = {token for token in names if token in self.changes.removed}
        self._arrive(new, found, [label_of[token] for token in new], back)
        arrived = back.union(new).difference(refused)
        items = [token for token in names if token in arrived]
        moved = [new[row] for row in found.moved.tolist()]
        known = [token for token in names if token not in arrived and token not in refused]
        refused = {**repeated(tokens), **refused}
        self._note("add", items=items, moved=moved, known=len(known), refused=refused)
        return Arrival(items, self.semantic_ids(items), moved, known, refused)

    def remove(self, tokens: Iterable[str], *, bad_items: str = "refuse") -> Departure:
        """Stop recommending items; see :meth:`~recbole_adasid.serving.recommender.Recommender.remove_items`."""
        check_choice(bad_items)
        names = list(dict.fromkeys(tokens))
        refused = {token: "not in the catalogue" for token in names if token not in self.numbers}
        if refused and bad_items == "refuse":
            raise ValueError(first_of(refused, "cannot be removed"))
        gone = [token for token in names if token in self.numbers and token not in self.changes.removed]
        removed = self.changes.removed.union(gone)
        if len(removed) >= len(self.tokens):
            raise ValueError("that would remove every item: leave one to recommend")
        if gone:
            self._apply(replace(self.changes, removed=removed))
        self._note("remove", items=gone, refused=refused)
        return Departure(gone, refused)

    @property
    def features(self) -> Tensor:
        """Features float32 [A, d] of the added items if the model reads them; else [A, 0]."""
        return self.changes.features

    def known(self, history: Sequence[str]) -> list[int]:
        """Return the numbers of a history's items; unknown ones are skipped.

        Raises:
            ValueError: if none is known.
        """
        found = [self.numbers[token] for token in history if token in self.numbers]
        if found:
            return found
        if any(part.strip() in self.numbers for token in history for part in token.split(",")):
            raise ValueError(
                f"the history {history[:5]} joins items by commas: give each by itself, on a command line separated by "
                "spaces"
            )
        raise ValueError(f"no item of the history {history[:5]} is in the catalogue: give tokens of its items")

    def semantic_ids(self, tokens: Iterable[str]) -> list[list[int]]:
        """Return codes and suffix of known items, counted from 0 on every level."""
        return self.catalogue.tokens[[self.numbers[token] for token in tokens]].tolist()

    def save(self, *, locked: bool = False) -> Path:
        """Save the changes in the run folder and log them; return the path of the changes.

        They are saved once that file exists. Log lines that cannot be written then are added on the next save.

        Args:
            locked: the caller has the folder :meth:`~recbole_adasid.run_folder.folder.RunFolder.in_use`.

        Raises:
            ValueError: without a folder.
            InUse: if another process uses the folder, or saved changes or trained the run again since the last load.
            CannotWrite: if the disk is full; no change is saved.
        """
        if self.folder is None:
            raise ValueError("this recommender has no run folder: load it from one")
        with nullcontext() if locked else self.folder.in_use():
            return self._save_in(self.folder)

    def _save_in(self, folder: RunFolder) -> Path:
        path = folder.changes_path
        folder.check_same_run(self.run_stamps, "repeat the change")
        if stamp_of(path) != self.stamp:
            raise InUse(f"{path} was changed since this recommender was loaded: load it again and repeat the change")
        with suppress(CannotWrite):  # its lines are then written with those of this change
            self._unlogged = absent_lines(folder.changes_log_path, self._unlogged)  # an older file may be back
            self._complete_log(folder.changes_log_path)
        to_log = [*self._unlogged, *self._unsaved]
        if self.changes is not self._stored:  # servers load the whole run again for another file
            write_changes(path, replace(self.changes, to_log=to_log), self.digest)
            self.stamp, self._stored = stamp_of(path), self.changes
        self._unlogged, self._unsaved = to_log, []
        try:
            self._complete_log(folder.changes_log_path)
        except CannotWrite as error:
            logger.warning("The change is saved, but %s; its log lines are written with the next change.", error)
        return path

    def _complete_log(self, path: Path) -> None:
        """Write lines missing from the log."""
        end_with(path, self._unlogged)
        self._unlogged = []

    def _new_labels(
        self, names: Sequence[str], columns: Table | None, labels: Sequence[ItemLabel] | None, tokens: Sequence[str]
    ) -> dict[str, ItemLabel]:
        """Return the labels of the ``names`` that are new: as given for ``tokens``, or else from the columns."""
        new = [token for token in names if token not in self.numbers]
        if labels is None:
            assert self._encoder is not None
            return dict(zip(new, self._encoder.labels(new, columns)))
        if len(labels) != len(tokens):
            raise ValueError(f"there are {len(labels)} labels for {len(tokens)} items: give one label per item")
        first = dict(zip(reversed(tokens), reversed(labels)))
        return {token: first[token] for token in new}

    def _arrive(self, new: Sequence[str], found: Settled, labels: Sequence[ItemLabel], back: set[str]) -> None:
        """Add those of the ``new`` items that found a place, and those added back."""
        came = [row for row in range(len(new)) if row not in found.refused]
        if not came and not back:
            return
        before = self.changes.features
        features = torch.cat([before, found.features[came][:, : self._content_width]]) if came else before
        self._apply(
            CatalogueChanges(
                [*self.changes.tokens, *(new[row] for row in came)],
                torch.cat([self.changes.sids, found.tokens[came]]),
                [*self.changes.labels, *(labels[row] for row in came)],
                self.changes.removed - back,
                features=features,
            )
        )

    def _apply(self, changes: CatalogueChanges) -> None:
        """Apply the changes to the catalogue, or none of them if that fails."""
        first = len(self._tokens) + 1
        # Two tables each: copying a large run's tables at every change would take most of the time.
        labels = ChainMap(dict(zip(changes.tokens, changes.labels)), self._labels)
        numbers = ChainMap({token: first + row for row, token in enumerate(changes.tokens)}, self._numbers)
        recommended = torch.ones(first + len(changes.tokens), dtype=torch.bool)
        recommended[[0, *(numbers[token] for token in changes.removed)]] = False
        catalogue = self._of_run
        if changes.tokens or changes.removed:
            catalogue = self._of_run.changed(changes.sids, recommended.nonzero().squeeze(1))
        trees = CatalogueTrees(catalogue, len(self._tokens), recommended)
        categories = CategorySearch(label.category for label in changes.labels)
        # Nothing below can fail.
        self.tokens, self.labels, self.numbers = [*self._tokens, *changes.tokens], labels, numbers
        self.recommended, self.catalogue, self.trees = recommended, catalogue, trees
        self.categories, self.changes = (self._categories_of_run, categories), changes

    def _check(self, changes: CatalogueChanges, path: Path) -> None:
        """Refuse changes from a file that do not fit this catalogue."""
        check_changes(path, changes, self._tokens, self._of_run.level_sizes)
        if self._of_run.collision == "suffix" and len(changes.tokens):
            sids = changes.sids.to(self._of_run.tokens.device)
            taken = (self._of_run.tree.find(sids) >= 0).any()
            if taken or len(sids.unique(dim=0)) < len(sids):
                raise DamagedFile(f"{path} gives two items one Semantic ID: restore the run's original file")

    def _note(self, action: str, **what: Any) -> None:
        self._unsaved.append(log_line(action, **what, recommended=int(self.recommended.sum())))
