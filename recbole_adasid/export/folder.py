"""The files that all exported folders share: items, prefix tree, a reader for both, and a description."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from recbole_adasid.export import tree_arrays
from recbole_adasid.export.standalone import semantic_ids
from recbole_adasid.export.tree_arrays import Arrays
from recbole_adasid.io.array_file import write_arrays
from recbole_adasid.io.atomic import write_atomically
from recbole_adasid.io.json_file import as_json, entry_a_line
from recbole_adasid.model.liger import LIGERModel
from recbole_adasid.model.prefix_tree import PrefixTree
from recbole_adasid.serving.recommender import Recommender
from recbole_adasid.settings.version import VERSION

STANDALONE = Path(semantic_ids.__file__).parent


def write_common(recommender: Recommender, folder: Path) -> Arrays:
    """Write items.json, semantic_ids.py and the tree of the items that may be recommended; return its arrays."""
    return _write_common(recommender, folder, recommender.model.catalogue.tree)


def write_scored(recommender: Recommender, folder: Path) -> None:
    """Write the same and, if tokens are normalised over the tree, what that takes, in softmax.npz.

    Normalising takes the removed items, too; in tree.npz they have states, but are at none.
    """
    model = recommender.model
    places = model.root
    generates = not isinstance(model, LIGERModel) or model.losses.generative > 0
    if places is None or not generates:
        write_common(recommender, folder)
        return
    everything = places.trained if places.everything is None else places.everything
    _write_common(recommender, folder, everything)
    write_arrays(folder / "softmax.npz", tree_arrays.softmax_arrays(everything, places.trained, model.network.softmax))


def _write_common(recommender: Recommender, folder: Path, tree: PrefixTree) -> Arrays:
    catalogue = recommender.model.catalogue
    rows = recommender.model.network.vocabulary.token_ids(catalogue.tokens[1:].long()).tolist()
    write_atomically(folder / "items.json", entry_a_line(zip(recommender.tokens, rows)))
    arrays = tree_arrays.tree_arrays(tree, recommended=catalogue.tree.leaf_items)
    write_arrays(folder / "tree.npz", arrays)
    copy_standalone("semantic_ids.py", folder)
    return arrays


def copy_standalone(name: str, folder: Path, new_name: str | None = None) -> None:
    """Copy a standalone file into a folder."""
    shutil.copyfile(STANDALONE / name, folder / (new_name or name))


def write_description(recommender: Recommender, folder: Path, to: str, more: Mapping[str, Any], readme: str) -> None:
    """Write export.json, with the format's own entries ``more``, and README.md."""
    model, sizes = recommender.model, recommender.model.catalogue.level_sizes
    present = np.zeros(len(recommender.tokens) + 1, dtype=bool)
    present[model.catalogue.tree.leaf_items.cpu().numpy()] = True
    about = {
        "version": semantic_ids.VERSION,
        "to": to,
        "written_by": f"recbole-adasid {VERSION}",
        "model": recommender.run_settings["model"],
        "dataset": recommender.run_settings["dataset"],
        "items": model.catalogue.tree.n_items,
        "removed": [item for item, here in zip(recommender.tokens, present[1:]) if not here],
        "levels": len(sizes),
        "level_sizes": sizes,
        "first_tokens": tree_arrays.first_tokens(sizes),
        "vocab_size": 1 + sum(sizes),
        "collision": model.catalogue.collision,
        "max_history": recommender.max_history,
        "beam_size": recommender.beam_size,
        "items.json": "tokens by item; items are numbered in this order, from 1; token = first_tokens[level] + code",
        "tree.npz": tree_arrays.MEANINGS,
        **({"softmax.npz": tree_arrays.SOFTMAX_MEANINGS} if (folder / "softmax.npz").exists() else {}),
        **more,
    }
    write_atomically(folder / "export.json", as_json(about))
    write_atomically(folder / "README.md", readme)
