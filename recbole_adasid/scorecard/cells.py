"""The cells of a scorecard, one tokenizer under one seed each, kept in files as they finish."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.io.array_file import read_arrays, write_arrays
from recbole_adasid.io.atomic import append_line
from recbole_adasid.io.forms import anything, fits, mapping_of, number, record, text, whole
from recbole_adasid.io.json_file import parse_json


@dataclass(frozen=True)
class Cell:
    """What one training of a tokenizer gave."""

    name: str
    """Of the tokenizer or variant."""
    title: str
    seed: int
    fingerprint: str
    """Of everything that determined codes and figures."""
    seconds: float
    """For learning and judging the Semantic IDs; next to nothing where the cache held them."""
    figures: dict[str, float]
    """Quality, agreement and proxy, by name."""


class CellFolder:
    """A folder with ``cells.jsonl``, one finished cell a line, and ``codes/``, one .npz a cell.

    A line is written when its codes are safe, so that a stopped scorecard loses no finished cell; several processes
    may share a folder as long as they work on different cells.
    """

    def __init__(self, path: Path) -> None:
        """Make the folder, if need be with its parents."""
        self.path = path
        self.lines = path / "cells.jsonl"
        path.mkdir(parents=True, exist_ok=True)

    def add(self, cell: Cell, codes: NDArray[np.int64]) -> None:
        """Keep a finished cell and its codes [N, L]."""
        write_arrays(self._codes_path(cell), {"codes": codes.astype(np.uint16)})
        append_line(self.lines, json.dumps(asdict(cell)))

    def cells(self) -> list[Cell]:
        """Return the finished cells, in the order they finished; of a cell that was run again, the last."""
        if not self.lines.exists():
            return []
        found: dict[tuple[str, int], Cell] = {}
        for line in self.lines.read_text(encoding="utf-8").splitlines():
            cell = _read(line)
            if cell is not None:
                found.pop((cell.name, cell.seed), None)
                found[cell.name, cell.seed] = cell
        return list(found.values())

    def codes(self, cell: Cell) -> NDArray[np.int64]:
        """Return the codes [N, L] of a finished cell."""
        return read_arrays(self._codes_path(cell), "codes")["codes"].astype(np.int64)

    def _codes_path(self, cell: Cell) -> Path:
        return self.path / "codes" / f"{cell.name}-{cell.seed}.npz"


def _read(line: str) -> Cell | None:
    """Return the cell of a line, or None for the half line that a killed process leaves behind, or one of no cell."""
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
    }
)
