"""Semantic IDs given to a run instead of learned: those of a bundle, in the order of a dataset's items."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.bundle.folder import read_content
from recbole_adasid.io.digests import array_digest, fingerprint
from recbole_adasid.model.catalogue import MOST_LEVELS

logger = logging.getLogger(__name__)


def given_codes(folder: str | Path, tokens: Sequence[str]) -> tuple[NDArray[np.int64], list[int]]:
    """Return the codes [N, L] of items from the bundle in a folder, and its level sizes.

    The bundle's other items are ignored, and so is its suffix: a run numbers items with equal codes itself.

    Raises:
        FileNotFoundError: if there is no bundle in the folder.
        DamagedFile: if one of its files was changed.
        ValueError: if an item has no Semantic ID in it, or they have more levels than a model may have.
    """
    sids = read_content(folder, with_tokenizer=False).sids
    if len(sids.level_sizes) > MOST_LEVELS:
        raise ValueError(
            f"{folder} has Semantic IDs of {len(sids.level_sizes)} levels, and a model reads at most {MOST_LEVELS}: "
            "set sids_file to a bundle with fewer"
        )
    rows = sids.rows_of(tokens)
    missing = np.flatnonzero(rows < 0)
    if len(missing):
        first = tokens[int(missing[0])]
        raise ValueError(
            f"{folder} has no Semantic ID for {len(missing)} of {len(tokens)} items, first '{first}': filter these "
            "items out, or set sids_file to a bundle of this dataset"
        )
    if idle := len(sids.tokens) - len(tokens):
        logger.info("%s: ignored %d items that are not in the dataset", folder, idle)
    logger.warning(
        "%d Semantic IDs come from %s: whether they know held-out validation or test interactions is unknown.",
        *(len(tokens), folder),
    )
    return sids.codes[rows], list(sids.level_sizes)


def given_digest(folder: str | Path) -> str:
    """Return a digest of all Semantic IDs of a bundle and their items.

    Raises:
        FileNotFoundError, DamagedFile: as :func:`given_codes`.
    """
    sids = read_content(folder, with_tokenizer=False).sids
    about = {"tokens": list(sids.tokens), "level_sizes": list(sids.level_sizes)}
    return fingerprint({**about, "codes": array_digest(sids.codes)})
