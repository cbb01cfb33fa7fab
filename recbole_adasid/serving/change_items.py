"""Implementation of `recbole-adasid items`: add items to the catalogue of a finished run, or remove them."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recbole_adasid.io.text_file import read_text_lines
from recbole_adasid.settings.errors import SettingsError

if TYPE_CHECKING:
    import numpy as np

    from recbole_adasid.serving.recommender import Recommender

SHOWN = 10


def change_items(action: str, given: Mapping[str, Any]) -> None:
    """Add or remove items, and print the outcome.

    Args:
        action: `add` or `remove`.
        given: `run_folder`, `items` and the command's options.
    """
    # Check arguments first: importing torch takes longer than reporting a mistake.
    from recbole_adasid.run_folder.folder import RunFolder
    from recbole_adasid.serving.recommender import Recommender

    folder = RunFolder.existing(given["run_folder"], with_semantic_ids=True)
    with folder.in_use():
        recommender = Recommender.load(folder.path, trusted=given["trusted"])
        told, refused = (_add if action == "add" else _remove)(recommender, given)
        path = recommender.save(locked=True)
        written = f"; written to {path}" if path.exists() else ""  # a change of nothing writes no file
        _tell([*told, f"{recommender.n_recommended:,} items can be recommended{written}"])
        _print_refused(refused)


def _tell(lines: Sequence[str]) -> None:
    """Print the outcome of a saved change; a failing stdout does not undo it."""
    try:
        print("\n".join(lines), flush=True)
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        print(f"the change is saved, but could not be printed ({why})", file=sys.stderr)
        sys.stdout = None  # type: ignore[assignment]  # Python would try again at exit, and fail


def _add(recommender: Recommender, given: Mapping[str, Any]) -> tuple[list[str], dict[str, str]]:
    """Add items and return the lines to print, and the refused items with reasons."""
    from recbole_adasid.data.item_labels import ItemLabel
    from recbole_adasid.data.item_table import ITEM_COLUMN

    table = read_table(
        Path(given["items"]),
        given["columns"] or {},
        run=recommender.run_settings,
        delimiter=given["delimiter"],
    )
    features = given["features"]
    tokens, started = table[ITEM_COLUMN], time.perf_counter()
    vectors = None if features is None else read_vectors(Path(features), tokens)
    arrival = recommender.add_items(tokens, features=vectors, table=table, bad_items=given["bad_items"])
    seconds = time.perf_counter() - started
    told = [
        f"{token}\t{semantic_id}\t{recommender.labels.get(token, ItemLabel()).title}".rstrip()
        for token, semantic_id in list(zip(arrival.items, arrival.semantic_ids))[:SHOWN]
    ]
    if len(arrival.items) > SHOWN:
        told.append(f"… and {len(arrival.items) - SHOWN:,} more")
    told.append(f"{len(arrival.items):,} items added in {seconds:.1f} s")
    if arrival.known:
        told.append(f"{len(arrival.known):,} were already in the catalogue and keep their Semantic IDs")
    if arrival.moved:
        told.append(
            f"{len(arrival.moved):,} of them got a last code other than the nearest, first {arrival.moved[0]!r}: "
            "their nearest Semantic ID has no free suffix"
        )
    return told, arrival.refused


def _remove(recommender: Recommender, given: Mapping[str, Any]) -> tuple[list[str], dict[str, str]]:
    """Remove items and return the lines to print, and the refused items with reasons."""
    lines = filter(None, read_text_lines(Path(given["items"])))
    departure = recommender.remove_items(lines, bad_items=given["bad_items"])
    return [f"{len(departure.items):,} items are no longer recommended"], departure.refused


def _print_refused(refused: Mapping[str, str]) -> None:
    for token, reason in list(refused.items())[:SHOWN]:
        print(f"skipped {token!r}: {reason}", file=sys.stderr)
    if len(refused) > SHOWN:
        print(f"… and {len(refused) - SHOWN:,} more, see new-items.jsonl", file=sys.stderr)


def read_table(
    path: Path, columns: Mapping[str, str], *, run: Mapping[str, Any] | None = None, delimiter: str | None = None
) -> dict[str, list[str]]:
    """Return the columns of an item table, by their names in the run's `.item` file.

    Args:
        path: path of the table.
        columns: its column names; a column left out has its own name, or its name in the table the run was made from.
        run: settings of the run, whose columns are read too.
        delimiter: separator of a CSV file.

    Raises:
        FileNotFoundError: if there is no such file.
        SettingsError: for a missing column.
        ValueError: if it is damaged or has no items.
    """
    from recbole_adasid.data.convert.tables import RawTable, table_items
    from recbole_adasid.serving.new_item_table import own_columns

    settings = run or {}
    if path.suffix == ".item":
        return _read_item_file(path, columns, settings)
    table = RawTable(path, delimiter)
    mapping = _mapping(table.has, columns, settings)
    rows = table_items(table, mapping, key="columns", kept=own_columns(settings))
    cells = list(rows.rows)
    if not cells:
        raise ValueError(f"{path} has no item: {rows.lines.summary()}")
    if not rows.lines.flawless:
        logging.getLogger(__name__).warning("%s", rows.lines.summary())
    names = [column.partition(":")[0] for column in rows.columns]
    return dict(zip(names, map(list, zip(*cells))))


def _read_item_file(path: Path, columns: Mapping[str, str], run: Mapping[str, Any]) -> dict[str, list[str]]:
    from recbole_adasid.data.atomic_text import AtomicText
    from recbole_adasid.data.item_table import ITEM_COLUMN, missing_column, read_item_table

    text = AtomicText(path, run.get("field_separator") or "\t", run.get("encoding") or "utf-8")
    items = _item_column(columns, run)
    field = items if items in text.columns() else ITEM_COLUMN
    table = read_item_table(text, item_field=field, repeated=True)  # as in other tables: bad_items decides
    for name, raw in columns.items():
        if raw not in table:
            raise SettingsError(missing_column("columns", raw, list(table), path.name))
        table[name] = table[raw]
    return table


def _mapping(has: Callable[[str], bool], columns: Mapping[str, str], run: Mapping[str, Any]) -> dict[str, str]:
    """Return the names, in a table that tells which columns it has, of the columns of an `.item` file."""
    from recbole_adasid.data.item_table import ITEM_COLUMN

    mapping = {**_first_mapping(has, columns, run), **columns}
    items = _item_column(mapping, run)
    mapping.pop(run.get("ITEM_ID_FIELD") or ITEM_COLUMN, None)
    return {**mapping, ITEM_COLUMN: items if has(items) or not has(ITEM_COLUMN) else ITEM_COLUMN}


def _first_mapping(has: Callable[[str], bool], columns: Mapping[str, str], run: Mapping[str, Any]) -> dict[str, str]:
    """Return the run's own mapping of columns that are not mapped otherwise, as far as a table has them."""
    # New products often come as the table that the run was made from, with more lines.
    first = {name: raw for name, raw in (run.get("items_columns") or {}).items() if name not in columns}
    # A table with both names of a column is read like the one, or like the .item file, of which it has more names.
    like_first = sum(map(has, first.values())) >= sum(map(has, first))
    return {name: raw for name, raw in first.items() if has(raw) and (like_first or not has(name))}


def _item_column(columns: Mapping[str, str], run: Mapping[str, Any]) -> str:
    """Return the item column: as mapped under its common or its own name, or else its own name."""
    from recbole_adasid.data.item_table import ITEM_COLUMN

    own = run.get("ITEM_ID_FIELD") or ITEM_COLUMN
    return columns.get(ITEM_COLUMN) or columns.get(own) or own


def read_vectors(path: Path, tokens: Sequence[str]) -> np.ndarray:
    """Return the vectors [A, d] of items from a feature file, NaN for missing items.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is damaged.
    """
    from recbole_adasid.features import vectors

    values, present = vectors.read_vectors(path, tokens, allow_missing=True, all_missing=True)
    values[~present] = float("nan")
    return values
