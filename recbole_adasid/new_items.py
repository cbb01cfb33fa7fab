"""New items into the catalogue of a finished run, and items out of it, on the command line.

    python -m recbole_adasid.new_items add --run_folder=runs/… --items=new.item [--features=new.npz]
    python -m recbole_adasid.new_items remove --run_folder=runs/… --items=gone.txt

`add` gives Semantic IDs to items that the model was not trained with, the codebooks as they are, and makes them
recommendable. `--items` is a table with the columns of the run's NAME.item: an `.item` file, or a .csv, .tsv, .jsonl
or .parquet with a header; `--columns="{item_id: sku, title: name}"` tells what they are called there. The run's own
encoders make features from it; with `--features=FILE`, an .npz of item_id and embedding, vectors of the kind the
tokenizer was trained on are taken instead. Items that were removed come back with their old Semantic ID.

`remove` stops recommending the items of a file of tokens, one a line; histories may still name them.

Both write new-items.safetensors into the run's folder, which `python -m recbole_adasid.recommend` reads; no other file
of the run is touched.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from recbole_adasid.artefacts import RunFolder
from recbole_adasid.cli import parse_arguments
from recbole_adasid.data.array_file import as_tokens, load_arrays
from recbole_adasid.data.atomic_text import AtomicText
from recbole_adasid.data.raw.tables import RawTable, table_items
from recbole_adasid.data.text import ITEM_COLUMN, read_item_table
from recbole_adasid.host.settings import SettingsError, refuse_unknown_keys
from recbole_adasid.recommender import Recommender

OWN_KEYS = ("run_folder", "items", "features", "columns")
ACTIONS = ("add", "remove")
SHOWN = 10


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments say and return the exit status: 0, 2 for a mistake, 130 for Ctrl-C."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or "--help" in given or "-h" in given:
        print(__doc__)
        return 0
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        _run(given[0], given[1:])
    except KeyboardInterrupt:
        print("\nstopped: nothing was changed", file=sys.stderr)
        return 130
    except (ValueError, ImportError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _run(action: str, given: list[str]) -> None:
    if action not in ACTIONS:
        raise SettingsError(f"The first argument is {action!r}; valid: {', '.join(ACTIONS)}; see --help.")
    settings, _ = parse_arguments(given, as_written=("run_folder", "items", "features"))
    refuse_unknown_keys(settings, OWN_KEYS, source="the command line")
    if not {"run_folder", "items"} <= settings.keys():
        raise SettingsError("Give --run_folder and --items; see --help.")
    folder = RunFolder.existing(settings["run_folder"])
    with folder.in_use():
        recommender = Recommender.load(folder.path)
        items = Path(settings["items"])
        if action == "add":
            _add(recommender, read_table(items, settings.get("columns") or {}), settings.get("features"))
        else:
            _remove(recommender, [token for token in items.read_text(encoding="utf-8").splitlines() if token])
        print(f"written to {recommender.save()}")


def _add(recommender: Recommender, table: dict[str, list[str]], features: str | None) -> None:
    tokens, started = table[ITEM_COLUMN], time.perf_counter()
    vectors = None if features is None else read_vectors(Path(features), tokens)
    arrival = recommender.add_items(tokens, features=vectors, table=table)
    seconds = time.perf_counter() - started
    for token, semantic_id in list(zip(arrival.items, arrival.semantic_ids))[:SHOWN]:
        print(f"{token}\t{semantic_id}\t{recommender.labels[token].title}".rstrip())
    if len(tokens) > SHOWN:
        print(f"… and {len(tokens) - SHOWN:,} more")
    print(f"{len(tokens):,} items have Semantic IDs after {seconds:.1f} s, {len(recommender.tokens):,} in all")
    if arrival.moved:
        print(
            f"{len(arrival.moved):,} of them took another last code than their nearest, first {arrival.moved[0]!r}: as "
            "many items as the model can tell apart have that Semantic ID"
        )


def _remove(recommender: Recommender, tokens: list[str]) -> None:
    recommender.remove_items(tokens)
    print(f"{len(set(tokens)):,} items are not recommended any more")


def read_table(path: Path, columns: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the columns of a table of items, by the names that an `.item` file has for them.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is damaged, or has no item.
    """
    if path.suffix == ".item":
        return read_item_table(AtomicText(path, "\t", "utf-8"))
    rows = table_items(RawTable(path), columns)
    cells = list(rows.rows)
    if not cells:
        raise ValueError(f"{path} has no item: {rows.lines.summary()}")
    names = [column.partition(":")[0] for column in rows.columns]
    return dict(zip(names, map(list, zip(*cells))))


def read_vectors(path: Path, tokens: Sequence[str]) -> np.ndarray:
    """Return the vectors [A, d] of items from an .npz of item_id and embedding.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is damaged, or lacks an item.
    """
    arrays: dict[str, Any] = load_arrays(
        path, ("item_id", "embedding"), saved_by="numpy.savez(path, item_id=…, embedding=…)"
    )
    row_of = {token: row for row, token in enumerate(as_tokens(path, "item_id", arrays["item_id"]))}
    missing = [token for token in tokens if token not in row_of]
    if missing:
        raise ValueError(f"{path} has no vector for {len(missing)} items, first {missing[0]!r}: add them")
    return arrays["embedding"][[row_of[token] for token in tokens]]


if __name__ == "__main__":
    sys.exit(main())
