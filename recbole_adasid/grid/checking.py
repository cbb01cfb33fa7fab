"""Checks of all cells before the first one is trained: a mistake in the last one would show only after hours."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from recbole_adasid.grid.cell import Cell
from recbole_adasid.plugin.config.building import build_config
from recbole_adasid.plugin.datasets.errors import require_dataset
from recbole_adasid.plugin.launch import torchrun_options
from recbole_adasid.settings.arguments import parse_arguments
from recbole_adasid.settings.errors import SettingsError


def check_cells(cells: Iterable[Cell]) -> None:
    """Check the settings of cells, once for all seeds, and that their datasets are there, or made by an earlier cell.

    Raises:
        SettingsError: for the first invalid setting, which names its cell, or a dataset that is missing.
    """
    distinct: dict[tuple[str, ...], Cell] = {}
    for cell in cells:
        distinct.setdefault((cell.dataset, *cell.options), cell)
    prepared = set[str]()
    for cell in distinct.values():
        try:
            with _own_gpus():
                config = _config_of(cell)
        except SettingsError as error:
            raise SettingsError(f"The cell {cell.name} cannot run on {cell.dataset}: {error}") from error
        if _prepares(config):
            prepared.add(cell.dataset)
        elif cell.dataset not in prepared:
            require_dataset(cell.dataset, Path(config["data_path"]), config["reviews_url"])


def _config_of(cell: Cell) -> Any:
    settings, config_files = parse_arguments([*cell.arguments, f"--run_folder={cell.folder}"])
    torchrun_options(settings)  # which are not settings of a run
    return build_config(settings, config_files, peers=True)


def _prepares(config: Any) -> bool:
    """Tell whether a cell reads no dataset's files, or makes them if they are missing."""
    return any(config[key] for key in ("interactions_files", "interactions_table", "download"))


@contextmanager
def _own_gpus() -> Iterator[None]:
    """Restore which GPUs this process, and so every cell, sees: RecBole's Config changes it."""
    key = "CUDA_VISIBLE_DEVICES"
    before = os.environ.get(key)
    try:
        yield
    finally:
        os.environ.pop(key, None)
        os.environ.update({} if before is None else {key: before})
