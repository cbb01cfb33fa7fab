"""Item codes as a table: its column names and validity checks.

Letters: N items, L levels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

ITEM, SUFFIX = "item_id", "suffix"


def check_codes(item_tokens: Sequence[str], codes: np.ndarray, sizes: Sequence[int]) -> None:
    """Check that ``codes`` [N, L] belong to N different items and lie within their level's size.

    Raises:
        ValueError: if the shapes do not match, a token repeats or a code exceeds its level's size.
    """
    if codes.shape != (len(item_tokens), len(sizes)):
        raise ValueError(
            f"The codes have shape {codes.shape} for {len(item_tokens)} items on {len(sizes)} levels: "
            "pass one row per item and one column per level."
        )
    if len(set(item_tokens)) < len(item_tokens):
        raise ValueError(f"{len(item_tokens) - len(set(item_tokens))} item tokens repeat: pass each item once.")
    wrong = np.argwhere((codes < 0) | (codes >= np.array(sizes)))
    if len(wrong):
        row, level = wrong[0]
        raise ValueError(
            f"Item '{item_tokens[row]}' has the code {codes[row, level]} on level {level + 1}, which has "
            f"{sizes[level]} codewords: pass codes without level offsets."
        )
