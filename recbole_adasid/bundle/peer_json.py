"""JSON files keyed by item numbers, `{"0": [entry of level 1, …], …}`, and their item maps."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from recbole_adasid.bundle.about_file import about_path, layout_of, read_about, write_about
from recbole_adasid.bundle.item_map import read_item_map, row_numbers, write_item_map
from recbole_adasid.bundle.item_sids import ItemSIDs
from recbole_adasid.bundle.layout import Layout, understood, written
from recbole_adasid.io.atomic import write_atomically
from recbole_adasid.io.digests import file_digest
from recbole_adasid.io.json_file import entry_a_line, parse_json, read_json
from recbole_adasid.settings.errors import SettingsError

logger = logging.getLogger(__name__)

MAP_ENDING = ".item2id"
TOKENS = "tokens"
"""In place of an item map: the keys are item tokens."""


def write_peer_json(
    path: Path,
    kind: str,
    sids: ItemSIDs,
    layout: Layout,
    *,
    entry: Callable[[int, int], Any],
    item2id: str | Path | None = None,
) -> Path:
    """Write Semantic IDs by item number, with the item map and a description of the integers.

    Args:
        path: path of the JSON.
        kind: name of the format.
        sids: Semantic IDs to write.
        layout: meaning of the integers.
        entry: returns the file's entry for an integer at a place, from 0.
        item2id: a map whose numbers are the keys, and whose items are written; None: number the rows from 0.

    Raises:
        FileNotFoundError: if there is no such map.
        ValueError: if the map names an item without a Semantic ID, or another map already exists next to the file.
    """
    numbers = row_numbers(sids.tokens) if item2id is None else read_item_map(Path(item2id))
    rows = sids.rows_of(list(numbers))
    if (rows < 0).any():
        missing = list(numbers)[int(np.flatnonzero(rows < 0)[0])]
        raise ValueError(
            f"{item2id} names {int((rows < 0).sum())} items without a Semantic ID, first '{missing}': remove them "
            "from the map."
        )
    if len(rows) < len(sids.tokens):
        logger.info("Left out %d items that are not in %s.", len(sids.tokens) - len(rows), item2id)
    table = written(sids, layout)[rows].tolist()
    entries = ([entry(place, value) for place, value in enumerate(row)] for row in table)
    item_map, is_there = _place_of_map(path, numbers)
    write_atomically(path, entry_a_line(zip(numbers.values(), entries)))
    write_about(path, kind, layout, len(rows), item_map if is_there else write_item_map(item_map, numbers))
    return path


def map_beside(path: Path) -> Path:
    """Return the path of the item map of NAME.index.json or NAME.json: NAME.item2id."""
    return path.with_name(path.name.removesuffix(path.suffix).removesuffix(".index") + MAP_ENDING)


def _place_of_map(path: Path, numbers: Mapping[str, int]) -> tuple[Path, bool]:
    """Return the path of an export's map, and whether it is there; one that is not from an export is left alone."""
    item_map, told_in = map_beside(path), about_path(path)
    is_there = item_map.is_file() and read_item_map(item_map) == numbers
    if item_map.is_file() and not is_there:
        earlier = read_json(told_in).get("item_map_sha256") if told_in.is_file() else None
        if earlier != file_digest(item_map):
            raise ValueError(
                f"{item_map} exists and numbers items differently: set item2id={item_map} to use its numbers, or "
                "choose another name."
            )
    return item_map, is_there


def read_peer_json(
    path: Path,
    *,
    value: Callable[[int, Any], int],
    told: Mapping[str, Any],
    usual: Mapping[str, Any],
    item2id: str | Path | None = None,
) -> ItemSIDs:
    """Return the Semantic IDs of a file keyed by item numbers, or by item tokens.

    Args:
        path: path of the JSON.
        value: the integer of an entry at a place, from 0; raises ValueError for invalid entries.
        told: layout options, see :func:`~recbole_adasid.bundle.about_file.layout_of`.
        usual: values fixed by the format's documentation.
        item2id: the item map; None: NAME.item2id next to the file; "tokens": the keys are item tokens.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is damaged, does not match its item map, or contradicts the options.
    """
    entries, about = _read(path), read_about(path)
    layout = layout_of(path, about, told, usual)
    tokens, keys = _items(path, list(entries), item2id, about)
    rows = [_row(path, key, entries[key], value) for key in keys]
    return understood(tokens, rows, layout, str(path))


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path} of Semantic IDs: check the path.")
    try:
        found = parse_json(path.read_text(encoding="utf-8-sig"), object_pairs_hook=_without_repetition)
    except ValueError as error:
        raise ValueError(f"{path} is not JSON of Semantic IDs ({error}): use the file as published") from None
    if not isinstance(found, dict) or not found:
        raise ValueError(f'{path} holds no Semantic IDs by item, which look like {{"0": [12, 3, 7], …}}')
    return found


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) < len(pairs):
        counts = Counter(key for key, _ in pairs)
        raise ValueError(f"the item {next(key for key, count in counts.items() if count > 1)!r} occurs twice")
    return entries


def _items(
    path: Path, keys: list[str], item2id: str | Path | None, about: Mapping[str, Any]
) -> tuple[Sequence[str], Sequence[str]]:
    """Return the items' tokens and their keys."""
    if item2id == TOKENS:
        return keys, keys
    map_path = map_beside(path) if item2id is None else Path(item2id)
    if not map_path.is_file():
        raise SettingsError(
            f"{path} is keyed by item numbers, but there is no item map {map_path}: set item2id to a file of lines of "
            "item token, tab and number, or to `tokens` if the keys are item tokens."
        )
    if item2id is None and about.get("item_map_sha256") not in (None, file_digest(map_path)):
        raise ValueError(f"{map_path} is not the item map that {path} was written with: restore it, or set item2id.")
    numbers = read_item_map(map_path)
    named = [str(number) for number in numbers.values()]
    for some, others, where, lacks in ((named, set(keys), map_path, path), (keys, set(named), path, map_path)):
        unknown = [key for key in some if key not in others]
        if unknown:
            raise ValueError(
                f"{where} has {len(unknown)} item numbers that {lacks} lacks, first {unknown[0]!r}: both have to "
                "number the same items in the same way, from 0 or from 1."
            )
    return list(numbers), named


def _row(path: Path, key: str, entries: Any, value: Callable[[int, Any], int]) -> list[int]:
    try:
        if not isinstance(entries, list):
            raise ValueError("not a list")
        return [value(place, entry) for place, entry in enumerate(entries)]
    except ValueError as error:
        raise ValueError(f"{path}: the Semantic ID of item {key!r} cannot be read: {error}") from None
