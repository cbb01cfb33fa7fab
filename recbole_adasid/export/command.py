"""Implementation of `recbole-adasid export`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from recbole_adasid.export.to_constraints import write_constraints
from recbole_adasid.export.to_torch import write_torch
from recbole_adasid.export.to_transformers import write_transformers
from recbole_adasid.io.whole_folder import check_new_folder, new_folder
from recbole_adasid.serving.recommender import Recommender
from recbole_adasid.serving.trained_model import CHOICES

WRITERS: dict[str, Callable[[Recommender, Path], str]] = {
    "transformers": write_transformers,
    "torch": write_torch,
    "constraints": write_constraints,
}


def export(given: Mapping[str, Any]) -> None:
    """Export a run's recommender to another runtime.

    Args:
        given: the command's options.

    Raises:
        FileExistsError: if `out` is not a new or empty folder.
        ValueError: if the run cannot be exported this way.
    """
    out = Path(given["out"])
    check_new_folder(out)
    recommender = Recommender.load(given["run_folder"], **{name: given[name] for name in CHOICES})
    with new_folder(out, last="export.json") as folder:
        written = WRITERS[given["to"]](recommender, folder)
    print(f"{recommender.n_recommended} items, {written}: {out}")
