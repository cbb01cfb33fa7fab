"""Items that came and went after a run was finished, in a file beside it: the run's own files stay as they are.

A change is made at the moment when that file takes the place of the one before. It brings along what the log of changes
is still to get, so that the log can be completed whatever happens between the two.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from recbole_adasid.data.item_labels import ItemLabel
from recbole_adasid.io.forms import list_of, text
from recbole_adasid.io.tensor_file import (
    DamagedFile,
    MismatchedFile,
    check_about,
    check_finite,
    read_tensors,
    write_tensors,
)

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
    to_log: Sequence[str] = ()
    """The last lines of the log, which it may lack if the process ended before they were written."""
    features: Tensor = field(default_factory=lambda: torch.empty(0, 0))
    """float32 [A, d], where the model reads features beside Semantic IDs; else [A, 0]."""


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
        "to_log": list(changes.to_log),
    }
    features = {"features": changes.features} if changes.features.shape[1] else {}
    write_tensors(path, KIND, {"sids": changes.sids, **features}, about)


def log_line(action: str, **what: Any) -> str:
    """Return what is done to a catalogue, and when, as a line of JSON: no two lines are the same."""
    time = datetime.now(timezone.utc).isoformat(timespec="microseconds")
    return json.dumps({"time": time, "action": action, **what}, ensure_ascii=False)


def read_changes(path: Path, catalogue: str, n_places: int, width: int | None = None) -> CatalogueChanges:
    """Return the changes in a file, none where there is no such file.

    Args:
        path: of the file.
        catalogue: digest of the catalogue that they have to be of.
        n_places: S, codes and suffix of a Semantic ID.
        width: d, columns of features that the model reads, 0 for none; None: whatever there are.

    Raises:
        DamagedFile: if the file is damaged.
        MismatchedFile: if it is of another catalogue.
    """
    if not path.is_file():
        no_sids = torch.empty(0, n_places, dtype=torch.int64)
        return CatalogueChanges(sids=no_sids, features=torch.empty(0, width or 0))
    tensors, about = read_tensors(path, KIND)
    check_about(path, about, _ABOUT, _LATER)
    if about["catalogue"] != catalogue:
        raise MismatchedFile(f"{path} is of another run's catalogue: bring back the run's own, or remove the file")
    tokens, sids = about["tokens"], tensors.get("sids", torch.empty(0))
    labels, shape = [ItemLabel(*label) for label in about["labels"]], list(sids.shape)
    if shape != [len(tokens), n_places] or sids.dtype != torch.int64:
        raise DamagedFile(f"{path} has Semantic IDs of the shape {shape} for {len(tokens)} items, or no whole numbers")
    if len(labels) != len(tokens) or len(set(tokens)) < len(tokens):
        raise DamagedFile(f"{path} has {len(labels)} labels for {len(tokens)} items, or an item twice")
    features = tensors.get("features", torch.empty(len(tokens), 0))
    if features.ndim != 2 or len(features) != len(tokens) or width not in (None, features.shape[1]):
        raise DamagedFile(f"{path} has features of the shape {list(features.shape)} for {len(tokens)} items")
    check_finite(path, {"features": features})
    removed, to_log = frozenset(about["removed"]), about.get("to_log", [])
    if any("\n" in line for line in to_log):
        raise DamagedFile(f"{path} has lines of the log that are more than one: bring back a copy, or remove the file")
    return CatalogueChanges(tokens, sids, labels, removed, to_log, features)


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
_LATER = {"to_log": list_of(text)}
"""What files of before lack."""
