"""New items into the catalogue of a finished run, and items out of it, on the command line.

    python -m recbole_adasid.new_items add --run_folder=runs/… --items=new.item [--features=new.npz]
    python -m recbole_adasid.new_items remove --run_folder=runs/… --items=gone.txt

`add` gives Semantic IDs to items that the model was not trained with, the codebooks as they are, and makes them
recommendable. `--items` is a table with the columns of the run's NAME.item: an `.item` file, or a .csv, .tsv, .jsonl
or .parquet with a header; `--columns="{item_id: sku, title: name}"` tells what they are called there, and
`--delimiter=semicolon` (comma, semicolon, tab, bar) what stands between the cells of a CSV. The run's own encoders make
features from it; with `--features=FILE`, an .npz of item_id and embedding, vectors of the kind the
tokenizer was trained on are taken instead. Items that are in the catalogue keep their Semantic ID, so that the same
file may come twice; items that were removed come back with theirs.

As the run's folder may be from somebody else, what its settings name is not followed everywhere: a model of texts or
images has to be on this machine already, under its name, and images are not fetched. With `--trusted=true`, for a run
of your own, models are downloaded or taken from folders, and images fetched where the run has image_download.

`remove` stops recommending the items of a file of tokens, one a line; histories may still name them.

If an item cannot be added or removed, nothing is changed; with `--bad_items=skip` the others are, and those that could
not be are listed with the reason.

Both write new-items.safetensors into the run's folder, which `python -m recbole_adasid.recommend` reads, and add a line
to new-items.jsonl, which tells what came and went and when; no other file of the run is touched.
"""

from __future__ import annotations

import itertools
import logging
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recbole_adasid.cli import parse_arguments, run_command
from recbole_adasid.host.settings import SettingsError, refuse_unknown_keys
from recbole_adasid.text_files import read_text_lines

if TYPE_CHECKING:
    import numpy as np

    from recbole_adasid.recommender import Recommender

