"""Items that came and went after a run was finished, in a file beside it: the run's own files stay as they are.

A change is made at the moment when that file takes the place of the one before. It brings along what the log of changes
is still to get, so that the log can be completed whatever happens between the two.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from recbole_adasid.item_labels import ItemLabel
from recbole_adasid.storage import DamagedFile, MismatchedFile, read_tensors, write_tensors

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
    if about.get("catalogue") != catalogue:
        raise MismatchedFile(f"{path} is of another run's catalogue: bring back the run's own, or remove the file")
    tokens, sids = about["tokens"], tensors["sids"]
    if sids.shape != (len(tokens), n_places) or len(about["labels"]) != len(tokens):
        raise DamagedFile(f"{path} has Semantic IDs of the shape {list(sids.shape)} for {len(tokens)} items")
    features = tensors.get("features", torch.empty(len(tokens), 0))
    if features.ndim != 2 or len(features) != len(tokens) or width not in (None, features.shape[1]):
        raise DamagedFile(f"{path} has features of the shape {list(features.shape)} for {len(tokens)} items")
    to_log = about.get("to_log", [])
    if not isinstance(to_log, list) or not all(isinstance(line, str) and "\n" not in line for line in to_log):
        raise DamagedFile(f"{path} has no lines of text as to_log: bring back a copy, or remove the file")
    labels = [ItemLabel(*label) for label in about["labels"]]
    return CatalogueChanges(tokens, sids, labels, frozenset(about["removed"]), to_log, features)
