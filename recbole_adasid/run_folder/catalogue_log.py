"""Items added and removed after a run finished, in a separate file: the run's own files are unchanged.

A change takes effect when that file replaces the previous one. The file includes the pending lines of the change log,
so that the log can be completed after a crash between the two. Tokens, labels and lines are JSON in a tensor of bytes:
safetensors metadata, where older files have them, holds 100 MB at most.
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
from recbole_adasid.io.checked_values import list_of, record, text
from recbole_adasid.io.json_file import parse_json
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
    """Changes to a catalogue since its run."""

    tokens: Sequence[str] = ()
    """The A added items, in order of addition."""
    sids: Tensor = field(default_factory=lambda: torch.empty(0, 0, dtype=torch.int64))
    """int64 [A, S]."""
    labels: Sequence[ItemLabel] = ()
    """Labels of the A items."""
    removed: frozenset[str] = frozenset()
    """Items, of the run or added later, that are no longer recommended."""
    to_log: Sequence[str] = ()
    """The last log lines, which the log may lack if the process ended before writing them."""
    features: Tensor = field(default_factory=lambda: torch.empty(0, 0))
    """float32 [A, d] if the model reads features in addition to Semantic IDs; else [A, 0]."""


def write_changes(path: Path, changes: CatalogueChanges, catalogue: str) -> None:
    """Write the changes of the catalogue with the digest ``catalogue``.

    Raises:
        CannotWrite: if the disk is full.
        ValueError: for a token or a label that :func:`read_changes` would refuse.
    """
    texts = {
        "tokens": list(changes.tokens),
        "labels": [list(label) for label in changes.labels],
        "removed": sorted(changes.removed),
        "to_log": list(changes.to_log),
    }
    try:
        record(_TEXTS, _LATER)(texts, "the change")
    except ValueError as error:
        raise ValueError(f"{path} was not written, because it could not be read back: {error}") from None
    packed = torch.frombuffer(bytearray(json.dumps(texts, ensure_ascii=False).encode()), dtype=torch.uint8)
    features = {"features": changes.features} if changes.features.shape[1] else {}
    write_tensors(path, KIND, {"sids": changes.sids, "texts": packed, **features}, {"catalogue": catalogue})


def log_line(action: str, **what: Any) -> str:
    """Return an action on a catalogue, with its time, as a line of JSON; no two lines are equal."""
    time = datetime.now(timezone.utc).isoformat(timespec="microseconds")
    line = json.dumps({"time": time, "action": action, **what}, ensure_ascii=False)
    return line.encode(errors="backslashreplace").decode()  # a refused token may have a lone surrogate: JSON's escape


def read_changes(path: Path, catalogue: str, n_places: int, width: int | None = None) -> CatalogueChanges:
    """Return the changes in a file; none if there is no such file.

    Args:
        path: file path.
        catalogue: expected digest of their catalogue.
        n_places: S, codes and suffix of a Semantic ID.
        width: d, width of the features that the model reads, 0 for none; None: any width.

    Raises:
        DamagedFile: if the file is damaged.
        MismatchedFile: if it belongs to another catalogue.
    """
    if not path.is_file():
        no_sids = torch.empty(0, n_places, dtype=torch.int64)
        return CatalogueChanges(sids=no_sids, features=torch.empty(0, width or 0))
    tensors, about = read_tensors(path, KIND)
    if "texts" in tensors:
        about |= _unpacked(path, tensors["texts"])
    check_about(path, about, {"catalogue": text, **_TEXTS}, _LATER)
    if about["catalogue"] != catalogue:
        raise MismatchedFile(
            f"{path} belongs to another run's catalogue: restore the original file, or remove this one"
        )
    tokens, sids = about["tokens"], tensors.get("sids", torch.empty(0))
    labels, shape = [ItemLabel(*label) for label in about["labels"]], list(sids.shape)
    if shape != [len(tokens), n_places] or sids.dtype != torch.int64:
        raise DamagedFile(f"{path} has Semantic IDs of the shape {shape} for {len(tokens)} items, or not whole numbers")
    if len(labels) != len(tokens) or len(set(tokens)) < len(tokens):
        raise DamagedFile(f"{path} has {len(labels)} labels for {len(tokens)} items, or an item twice")
    features = tensors.get("features", torch.empty(len(tokens), 0))
    if features.ndim != 2 or len(features) != len(tokens) or width not in (None, features.shape[1]):
        raise DamagedFile(f"{path} has features of the shape {list(features.shape)} for {len(tokens)} items")
    check_finite(path, {"features": features})
    removed, to_log = frozenset(about["removed"]), about.get("to_log", [])
    if any("\n" in line for line in to_log):
        raise DamagedFile(f"{path} has log entries of more than one line: restore a copy, or remove the file")
    return CatalogueChanges(tokens, sids, labels, removed, to_log, features)


def _unpacked(path: Path, packed: Tensor) -> dict[str, Any]:
    """Return the texts in a file's tensor of bytes, unvalidated."""
    try:
        found = parse_json(packed.view(torch.uint8).numpy().tobytes().decode())
    except (ValueError, RuntimeError) as error:  # the latter from a tensor without a dimension
        raise DamagedFile(
            f"{path} has no valid JSON in `texts` ({error}): restore a copy, or remove the file"
        ) from None
    if not isinstance(found, dict):
        raise DamagedFile(f"{path} has no JSON object in `texts`: restore a copy, or remove the file")
    return found


def check_changes(path: Path, changes: CatalogueChanges, tokens: Collection[str], level_sizes: Sequence[int]) -> None:
    """Check that changes match their catalogue.

    Args:
        path: the file that they come from.
        changes: changes to the catalogue.
        tokens: tokens of the catalogue's own items.
        level_sizes: sizes of the S places of its Semantic IDs.

    Raises:
        DamagedFile: if an existing item is added, an unknown one removed, none is left, or a code exceeds its level.
    """
    known = set(tokens)
    again = known.intersection(changes.tokens)
    if again:
        raise DamagedFile(f"{path} adds the item {min(again)!r}, which the run already has")
    known.update(changes.tokens)
    if unknown := changes.removed - known:
        raise DamagedFile(f"{path} removes the item {min(unknown)!r}, which is not in the catalogue")
    if len(changes.removed) == len(known):
        raise DamagedFile(f"{path} removes every item")
    wrong = ((changes.sids < 0) | (changes.sids >= torch.tensor(list(level_sizes)))).nonzero()
    if len(wrong):
        row, level = wrong[0].tolist()
        raise DamagedFile(
            f"{path} gives the item {changes.tokens[row]!r} the code {int(changes.sids[row, level])} on level "
            f"{level + 1}, which has {level_sizes[level]}"
        )


_TEXTS = {
    "tokens": list_of(text),
    "labels": list_of(list_of(text, least=2, most=2)),
    "removed": list_of(text),
}
_LATER = {"to_log": list_of(text)}
"""Entries that older files lack."""