OWN_KEYS = ("run_folder", "items", "features", "columns", "delimiter", "bad_items", "trusted")
ACTIONS = ("add", "remove")
SHOWN = 10


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments say and return the exit status: 0, or what :mod:`recbole_adasid.ending` says."""
    kept = "the change is kept whole or not at all: the same command again says which, and makes it if it was not"
    return run_command(
        arguments, str(__doc__), lambda given: _run(given[0], given[1:]), kept=kept, spare="name fewer items at a time"
    )


def _run(action: str, given: list[str]) -> None:
    if action not in ACTIONS:
        raise SettingsError(f"The first argument is {action!r}; valid: {', '.join(ACTIONS)}; see --help.")
    settings, _ = parse_arguments(given, as_written=[key for key in OWN_KEYS if key not in ("columns", "trusted")])
    refuse_unknown_keys(settings, OWN_KEYS, source="the command line")
    if not {"run_folder", "items"} <= settings.keys():
        raise SettingsError("Give --run_folder and --items; see --help.")
    if not isinstance(settings.get("columns", {}), dict):
        raise SettingsError(f"columns={settings['columns']!r} has to be a mapping, such as {{item_id: sku}}.")
    if not isinstance(settings.get("trusted", False), bool):
        raise SettingsError(f"trusted={settings['trusted']!r} has to be true or false.")
    # torch and all that needs it take longer to load than the help takes to print.
    from recbole_adasid.artefacts import RunFolder
    from recbole_adasid.recommender import Recommender

    folder = RunFolder.existing(settings["run_folder"], with_semantic_ids=True)
    with folder.in_use():
        recommender = Recommender.load(folder.path, trusted=settings.get("trusted", False))
        told, refused = (_add if action == "add" else _remove)(recommender, settings)
        path = recommender.save()
        _tell([*told, f"{recommender.n_recommended:,} items can be recommended; written to {path}"])
        _print_refused(refused)


def _tell(lines: Sequence[str]) -> None:
    """Print what became of a change that is kept: that nobody takes the words does not undo it."""
    try:
        print("\n".join(lines), flush=True)
    except OSError as error:
        print(f"the change is kept, but could not be shown here ({error.strerror})", file=sys.stderr)
        sys.stdout = None  # type: ignore[assignment]  # Python would try again, and fail, when it ends


def _add(recommender: Recommender, settings: Mapping[str, Any]) -> tuple[list[str], dict[str, str]]:
    """Add items and return what to tell of it, and which were refused and why."""
    from recbole_adasid.data.text import ITEM_COLUMN

    table = read_table(
        Path(settings["items"]),
        settings.get("columns") or {},
        run=recommender.run_settings,
        delimiter=settings.get("delimiter"),
    )
    features = settings.get("features")
    tokens, started = table[ITEM_COLUMN], time.perf_counter()
    vectors = None if features is None else read_vectors(Path(features), tokens)
    chosen = settings.get("bad_items", "refuse")
    arrival = recommender.add_items(tokens, features=vectors, table=table, bad_items=chosen)
    seconds = time.perf_counter() - started
    told = [
        f"{token}\t{semantic_id}\t{recommender.labels[token].title}".rstrip()
        for token, semantic_id in list(zip(arrival.items, arrival.semantic_ids))[:SHOWN]
    ]
    if len(arrival.items) > SHOWN:
        told.append(f"… and {len(arrival.items) - SHOWN:,} more")
    told.append(f"{len(arrival.items):,} items added in {seconds:.1f} s")
    if arrival.known:
        told.append(f"{len(arrival.known):,} were in the catalogue and keep their Semantic IDs")
    if arrival.moved:
        told.append(
            f"{len(arrival.moved):,} of them took another last code than their nearest, first {arrival.moved[0]!r}: as "
            "many items as the model can tell apart have that Semantic ID"
        )
    return told, arrival.refused


def _remove(recommender: Recommender, settings: Mapping[str, Any]) -> tuple[list[str], dict[str, str]]:
    """Remove items and return what to tell of it, and which were refused and why."""
    lines = filter(None, read_text_lines(Path(settings["items"])))
    departure = recommender.remove_items(lines, bad_items=settings.get("bad_items", "refuse"))
    return [f"{len(departure.items):,} items are not recommended any more"], departure.refused


def _print_refused(refused: Mapping[str, str]) -> None:
    for token, reason in list(refused.items())[:SHOWN]:
        print(f"skipped {token!r}: {reason}", file=sys.stderr)
    if len(refused) > SHOWN:
        print(f"… and {len(refused) - SHOWN:,} more, see new-items.jsonl", file=sys.stderr)


def read_table(
    path: Path, columns: Mapping[str, str], *, run: Mapping[str, Any] | None = None, delimiter: str | None = None
) -> dict[str, list[str]]:
    """Return the columns of a table of items, by the names that an `.item` file has for them.

    Args:
        path: of the table.
        columns: what it calls them; one that is left out has its own name, or that of the table the run was made from.
        run: settings of the run, whose own columns are taken too.
        delimiter: between the cells of a CSV file.

    Raises:
        FileNotFoundError: if there is no such file.
        SettingsError: for a column that there is not.
        ValueError: if it is damaged, or has no item.
    """
    from recbole_adasid.data.raw.tables import RawTable, table_items

    settings = run or {}
    if path.suffix == ".item":
        return _read_item_file(path, columns, settings)
    table = RawTable(path, delimiter)
    mapping = _mapping(table.columns, columns, settings)
    rows = table_items(table, mapping, key="columns", kept=_own_columns(settings))
    cells = list(rows.rows)
    if not cells:
        raise ValueError(f"{path} has no item: {rows.lines.summary()}")
    if not rows.lines.flawless:
        logging.getLogger(__name__).warning("%s", rows.lines.summary())
    names = [column.partition(":")[0] for column in rows.columns]
    return dict(zip(names, map(list, zip(*cells))))


def _read_item_file(path: Path, columns: Mapping[str, str], run: Mapping[str, Any]) -> dict[str, list[str]]:
    from recbole_adasid.data.atomic_text import AtomicText
    from recbole_adasid.data.text import ITEM_COLUMN, missing_column, read_item_table

    text = AtomicText(path, run.get("field_separator") or "\t", run.get("encoding") or "utf-8")
    items = _item_column(columns, run)
    table = read_item_table(text, item_field=items if items in text.columns() else ITEM_COLUMN)
    for name, raw in columns.items():
        if raw not in table:
            raise SettingsError(missing_column("columns", raw, list(table), path.name))
        table[name] = table[raw]
    return table


def _mapping(there: Sequence[str], columns: Mapping[str, str], run: Mapping[str, Any]) -> dict[str, str]:
    """Return what a table with the columns `there` calls those of an `.item` file."""
    from recbole_adasid.data.text import ITEM_COLUMN

    # That of the next products is often the table that the run was made from, with more lines.
    first = run.get("items_columns") or {}
    mapping = {**(first if set(first.values()) <= set(there) else {}), **columns}
    items = _item_column(mapping, run)
    mapping.pop(run.get("ITEM_ID_FIELD"), None)
    return {**mapping, ITEM_COLUMN: items if items in there or ITEM_COLUMN not in there else ITEM_COLUMN}


def _item_column(columns: Mapping[str, str], run: Mapping[str, Any]) -> str:
    """Return which column names the items: as it is mapped by its common or its own name, or else its own name."""
    from recbole_adasid.data.text import ITEM_COLUMN

    own = run.get("ITEM_ID_FIELD") or ITEM_COLUMN
    return columns.get(ITEM_COLUMN) or columns.get(own) or own


def _own_columns(run: Mapping[str, Any]) -> list[str]:
    """Return the columns of the `.item` file that the run's features and labels are made of."""
    from recbole_adasid.item_features import source_columns

    if not run:
        return []
    labels = [run[key] for key in ("title_field", "category_field") if run.get(key)]
    return list(dict.fromkeys([*itertools.chain(*(named for _, named in source_columns(run))), *labels]))


def read_vectors(path: Path, tokens: Sequence[str]) -> np.ndarray:
    """Return the vectors [A, d] of items from a feature file, NaN for those that it lacks.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is damaged, or has none of the items.
    """
    from recbole_adasid.data import features

    values, present = features.read_vectors(path, tokens, allow_missing=True)
    values[~present] = float("nan")
    return values


if __name__ == "__main__":
    sys.exit(main())
