"""Item pairs from a user's file."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recbole_adasid.data.arrow_ids import tokens_of_arrow
from recbole_adasid.data.atomic_text import AtomicText, Column
from recbole_adasid.io.array_file import as_tokens, load_arrays
from recbole_adasid.io.one_line import first_line
from recbole_adasid.io.parquet import require_pyarrow
from recbole_adasid.pairs.item_pairs import ItemPairs, sorted_pairs

logger = logging.getLogger(__name__)

_COLUMNS = (Column("trigger", "pair_file", "token"), Column("target", "pair_file", "token"))
_SAVED_BY = "numpy.savez(path, trigger=…, target=…, weight=…)"
Place = Callable[[int], str]


def load_pair_file(path: str | Path, item_tokens: Sequence[str]) -> ItemPairs:
    """Load directed item pairs with weights above 0, or without weights: then each weighs 1.

    An `.npz` holds `trigger` [R], `target` [R] and optionally `weight` [R]. A `.tsv` is tab-separated with the first
    line `trigger:token target:token` and optionally `weight:float`. A `.parquet`, or a folder of them, has columns with
    these names. Pairs with an item that is not in `item_tokens` are dropped and counted in the log.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is invalid, a weight is not a finite number above 0, an item is paired with itself, a
            pair repeats, or no pair remains.
    """
    path = Path(path)
    ending = ".parquet" if path.is_dir() else path.suffix
    if ending not in _READERS:
        raise ValueError(f"{path}: item pairs must be .npz, .tsv or .parquet, not '{ending}': convert the file.")
    if not path.exists():
        raise FileNotFoundError(f"There is no file of item pairs {path}: correct pair_file.")
    trigger, target, weight, place = _READERS[ending](path)
    rows = pd.Index(item_tokens)
    first, second = rows.get_indexer(pd.Index(trigger)), rows.get_indexer(pd.Index(target))
    _check(trigger, target, weight, place)
    known = (first >= 0) & (second >= 0)
    if not len(known):
        raise ValueError(f"{path} holds no item pairs: name another file.")
    if not known.any():
        raise ValueError(f"{path}: none of the {len(known)} pairs names two items of the dataset: check the tokens.")
    if not known.all():
        logger.info("%s: %d of %d pairs skipped: items without interactions", path, *_counts(known))
    logger.warning(
        "%d item pairs come from %s: they may leak interactions held out for validation or test.",
        *(int(known.sum()), path),
    )
    return sorted_pairs(first[known], second[known], weight[known], None)


def _counts(known: NDArray[np.bool_]) -> tuple[int, int]:
    return int((~known).sum()), len(known)


def _check(trigger: list[str], target: list[str], weight: NDArray, place: Place) -> None:
    """Refuse invalid pairs, naming their line or row by `place`."""
    table = pd.DataFrame({"trigger": trigger, "target": target})
    with np.errstate(over="ignore"):
        narrow = weight.astype(np.float32)
    for bad, what in (
        (~np.isfinite(narrow) | (narrow <= 0), "has a weight that is not a finite number above 0: fix it"),
        ((table["trigger"] == table["target"]).to_numpy(), "pairs an item with itself: remove it"),
        (table.duplicated().to_numpy(), "repeats a pair: keep one"),
    ):
        if bad.any():
            raise ValueError(f"{place(int(np.flatnonzero(bad)[0]))} {what}.")


def _read_npz(path: Path) -> tuple[list[str], list[str], NDArray, Place]:
    arrays = load_arrays(path, ("trigger", "target"), ("weight",), saved_by=_SAVED_BY)
    trigger, target = (as_tokens(path, name, arrays[name]) for name in ("trigger", "target"))
    weight = arrays.get("weight", np.ones(len(trigger)))
    if weight.dtype.kind not in "iuf" or not (len(trigger),) == (len(target),) == weight.shape:
        raise ValueError(
            f"{path}: there are {len(trigger)} triggers, {len(target)} targets and weights of shape {weight.shape} "
            f"and type {weight.dtype}: save one number per pair."
        )
    return trigger, target, weight, lambda row: f"{path}, row {row}"


def _read_tsv(path: Path) -> tuple[list[str], list[str], NDArray, Place]:
    text = AtomicText(path)
    names = list(text.check(_COLUMNS))
    lines = text.rows()
    next(lines)
    cells = [(line, *row) for line, row in lines]
    columns = dict(zip(("", *names), zip(*cells)))
    weight = np.ones(len(cells))
    if "weight" in names:
        weight = pd.to_numeric(pd.Series(columns["weight"]), errors="coerce").to_numpy(dtype=np.float64)
    numbers = columns[""]
    return list(columns["trigger"]), list(columns["target"]), weight, lambda row: f"{path}, line {numbers[row]}"


def _read_parquet(path: Path) -> tuple[list[str], list[str], NDArray, Place]:
    """Read one Parquet file, or all in a folder, sorted by name."""
    pyarrow, parquet = require_pyarrow(path)
    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    if not files:
        raise ValueError(f"{path} holds no .parquet file: name an item-pair file or a folder of them.")
    try:
        table = pyarrow.concat_tables([parquet.read_table(file) for file in files])
        columns = {name: table.column(name) for name in ("trigger", "target")}
        weight = np.ones(len(table))
        if "weight" in table.column_names:
            weight = table.column("weight").to_numpy().astype(np.float64)
    except (pyarrow.ArrowException, OSError, KeyError, ValueError) as error:
        raise ValueError(
            f"{path} cannot be read as columns trigger, target and weight ({first_line(error)}): re-create the file."
        ) from None
    names = {name: tokens_of_arrow(column, path, name).tolist() for name, column in columns.items()}
    for name, tokens in names.items():
        if None in tokens:
            raise ValueError(f"{path}, row {tokens.index(None)}: the {name} is missing: fill it in or drop the pair.")
    return names["trigger"], names["target"], weight, lambda row: f"{path}, row {row}"


_READERS = {".npz": _read_npz, ".tsv": _read_tsv, ".parquet": _read_parquet}
