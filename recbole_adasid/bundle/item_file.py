"""RecBole `.item` files with Semantic IDs: a token column for each level and each longer prefix, and their vectors."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, repeat
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.bundle.item_map import check_fits_a_cell
from recbole_adasid.bundle.item_sids import ItemSIDs
from recbole_adasid.data.atomic_text import AtomicText, Column
from recbole_adasid.data.item_table import ITEM_COLUMN
from recbole_adasid.io.atomic import written_whole

VECTOR_COLUMN = "sid_vector"


def sid_columns(levels: int) -> list[str]:
    """Return the names of the columns: sid_1 … sid_L for the codes, sid_1_to_2 … sid_1_to_L for longer prefixes."""
    return [f"sid_{level}" for level in range(1, levels + 1)] + [f"sid_1_to_{last}" for last in range(2, levels + 1)]


def write_item_file(
    path: str | Path,
    sids: ItemSIDs,
    *,
    extra_columns_from: str | Path | None = None,
    item_field: str = ITEM_COLUMN,
    vector: NDArray[np.float32] | None = None,
) -> Path:
    """Write a RecBole `.item` file with token columns for each item's codes and prefixes.

    A code is written as its number within its level, a prefix as its codes joined by hyphens, such as `12-3`. RecBole
    numbers the values of each column itself. The suffix carries no information and is left out.

    Args:
        path: file path.
        sids: Semantic IDs to write.
        extra_columns_from: an `.item` file whose lines and columns are included: first its lines in order, with empty
            cells for items without a Semantic ID, then the other items, with empty cells for its columns.
        item_field: name of the column of item tokens.
        vector: quantised embeddings [N, D] for a column sid_vector of the type float_seq.

    Raises:
        FileNotFoundError: if there is no such `.item` file.
        ValueError: if that file is malformed or already has such columns, or an item token does not fit into a cell.
    """
    check_fits_a_cell(sids.tokens, Path(path))
    names = [f"{name}:token" for name in sid_columns(len(sids.level_sizes))]
    cells = zip(sids.tokens, _cells(sids.codes, vector))
    if vector is not None:
        names.append(f"{VECTOR_COLUMN}:float_seq")
    if extra_columns_from is None:
        header = [f"{item_field}:token", *names]
        rows: Iterator[list[str]] = ([token, *row] for token, row in cells)
    else:
        header, rows = _merged(_source(Path(extra_columns_from)), dict(cells), names, item_field)
    with written_whole(Path(path)) as waiting, waiting.open("w", encoding="utf-8", newline="\n") as stream:
        stream.writelines("\t".join(row) + "\n" for row in chain([header], rows))
    return Path(path)


def _cells(codes: NDArray[np.int64], vector: NDArray[np.float32] | None) -> Iterator[list[str]]:
    """Yield each item's cells: codes, prefixes and the vector, if there is one."""
    vectors = repeat(None) if vector is None else vector.tolist()
    for row, values in zip(codes.tolist(), vectors):
        words = [str(code) for code in row]
        last = [] if values is None else [" ".join(f"{value:.6g}" for value in values)]
        yield [*words, *("-".join(words[:end]) for end in range(2, len(words) + 1)), *last]


def _source(path: Path) -> AtomicText:
    if not path.is_file():
        raise FileNotFoundError(f"There is no .item file {path} to take more columns from: check the path.")
    return AtomicText(path)


def _merged(
    source: AtomicText, cells_of: dict[str, list[str]], names: list[str], item_field: str
) -> tuple[list[str], Iterator[list[str]]]:
    """Return the header and the rows of an `.item` file with the cells of its items appended."""
    types = source.check([Column(item_field, key="item_field")])
    added = {name.partition(":")[0] for name in names}
    already = [name for name in types if name in added]
    if already:
        raise ValueError(f"{source.path} already has a column {already[0]!r}: give the file without Semantic IDs.")
    place, blank, left = list(types).index(item_field), [""] * len(names), dict.fromkeys(cells_of)

    def rows() -> Iterator[list[str]]:
        lines = source.rows()
        next(lines)
        for _, line in lines:
            left.pop(line[place], None)
            yield [*line, *cells_of.get(line[place], blank)]
        for token in left:
            yield [*(token if name == item_field else "" for name in types), *cells_of[token]]

    return [*(f"{name}:{kind}" for name, kind in types.items()), *names], rows()
