"""A copy of a finished run for publishing: what recommending and adding items need, and nothing else.

Interactions, ranks and examples of users, the optimiser, logs and local paths are left out.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from recbole_adasid.io.atomic import write_atomically
from recbole_adasid.io.checked_values import Form, list_of, mapping_of, number, optional
from recbole_adasid.io.json_file import as_json, read_json
from recbole_adasid.io.tensor_file import check_about, read_tensors, write_tensors
from recbole_adasid.run_folder.catalogue_log import CatalogueChanges, write_changes
from recbole_adasid.run_folder.folder import RunFolder
from recbole_adasid.run_folder.model_file import KIND as MODEL
from recbole_adasid.run_folder.run_items import INFO
from recbole_adasid.settings.reading import read_settings_files
from recbole_adasid.settings.shareable import shareable, without_places
from recbole_adasid.tokenizer.base import DESCRIPTION_FILE, PARAMETERS_FILE
from recbole_adasid.tokenizer.base import KIND as TOKENIZER

NEEDED = ("model.safetensors", "sids.json")
OPTIONAL = (
    *("config.yaml", INFO, "items.json", "metrics.json", "features.safetensors", "new-items.safetensors"),
    "reserved-sids.json",
    *(f"tokenizer/{name}" for name in (PARAMETERS_FILE, DESCRIPTION_FILE)),
)
WRITTEN_LATER = ("new-items.jsonl", ".lock", "report.html", "tokenizer")
"""Files and folders that using a run's folder creates or writes to."""
_VALUES = optional(mapping_of(optional(number())))
_BOUNDS = optional(mapping_of(optional(list_of(number(), least=2, most=2))))
_METRICS: dict[str, Form] = {
    **dict.fromkeys(("best_valid", "best_valid_by_semantic_ids"), _VALUES),
    **dict.fromkeys(("test", "test_by_semantic_ids", "test_by_popularity", "semantic_ids"), _VALUES),
    **dict.fromkeys(("best_valid_intervals", "test_intervals"), _BOUNDS),
}
"""Metrics over all users only: a slice may consist of one user."""


def write_shared_copy(run: RunFolder, target: Path, changes: CatalogueChanges, digest: str) -> None:
    """Write the publishable copy of a run into an empty folder.

    Args:
        run: folder of the finished run, checked.
        target: the empty folder.
        changes: items added and removed since, saved or not.
        digest: digest of the run's items, which the changes refer to.

    Raises:
        FileNotFoundError: if the run lacks its model or its Semantic IDs.
        DamagedFile: if a file is damaged.
        CannotWrite: if the disk is full.
    """
    copy = RunFolder(target)
    _write_model(run.model_path, copy.model_path)
    shutil.copyfile(run.sids_path, copy.sids_path)
    for source in (run.labels_path, run.fitted_path, run.reserved_path):
        if source.is_file():
            shutil.copyfile(source, target / source.name)
    if (run.path / INFO).is_file():
        write_atomically(target / INFO, as_json(without_places(read_json(run.path / INFO))))
    if run.metrics_path.is_file():
        copy.write_metrics(_overall(run.metrics_path))
    if run.config_path.is_file():
        copy.write_config(shareable(read_settings_files([run.config_path])))
    if (run.tokenizer_path / PARAMETERS_FILE).is_file():
        _write_tokenizer(run.tokenizer_path, copy.tokenizer_path)
    if changes.tokens or changes.removed:
        write_changes(copy.changes_path, replace(changes, to_log=[]), digest)


def _overall(path: Path) -> dict[str, Any]:
    metrics = read_json(path)
    check_about(path, metrics, {}, _METRICS)
    return {key: value for key, value in metrics.items() if key in _METRICS}


def _write_model(source: Path, target: Path) -> None:
    """Write the weights and their settings, without the optimiser."""
    tensors, about = read_tensors(source, MODEL)
    settings = about["config"]["settings"]
    kept = {**shareable(settings), "data_path": f"data/{settings['dataset']}"}  # the default location
    weights = {name: value for name, value in tensors.items() if name.startswith("model/")}
    config = {**about["config"], "settings": kept}
    write_tensors(target, MODEL, weights, {**about, "config": config, "optimizer_numbers": {}})


def _write_tokenizer(source: Path, target: Path) -> None:
    tensors, about = read_tensors(source / PARAMETERS_FILE, TOKENIZER)
    description: Any = without_places(about["description"])
    write_tensors(target / PARAMETERS_FILE, TOKENIZER, tensors, {**about, "description": description})
    write_atomically(target / DESCRIPTION_FILE, as_json(description))
