"""The index files of LETTER, LC-Rec and MiniOneRec: `NAME.index.json`, `{"0": ["<a_12>", "<b_3>", "<c_7>"], …}`.

Keys are item numbers from 0, as in `NAME.item2id`. The letter is the level, the number the code within it, counted from
0 (from 1 in files of MiniOneRec's constrained k-means, which also writes `<|a_13|>`).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from recbole_adasid.bundle.item_sids import ItemSIDs
from recbole_adasid.bundle.layout import Layout
from recbole_adasid.bundle.peer_json import read_peer_json, write_peer_json

KIND = "letter"
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_ENTRY = re.compile(r"<\|?([a-z])_([0-9]{1,9})\|?>")
_USUAL = {"offset": False, "suffix": False}


def write_letter(
    path: str | Path,
    sids: ItemSIDs,
    *,
    suffix: bool | None = None,
    offset: bool | None = None,
    item2id: str | Path | None = None,
) -> Path:
    """Write NAME.index.json, and next to it NAME.item2id and NAME.index.json.about.json.

    Args:
        path: path of the index file.
        sids: Semantic IDs to write.
        suffix: write it as an additional level, so that no two items are equal; None: if there is one.
        offset: number codes continuously across levels; None: no, as in these projects.
        item2id: a map whose numbers are the keys, see :func:`~recbole_adasid.bundle.peer_json.write_peer_json`.

    Raises:
        ValueError: for more levels than letters, or a missing suffix or missing items.
    """
    with_suffix = sids.suffix is not None if suffix is None else suffix
    layout = Layout(bool(offset), with_suffix, 0, tuple(sids.level_sizes))
    if len(sids.level_sizes) + with_suffix > len(_LETTERS):
        raise ValueError(f"{len(sids.level_sizes)} levels need more letters than there are: choose another format")
    return write_peer_json(
        Path(path), KIND, sids, layout, entry=lambda place, code: f"<{_LETTERS[place]}_{code}>", item2id=item2id
    )


def read_letter(path: str | Path, *, item2id: str | Path | None = None, **told: Any) -> ItemSIDs:
    """Return the Semantic IDs of an index file.

    Args:
        path: path of the index file.
        item2id: see :func:`~recbole_adasid.bundle.peer_json.read_peer_json`.
        told: ``offset``, ``suffix`` (both usually False), ``first_code`` (usually 0) and ``level_sizes``.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is damaged or contradicts the options.
    """
    known: dict[Any, tuple[str, int]] = {}  # few entries, each in many items
    return read_peer_json(
        Path(path), value=lambda place, entry: _value(place, entry, known), told=told, usual=_USUAL, item2id=item2id
    )


def _value(place: int, entry: Any, known: dict[Any, tuple[str, int]]) -> int:
    if not isinstance(entry, str):
        raise ValueError(f"{entry!r} is not a string such as '<a_12>'")
    if entry not in known:
        found = _ENTRY.fullmatch(entry)
        if found is None:
            raise ValueError(f"{entry!r} is not of the form '<a_12>'")
        known[entry] = found[1], int(found[2])
    letter, code = known[entry]
    if letter != _LETTERS[place : place + 1]:
        raise ValueError(f"{entry!r} is on level {place + 1}, where the letter is {_LETTERS[place : place + 1]!r}")
    return code
