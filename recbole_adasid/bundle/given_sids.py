"""Semantic IDs given to a run instead of learned: those of a bundle, for a dataset's items."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.bundle.content import BundleContent
from recbole_adasid.bundle.folder import read_content
from recbole_adasid.bundle.item_sids import ItemSIDs, as_item_sids
from recbole_adasid.io.digests import array_digest, fingerprint
from recbole_adasid.model.catalogue import MOST_LEVELS

logger = logging.getLogger(__name__)


def given_content(folder: str | Path, tokens: Sequence[str]) -> tuple[BundleContent, NDArray[np.int64]]:
    """Return the bundle in a folder and the row in it of each of the items [N], −1 for those that it lacks.

    Raises:
        FileNotFoundError: if there is no bundle in the folder.
        DamagedFile: if one of its files was changed.
        ValueError: if it has none of the items, or more levels than a model may have.
    """
    content = read_content(folder)
    if len(content.sids.level_sizes) > MOST_LEVELS:
        raise ValueError(
            f"{folder} has Semantic IDs of {len(content.sids.level_sizes)} levels, but a model reads at most "
            f"{MOST_LEVELS}: set sids_file to a bundle with fewer"
        )
    rows = content.sids.rows_of(tokens)
    known = int((rows >= 0).sum())
    if not known:
        check_known(folder, tokens, rows)
    if idle := len(content.sids.tokens) - known:
        logger.info("%s: ignored %d items that are not in the dataset", folder, idle)
    logger.warning(
        "%d Semantic IDs come from %s, which may have seen held-out validation or test interactions.",
        *(known, folder),
    )
    return content, rows


def check_known(folder: str | Path, tokens: Sequence[str], rows: NDArray[np.int64]) -> None:
    """Check that a bundle has every item.

    Args:
        folder: of the bundle.
        tokens: of the N items.
        rows: [N], their rows in the bundle.

    Raises:
        ValueError: if not.
    """
    missing = np.flatnonzero(rows < 0)
    if len(missing):
        first = tokens[int(missing[0])]
        raise ValueError(
            f"{folder} has no Semantic ID for {len(missing)} of {len(tokens)} items, first '{first}': filter these "
            "items out, or set sids_file to a bundle of this dataset"
        )


def remaining(sids: ItemSIDs, rows: NDArray[np.int64], *, with_suffix: bool) -> ItemSIDs | None:
    """Return the Semantic IDs of a bundle's other items, with their suffix or without; None if there are none.

    Args:
        sids: of the bundle.
        rows: [N], which are left out; −1 is ignored.
        with_suffix: whether the run tells items with equal codes apart.
    """
    others = np.ones(len(sids.tokens), dtype=bool)
    others[rows[rows >= 0]] = False
    if not others.any():
        return None
    tokens = [sids.tokens[row] for row in np.flatnonzero(others).tolist()]
    suffix = sids.suffix[others] if with_suffix and sids.suffix is not None else None
    return as_item_sids(tokens, sids.codes[others], sids.level_sizes, suffix)


def given_digest(folder: str | Path) -> str:
    """Return a digest of a bundle's items and all that a run takes from it for them.

    Raises:
        FileNotFoundError, DamagedFile: as :func:`given_content`.
    """
    content = read_content(folder)
    sids = content.sids
    about = {"tokens": list(sids.tokens), "level_sizes": list(sids.level_sizes), "kind": content.about["feature_kind"]}
    fitted = array_digest(*(content.fitted[name] for name in sorted(content.fitted)))
    return fingerprint({**about, "sids": array_digest(sids.sequences), "fitted": fitted})
