"""An earlier run in the folder of a new one: untouched until the new one is about to train, then replaced."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.features.behaviour_vectors import VECTORS_FILE
from recbole_adasid.features.feature_kind import feature_kind
from recbole_adasid.plugin.training_state import read_training
from recbole_adasid.run_folder.folder import RunFolder
from recbole_adasid.run_folder.run_items import read_sids
from recbole_adasid.settings.errors import SettingsError
from recbole_adasid.settings.reading import read_settings_files

logger = logging.getLogger(__name__)

_RESULTS = (
    *("history.json", "test_ranks.npz", "evaluation.json", "evaluation.md"),
    *("examples.json", "report.html", VECTORS_FILE, "model.safetensors", "metrics.json"),
)
"""The last tells that the run is finished, so that a kill in between loses nothing but what was to be removed."""
_OF_EQUAL_RUNS = tuple(name for name in _RESULTS if name != "model.safetensors")
"""Without the model, which can be served until the first validation replaces it."""


def refuse_other_recommender(folder: RunFolder, model: str) -> None:
    """Check that a folder has no run of another recommender, whose files would be taken for the new one's.

    Raises:
        SettingsError: if it has.
    """
    marks = (folder.metrics_path, folder.sids_path)
    if not folder.config_path.is_file() or not any(path.is_file() for path in marks):
        return
    try:
        there = read_settings_files([folder.config_path]).get("model")
    except SettingsError:  # damaged: it will be written again
        return
    if there not in (None, model):
        raise SettingsError(
            f"The run folder {folder.path} holds a run of {there}, whose files would be mixed with those of {model}: "
            "choose another run_folder, or remove it."
        )


def write_first_settings(folder: RunFolder, settings: Mapping[str, Any]) -> None:
    """Write the settings of a run that starts, unless an earlier one has its own there: the new one may yet fail."""
    if not _has_run(folder):
        folder.write_config(settings)


def take_over(
    folder: RunFolder,
    settings: Mapping[str, Any],
    semantic_ids: tuple[Sequence[str], NDArray[np.integer]] | None = None,
    *,
    reads_features: bool = False,
    keys: tuple[str, ...] = (),
) -> None:
    """Write the settings of a run that is about to train, and remove the results of one that it does not resume.

    Only the model stays if settings and Semantic IDs are equal, until the first validation replaces it.
    Items added to the earlier run, and removed from it, stay if they fit the new one; otherwise they are set aside.

    Args:
        folder: run folder.
        settings: of the new run.
        semantic_ids: its item tokens [N] and their codes [N, S]; None: it has none.
        reads_features: whether the recommender also reads item features.
        keys: fingerprints of states that its training resumes from; empty: it never resumes.
    """
    there, as_before = _has_run(folder), semantic_ids is None or _has_sids(folder, *semantic_ids)
    fits = as_before and not (there and reads_features and _has_other_features(folder, settings))
    if folder.changes_path.is_file() and not fits:
        _set_aside(folder)
    if not _resumes(folder, keys):
        # Before the model: a state without the best model so far cannot be resumed.
        folder.training_path.unlink(missing_ok=True)
        equal = as_before and folder.has_config(settings)
        for name in (_OF_EQUAL_RUNS if equal else _RESULTS) if there else ():
            (folder.path / name).unlink(missing_ok=True)
    folder.write_config(settings)


def _has_run(folder: RunFolder) -> bool:
    """Tell whether a folder has a finished run, or the model of one that was stopped."""
    return folder.metrics_path.is_file() or folder.model_path.is_file()


def _resumes(folder: RunFolder, keys: tuple[str, ...]) -> bool:
    """Tell whether a training that goes on from states with some keys resumes an unfinished run."""
    if not keys or folder.metrics_path.is_file():
        return False
    return read_training(folder.training_path, keys) is not None


def _set_aside(folder: RunFolder) -> None:
    names = (f"earlier-new-items{'' if n == 1 else f'-{n}'}.safetensors" for n in count(1))
    path = next(path for path in map(folder.path.joinpath, names) if not path.exists())
    os.replace(folder.changes_path, path)
    logger.warning(
        "Items were added to or removed from an earlier run in %s. They do not fit this run and are set aside in "
        "%s: add or remove them again.",
        *(folder.path, path.name),
    )


def _has_other_features(folder: RunFolder, settings: Mapping[str, Any]) -> bool:
    """Tell whether an earlier run's item features are of another kind, or it does not say."""
    try:
        return feature_kind(read_settings_files([folder.config_path])) != feature_kind(settings)
    except (SettingsError, KeyError, TypeError, ValueError, AttributeError):  # the settings come from a file
        return True


def _has_sids(folder: RunFolder, tokens: Sequence[str], codes: NDArray[np.integer]) -> bool:
    """Tell whether a folder's sids.json has exactly these items and codes."""
    try:
        there, known = read_sids(folder.sids_path)
    except (FileNotFoundError, ValueError):
        return False
    return there == list(tokens) and np.array_equal(known, codes)
