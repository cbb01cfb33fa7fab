"""The cells of a scorecard, each one tokenizer under one seed, saved as they finish."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.io.array_file import read_arrays, write_arrays
from recbole_adasid.io.atomic import append_line
from recbole_adasid.io.checked_values import anything, fits, mapping_of, number, record, text, whole
from recbole_adasid.io.json_file import parse_json


@dataclass(frozen=True)
class Cell:
    """The result of training a tokenizer once."""

    name: str
    """Name of the tokenizer or variant."""
    title: str
    seed: int
    fingerprint: str
    """Fingerprint of everything that determined codes and figures."""
    seconds: float
    """For learning and scoring the Semantic IDs; almost zero if they were cached."""
    figures: dict[str, float]
    """Quality, agreement and proxy, by name."""
    settings: str = ""
    """Digest of the settings that all seeds share, see `shared_settings.py`; empty in older lines."""
    common: str = ""
    """Digest of the settings that all rows share, and their dataset; empty in older lines, which any rows join."""


class CellFolder:
    """A folder with ``cells.jsonl``, one finished cell per line, and ``codes/``, one .npz per cell.

    A line is written after its codes are saved, so that a stopped scorecard loses no finished cell; several processes
    may share a folder as long as they run different cells.
    """

    def __init__(self, path: Path) -> None:
        """Create the folder, with its parents if necessary."""
        self.path = path
        self.lines = path / "cells.jsonl"
        path.mkdir(parents=True, exist_ok=True)

    def add(self, cell: Cell, codes: NDArray[np.int64]) -> None:
        """Save a finished cell and its codes [N, L]."""
        write_arrays(self._codes_path(cell), {"codes": codes.astype(np.uint16)})
        self._append(cell)

    def finished(self, name: str, seed: int, fingerprint: str, settings: str, common: str = "") -> Cell | None:
        """Return the cell that need not be run again, or None.

        From then on it counts under ``settings`` and ``common``, which others may have replaced since.
        """
        key = name, seed, fingerprint
        found = next((cell for cell in self._last() if (cell.name, cell.seed, cell.fingerprint) == key), None)
        if found is None or (found.settings, found.common) == (settings, common) and found in self.cells():
            return found
        found = replace(found, settings=settings, common=common)
        self._append(found)
        return found

    def cells(self) -> list[Cell]:
        """Return the finished cells in order.

        Of a cell that was run again the last counts, of a name only the settings of its last cell, and of all cells
        only those that share the last one's dataset and common settings.
        """
        found = self._of_last_settings()
        common = next((cell.common for cell in reversed(found) if cell.common), "")
        return [cell for cell in found if cell.common in ("", common)]

    def replaced(self) -> list[Cell]:
        """Return the cells that :meth:`cells` leaves out, because their names have got other settings since."""
        kept = self._of_last_settings()
        return [cell for cell in self._last() if cell not in kept]

    def set_apart(self) -> list[Cell]:
        """Return the cells that :meth:`cells` leaves out, because of another dataset or other common settings."""
        kept = self.cells()
        return [cell for cell in self._of_last_settings() if cell not in kept]

    def _of_last_settings(self) -> list[Cell]:
        found = self._last()
        settings = {cell.name: cell.settings for cell in found}
        return [cell for cell in found if cell.settings == settings[cell.name]]

    def codes(self, cell: Cell) -> NDArray[np.int64]:
        """Return the codes [N, L] of a finished cell."""
        return read_arrays(self._codes_path(cell), "codes")["codes"].astype(np.int64)

    def _last(self) -> list[Cell]:
        """Return the last cell of each name and seed, in order."""
        if not self.lines.exists():
            return []
        found: dict[tuple[str, int], Cell] = {}
        for line in self.lines.read_text(encoding="utf-8").splitlines():
            cell = _read(line)
            if cell is not None:
                found.pop((cell.name, cell.seed), None)
                found[cell.name, cell.seed] = cell
        return list(found.values())

    def _append(self, cell: Cell) -> None:
        append_line(self.lines, json.dumps(asdict(cell)))

    def _codes_path(self, cell: Cell) -> Path:
        return self.path / "codes" / f"{cell.name}-{cell.seed}.npz"


def _read(line: str) -> Cell | None:
    """Return the cell of a line, or None for an incomplete line left by a killed process, or an invalid one."""
    try:
        found = parse_json(line)
        _FORM(found, "the cell")
        return Cell(**found)
    except (ValueError, TypeError):
        return None


def _file_name(value: Any, name: str) -> None:
    text(value, name)
    fits(value, name, "no path", not {"/", "\\"} & set(value) and not value.startswith("."))


_FORM = record(
    {
        **{"name": _file_name, "title": text, "seed": whole(), "fingerprint": text, "seconds": number()},
        "figures": mapping_of(anything),
    },
    {"settings": text, "common": text},
)
