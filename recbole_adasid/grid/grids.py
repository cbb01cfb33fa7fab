"""Grids: cells by name, from YAML files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from recbole_adasid.plugin.peers.names import peer_names
from recbole_adasid.scorecard.competitors import competitor
from recbole_adasid.settings.errors import SettingsError, unknown_name
from recbole_adasid.settings.reading import read_settings_files

GRIDS = {path.stem: path for path in sorted((Path(__file__).parent / "grids").glob("*.yaml"))}
"""Grids that come with the package."""
POP = "pop"
ABOUT = ("label", "group", "choice", "place", "grid")
"""Entries of a cell that are not settings: its names, whether it serves to choose, its place, and the grid's name."""


def read_grid(name: str) -> dict[str, dict[str, Any]]:
    """Return the cells of a grid: label, group, choice and settings by name.

    An entry without settings names a tokenizer, a variant or a RecBole recommender.

    Args:
        name: one of :data:`GRIDS`, or a YAML file.

    Raises:
        SettingsError: if there is no such grid, or it is malformed.
    """
    if name not in GRIDS and not name.endswith((".yaml", ".yml")):
        raise unknown_name("grid", name, GRIDS)
    cells = read_settings_files([GRIDS.get(name, name)])
    for cell, entry in cells.items():
        if entry and not isinstance(entry, dict):
            raise SettingsError(f"The cell {cell} of {name} has to hold settings, or nothing; it holds {entry!r}.")
        if entry and "seed" in entry:
            raise SettingsError(f"The cell {cell} of {name} has a seed: give seeds by --seeds, for all cells.")
    found = [(cell, {**start_of(cell, entry or {}), **with_texts(entry or {})}) for cell, entry in cells.items()]
    return {cell: {**entry, "place": place, "grid": Path(name).name} for place, (cell, entry) in enumerate(found)}


def with_texts(entry: dict[str, Any]) -> dict[str, Any]:
    """Return a cell, its label and group as texts: YAML reads 16 as a number."""
    return {**entry, **{key: str(entry[key]) for key in ("label", "group") if entry.get(key) is not None}}


def start_of(name: str, entry: dict[str, Any]) -> dict[str, Any]:
    """Return what an entry builds on: its name as label, or all of the known cell if it has no settings."""
    return {"label": name} if entry.keys() - set(ABOUT) else known_cell(name)


def known_cell(name: str) -> dict[str, Any]:
    """Return the cell of a tokenizer, a variant or a RecBole recommender."""
    model = "Pop" if name == POP else name
    if model in peer_names():
        return {"label": f"RecBole's {model}", "model": model}
    known = competitor(name)
    return {"label": known.title, **known.settings}
