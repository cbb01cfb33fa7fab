"""The content of a bundle from the folder of a finished run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.bundle.content import BundleContent
from recbole_adasid.bundle.item_sids import ItemSIDs, as_item_sids
from recbole_adasid.data.item_labels import read_labels
from recbole_adasid.features.feature_kind import feature_kind
from recbole_adasid.features.fitted_state import read_fitted
from recbole_adasid.io.checked_values import anything, list_of, mapping_of, one_of, optional, record, text, whole
from recbole_adasid.io.json_file import read_json
from recbole_adasid.io.tensor_file import DamagedFile, MismatchedFile
from recbole_adasid.run_folder.catalogue_log import CatalogueChanges, check_changes, read_changes
from recbole_adasid.run_folder.folder import RunFolder
from recbole_adasid.run_folder.model_file import read_model, tokens_digest
from recbole_adasid.run_folder.run_items import check_info, items_of, read_reserved, read_sids
from recbole_adasid.settings.reading import read_settings_files
from recbole_adasid.tokenizer.base import PARAMETERS_FILE, ItemTokenizer
from recbole_adasid.tokenizer.saved import load_tokenizer


def content_of_run(run_folder: str | Path, *, reserved: bool = True) -> BundleContent:
    """Return what a run learned, and the items added to its catalogue since.

    Removed items are included: histories may still contain them, and their Semantic IDs stay reserved. If the run's
    Semantic IDs came from a bundle (``sids_file``), so are the bundle's items that the run's data lacks, with
    ``reserved``: they come last.

    Raises:
        FileNotFoundError: if the folder or its Semantic IDs are missing.
        DamagedFile: if a file is damaged, or belongs to another run.
    """
    folder = RunFolder.existing(run_folder, with_semantic_ids=True, needs="sids.info.json")
    info = read_json(folder.sids_path.with_name("sids.info.json"))
    own = _sids(folder, info)
    items = tokens_digest([list(own.tokens)])
    sizes = info["level_sizes"]  # a model may know more suffixes than its items have
    changes = read_changes(folder.changes_path, items, len(sizes))
    check_changes(folder.changes_path, changes, own.tokens, sizes)
    kept = read_reserved(folder, own.tokens, sizes) if reserved else None
    _check_model(folder, info)
    tokenizer, described = _tokenizer(folder, own)
    catalogue = {"items_of_the_run": len(own.tokens), "items_added": len(changes.tokens)}
    settings = read_settings_files([folder.path / "config.yaml"])
    about = {
        "source": {"kind": "run", "given": info.get("given"), **catalogue, "items_removed": len(changes.removed)},
        "dataset": {
            "name": settings.get("dataset"),
            "items": items,
            "training_interactions": info.get("training_interactions"),
        },
        "settings": described.get("tokenizer"),
        "feature_kind": None if tokenizer is None else _feature_kind(settings),
        "fingerprints": {
            "semantic_ids": info.get("fingerprint"),
            **{key: described.get(key) for key in ("features", "pairs")},
        },
        "quality": info.get("quality", {}),
    }
    labels = {**read_labels(folder.labels_path, own.tokens), **dict(zip(changes.tokens, changes.labels))}
    fitted = read_fitted(folder.fitted_path) if about["feature_kind"] else {}
    return BundleContent(
        _with_reserved(_with_added(own, changes, folder), kept, folder), tokenizer, labels, about, fitted
    )


def _feature_kind(settings: dict[str, Any]) -> dict[str, Any] | None:
    """Return the kind of the run's item features; None if its settings, of another version, do not tell."""
    try:
        return feature_kind(settings)
    except (KeyError, TypeError, ValueError, AttributeError):  # the settings come from a file
        return None


def _check_model(folder: RunFolder, info: dict[str, Any]) -> None:
    """Check that the Semantic IDs match the run's model, if it has one yet."""
    if folder.model_path.is_file():
        saved = read_model(folder.model_path)
        items_of(folder, saved)
        check_info(folder, saved, info)


def _tokenizer(folder: RunFolder, own: ItemSIDs) -> tuple[ItemTokenizer | None, dict[str, Any]]:
    """Return the run's tokenizer and its description; none if the run was given its Semantic IDs."""
    if not (folder.tokenizer_path / PARAMETERS_FILE).is_file():
        return None, {}
    tokenizer, described = load_tokenizer(folder.tokenizer_path)
    if tokenizer.codebook_sizes != list(own.level_sizes):
        raise MismatchedFile(
            f"{folder.tokenizer_path} has codebooks of {tokenizer.codebook_sizes}, {folder.sids_path} levels of "
            f"{list(own.level_sizes)}: restore the run's original file"
        )
    return tokenizer, described


def _with_added(own: ItemSIDs, changes: CatalogueChanges, folder: RunFolder) -> ItemSIDs:
    """Return the Semantic IDs of a run's items, followed by those of items added later."""
    if not changes.tokens:
        return own
    return _followed_by(own, changes.tokens, changes.sids.numpy(), folder, folder.changes_path)


def _with_reserved(present: ItemSIDs, kept: tuple[list[str], NDArray[np.int64]] | None, folder: RunFolder) -> ItemSIDs:
    """Return the Semantic IDs of a run's items, followed by those kept for items that have not come back."""
    if kept is None or not kept[0]:
        return present
    tokens, table = kept
    away = np.flatnonzero(present.rows_of(tokens) < 0)
    return _followed_by(present, [tokens[row] for row in away], table[away], folder, folder.reserved_path)


def _followed_by(
    own: ItemSIDs, tokens: Sequence[str], sequences: NDArray[np.int64], folder: RunFolder, source: Path
) -> ItemSIDs:
    table = np.concatenate([own.sequences, sequences])
    suffix = None if own.suffix is None else table[:, -1]
    try:
        return as_item_sids([*own.tokens, *tokens], table[:, : len(own.level_sizes)], own.level_sizes, suffix)
    except ValueError as error:
        raise DamagedFile(f"{source} does not match {folder.sids_path} ({error})") from None


def _sids(folder: RunFolder, info: dict[str, Any]) -> ItemSIDs:
    """Return the Semantic IDs, with the run's suffix separate from the codes."""
    try:
        tokens, table = read_sids(folder.sids_path)
        _INFO(info, "sids.info.json")
        sizes, with_suffix = info["level_sizes"], info["collision"] == "suffix"
        if not with_suffix:
            return as_item_sids(tokens, table, sizes)
        return as_item_sids(tokens, table[:, :-1], sizes[:-1], table[:, -1])
    except (TypeError, ValueError) as error:
        raise DamagedFile(
            f"{folder.sids_path} and sids.info.json do not match ({error}): restore the run's original file"
        ) from None


_INFO = record(
    {"level_sizes": list_of(whole(1, 2**31 - 1), least=1), "collision": one_of(("suffix", "shared"))},
    {"quality": mapping_of(anything), "fingerprint": optional(text), "training_interactions": optional(text)},
)
