"""A copy of a finished run for others: what recommending and adding items need, without what only training needed.

Interactions, ranks and examples of users, the optimiser, logs, and paths into this machine stay behind.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from recbole_adasid.io.atomic import write_atomically
from recbole_adasid.io.json_file import as_json, read_json
from recbole_adasid.io.tensor_file import read_tensors, write_tensors
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
    *(f"tokenizer/{name}" for name in (PARAMETERS_FILE, DESCRIPTION_FILE)),
)
WRITTEN_LATER = ("new-items.jsonl", ".lock", "report.html", "tokenizer")
"""What working with the folder of a run writes into it, or where."""
_OVERALL = (
    *("best_valid", "best_valid_intervals", "best_valid_by_semantic_ids"),
    *("test", "test_intervals", "test_by_semantic_ids", "test_by_popularity", "semantic_ids"),
)
"""Metrics over all users; a slice may be of one user."""


def write_shared_copy(run: RunFolder, target: Path, changes: CatalogueChanges, digest: str) -> None:
    """Write a run's copy for others into an empty folder.

    Args:
        run: folder of the finished run, checked.
        target: the empty folder.
        changes: items added and removed since, saved or not.
        digest: of the run's items, to which the changes are bound.

    Raises:
        FileNotFoundError: if the run lacks its model or its Semantic IDs.
        DamagedFile: if a file is damaged.
        CannotWrite: if the disk is full.
    """
    copy = RunFolder(target)
    _write_model(run.model_path, copy.model_path)
    shutil.copyfile(run.sids_path, copy.sids_path)
    for source, there in ((run.labels_path, copy.labels_path), (run.fitted_path, copy.fitted_path)):
        if source.is_file():
            shutil.copyfile(source, there)
    for name, kept in ((INFO, None), (run.metrics_path.name, _OVERALL)):
        if (run.path / name).is_file():
            found = {key: value for key, value in read_json(run.path / name).items() if kept is None or key in kept}
            write_atomically(target / name, as_json(without_places(found)))
    if run.config_path.is_file():
        copy.write_config(shareable(read_settings_files([run.config_path])))
    if (run.tokenizer_path / PARAMETERS_FILE).is_file():
        _write_tokenizer(run.tokenizer_path, copy.tokenizer_path)
    if changes.tokens or changes.removed:
        write_changes(copy.changes_path, replace(changes, to_log=[]), digest)


def _write_model(source: Path, target: Path) -> None:
    """Write the weights and what they need, without the optimiser."""
    tensors, about = read_tensors(source, MODEL)
    settings = about["config"]["settings"]
    kept = {**shareable(settings), "data_path": f"data/{settings['dataset']}"}  # where datasets are by default
    weights = {name: value for name, value in tensors.items() if name.startswith("model/")}
    config = {**about["config"], "settings": kept}
    write_tensors(target, MODEL, weights, {**about, "config": config, "optimizer_numbers": {}})


def _write_tokenizer(source: Path, target: Path) -> None:
    tensors, about = read_tensors(source / PARAMETERS_FILE, TOKENIZER)
    description: Any = without_places(about["description"])
    write_tensors(target / PARAMETERS_FILE, TOKENIZER, tensors, {**about, "description": description})
    write_atomically(target / DESCRIPTION_FILE, as_json(description))
