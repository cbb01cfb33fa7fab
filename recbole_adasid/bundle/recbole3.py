"""RecBole 3's `item_sids.json`: `{"0": [12, 259, 519], …}`, integers by its item numbers, which start at 0.

The file does not describe its integers. RecBole 3 writes codes per level if it resolves collisions by Sinkhorn, and
codes numbered continuously across levels, followed by a suffix 1, 2, …, if it extends them. Its TIGER treats the
integers as tokens of one vocabulary and rejects equal sequences, so we write the latter.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pandas as pd

from recbole_adasid.bundle.item_sids import ItemSIDs
from recbole_adasid.bundle.layout import Layout
from recbole_adasid.bundle.peer_json import read_peer_json, write_peer_json

logger = logging.getLogger(__name__)

KIND = "recbole3"
_LARGEST = 2**31


def write_recbole3(
    path: str | Path,
    sids: ItemSIDs,
    *,
    suffix: bool | None = None,
    offset: bool | None = None,
    item2id: str | Path | None = None,
) -> Path:
    """Write item_sids.json, and next to it item_sids.item2id and item_sids.json.about.json.

    Args:
        path: path of the JSON.
        sids: Semantic IDs to write.
        suffix: write it after the codes; None: if there is one.
        offset: number codes continuously across levels; None: yes.
        item2id: a map whose numbers are the keys, see :func:`~recbole_adasid.bundle.peer_json.write_peer_json`.

    Raises:
        ValueError: for a missing suffix or missing items.
    """
    with_suffix = sids.suffix is not None if suffix is None else suffix
    layout = Layout(offset is not False, with_suffix, 0, tuple(sids.level_sizes))
    if not with_suffix and (sharing := int(pd.DataFrame(sids.codes).duplicated(keep=False).sum())):
        logger.warning("%d items share a Semantic ID with another one: RecBole 3's TIGER refuses such a file.", sharing)
    return write_peer_json(Path(path), KIND, sids, layout, entry=lambda place, code: code, item2id=item2id)


def read_recbole3(path: str | Path, *, item2id: str | Path | None = None, **told: Any) -> ItemSIDs:
    """Return the Semantic IDs of an item_sids.json.

    Args:
        path: of the JSON.
        item2id: see :func:`~recbole_adasid.bundle.peer_json.read_peer_json`.
        told: ``offset`` and ``suffix``, required if the file has no about.json; ``first_code``
            (usually 0) and ``level_sizes``.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is damaged or contradicts the options.
    """
    return read_peer_json(Path(path), value=_value, told=told, usual={}, item2id=item2id)


def _value(place: int, entry: Any) -> int:
    if not isinstance(entry, int) or isinstance(entry, bool) or not 0 <= entry < _LARGEST:
        raise ValueError(f"{str(entry)[:40]!r} at position {place + 1} is not a whole number of 0 or more")
    return entry
