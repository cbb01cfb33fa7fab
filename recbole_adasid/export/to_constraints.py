"""`--to=constraints`: the prefix tree as arrays, for serving systems with constrained decoding."""

from __future__ import annotations

from pathlib import Path

from recbole_adasid.export import folder as common
from recbole_adasid.export import static_table
from recbole_adasid.export.readme import constraints_readme
from recbole_adasid.io.array_file import write_arrays
from recbole_adasid.serving.recommender import Recommender


def write_constraints(recommender: Recommender, folder: Path) -> str:
    """Write the folder, and return a description of what was written."""
    arrays = common.write_common(recommender, folder)
    write_arrays(
        folder / "static.npz", static_table.static_arrays(arrays, recommender.model.network.vocabulary.first_user)
    )
    common.write_description(
        recommender, folder, "constraints", {"static.npz": static_table.MEANINGS}, constraints_readme(recommender)
    )
    return f"{len(arrays['row_pointers']) - 1} states and {len(arrays['tokens'])} edges"
