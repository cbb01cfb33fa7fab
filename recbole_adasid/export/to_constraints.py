"""`--to=constraints`: the prefix tree as arrays, for serving systems with constrained decoding.

One of the files is the transition table for STATIC decoding (Sparse Transition-Accelerated Trie Index). Its layout is
that of the open-source implementation, youtube/static-constraint-decoding, with one dense level: a first token t leads
to state t + 1, states of longer prefixes are numbered from V + 1, a complete Semantic ID ends in state 0, and V rows of
padding follow, so that a read past the end stays inside the table.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from recbole_adasid.export import folder as common
from recbole_adasid.export.readme import constraints_readme
from recbole_adasid.export.tree_arrays import Arrays
from recbole_adasid.io.array_file import write_arrays
from recbole_adasid.serving.recommender import Recommender


def write_constraints(recommender: Recommender, folder: Path) -> str:
    """Write the folder, and return a description of what was written."""
    arrays = common.write_common(recommender, folder)
    write_arrays(folder / "static.npz", static_arrays(arrays, recommender.model.network.vocabulary.first_user))
    common.write_description(
        recommender, folder, "constraints", {"static.npz": MEANINGS}, constraints_readme(recommender)
    )
    return f"{len(arrays['row_pointers']) - 1} states and {len(arrays['tokens'])} edges"


def static_arrays(arrays: Arrays, vocab_size: int) -> Arrays:
    """Return the table of a tree given by :func:`~recbole_adasid.export.tree_arrays.tree_arrays`.

    Args:
        arrays: the tree.
        vocab_size: V, number of tokens including 0.
    """
    starts, pointers, tokens = (arrays[name] for name in ("level_starts", "row_pointers", "tokens"))
    firsts = tokens[: starts[2] - 1]  # below the root
    state = np.arange(starts[-1]) - starts[2] + vocab_size + 1
    state[1 : starts[2]] = firsts + 1
    state[starts[-2] :] = 0
    counts = np.zeros(vocab_size + 1 + max(0, starts[-2] - starts[2]), dtype=np.int64)
    inner = np.arange(1, starts[-2])  # prefixes between the root and the leaves
    counts[state[inner]] = np.diff(pointers)[inner]
    edges = np.arange(len(firsts), len(tokens))
    padding = np.full((vocab_size, 2), [vocab_size, 0])
    mask = np.zeros(vocab_size, dtype=bool)
    mask[firsts] = True
    return {
        "packed_csr": np.concatenate([np.stack([tokens[edges], state[edges + 1]], axis=1), padding]).astype(np.int32),
        "indptr": np.cumsum([0, *counts, vocab_size]).astype(np.int64),
        "layer_max_branches": np.array(
            [int(np.diff(pointers)[begin:end].max()) for begin, end in zip(starts[:-2], starts[1:-1])]
        ),
        "start_mask": mask,
        "dense_mask": mask,
        "dense_states": np.where(mask, np.arange(vocab_size) + 1, 0).astype(np.int32),
    }


MEANINGS = {
    "packed_csr": "int32 [edges + vocab_size, 2]: token and next state of every edge, then padding",
    "indptr": "int64 [states + 2]: edges of state s are packed_csr[indptr[s]] ... packed_csr[indptr[s + 1] - 1]",
    "layer_max_branches": "int64 [levels]: maximum number of children of a prefix, by length",
    "start_mask": "bool [vocab_size]: tokens that a Semantic ID can begin with",
    "dense_mask": "bool [vocab_size]: the same (d_dense = 1)",
    "dense_states": "int32 [vocab_size]: state after each first token",
}
"""What each array of :func:`static_arrays` holds."""
