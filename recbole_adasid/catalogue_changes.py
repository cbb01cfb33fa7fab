"""Items that came and went after a run was finished, in a file beside it: the run's own files stay as they are."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from recbole_adasid.forms import list_of, text
from recbole_adasid.item_labels import ItemLabel
from recbole_adasid.storage import DamagedFile, MismatchedFile, check_about, read_tensors, write_tensors
from recbole_adasid.writing import append_line

KIND = "catalogue-changes"


@dataclass(frozen=True)
class CatalogueChanges:
    """What became of a catalogue since its run."""

    tokens: Sequence[str] = ()
    """The A items that came, in the order in which they did."""
    sids: Tensor = field(default_factory=lambda: torch.empty(0, 0, dtype=torch.int64))
    """int64 [A, S]."""
    labels: Sequence[ItemLabel] = ()
    """Of the A items."""
    removed: frozenset[str] = frozenset()
    """Items, of the run or come later, that are not recommended any more."""


def write_changes(path: Path, changes: CatalogueChanges, catalogue: str) -> None:
    """Write the changes of the catalogue with the digest ``catalogue``.

    Raises:
        CannotWrite: if the disk takes no more.
    """
    about = {
        "catalogue": catalogue,
        "tokens": list(changes.tokens),
        "labels": [list(label) for label in changes.labels],
        "removed": sorted(changes.removed),
    }
    write_tensors(path, KIND, {"sids": changes.sids}, about)


def log_changes(path: Path, entry: Mapping[str, Any]) -> None:
    """Append what happened to a catalogue, a line of JSON for each action, for people to look up afterwards.

    Raises:
        CannotWrite: if the disk takes no more.
    """
    append_line(path, json.dumps(entry, ensure_ascii=False))


def read_changes(path: Path, catalogue: str, n_places: int) -> CatalogueChanges:
    """Return the changes in a file, none where there is no such file.

    Args:
        path: of the file.
        catalogue: digest of the catalogue that they have to be of.
        n_places: S, codes and suffix of a Semantic ID.

    Raises:
        DamagedFile: if the file is damaged.
        MismatchedFile: if it is of another catalogue.
    """
    if not path.is_file():
        return CatalogueChanges(sids=torch.empty(0, n_places, dtype=torch.int64))
    tensors, about = read_tensors(path, KIND)
    check_about(path, about, _ABOUT)
    if about["catalogue"] != catalogue:
        raise MismatchedFile(f"{path} is of another run's catalogue: bring back the run's own, or remove the file")
    tokens = about["tokens"]
    labels = [ItemLabel(*label) for label in about["labels"]]
    shape = list(tensors["sids"].shape) if "sids" in tensors else []
    if shape != [len(tokens), n_places] or tensors["sids"].dtype != torch.int64:
        raise DamagedFile(f"{path} has Semantic IDs of the shape {shape} for {len(tokens)} items, or no whole numbers")
    if len(labels) != len(tokens) or len(set(tokens)) < len(tokens):
        raise DamagedFile(f"{path} has {len(labels)} labels for {len(tokens)} items, or an item twice")
    return CatalogueChanges(tokens, tensors["sids"], labels, frozenset(about["removed"]))


def check_changes(path: Path, changes: CatalogueChanges, tokens: Collection[str], level_sizes: Sequence[int]) -> None:
    """Check that changes go with the catalogue that they are of.

    Args:
        path: of the file that they are from.
        changes: to that catalogue.
        tokens: of its own items.
        level_sizes: of the S places of its Semantic IDs.

    Raises:
        DamagedFile: if an item came that was there, an unknown one went, none is left, or a code is out of its level.
    """
    known = set(tokens)
    again = known.intersection(changes.tokens)
    if again:
        raise DamagedFile(f"{path} adds the item {min(again)!r}, which the run has")
    known.update(changes.tokens)
    if unknown := changes.removed - known:
        raise DamagedFile(f"{path} removes the item {min(unknown)!r}, which is not in the catalogue")
    if len(changes.removed) == len(known):
        raise DamagedFile(f"{path} removes every item")
    wrong = ((changes.sids < 0) | (changes.sids >= torch.tensor(list(level_sizes)))).nonzero()
    if len(wrong):
        row, level = wrong[0].tolist()
        raise DamagedFile(
            f"{path} has for the item {changes.tokens[row]!r} the code {int(changes.sids[row, level])} on level "
            f"{level + 1}, which has {level_sizes[level]}"
        )


_ABOUT = {
    "catalogue": text,
    "tokens": list_of(text),
    "labels": list_of(list_of(text, least=2, most=2)),
    "removed": list_of(text),
}
