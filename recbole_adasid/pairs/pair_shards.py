"""Item pairs into files that `pair_source: file` reads: one .npz, or a folder of Parquet files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from recbole_adasid.io.array_file import write_arrays
from recbole_adasid.io.atomic import written_whole
from recbole_adasid.io.parquet import require_pyarrow
from recbole_adasid.pairs.item_pairs import ItemPairs


def write_pairs(out: Path, parts: Iterable[ItemPairs], tokens: Sequence[str]) -> int:
    """Write pairs as they come, with the tokens of their items, and return their number.

    Args:
        out: a name that ends in .npz, or else a folder, which gets a file for each part.
        parts: the pairs.
        tokens: of the N items.

    Raises:
        FileExistsError: if there is such a file, or the folder holds anything.
        ImportError: for a folder without pyarrow.
        CannotWrite: if the disk takes no more.
    """
    refuse_to_overwrite(out)
    named = np.array([token.encode() for token in tokens])
    if out.suffix == ".npz":
        trigger, target, weight = (np.concatenate(columns) for columns in zip(*(vars(part).values() for part in parts)))
        write_arrays(out, {"trigger": named[trigger], "target": named[target], "weight": weight})
        return len(weight)
    total = 0
    pyarrow, parquet = require_pyarrow(out)
    texts = pyarrow.array(tokens, pyarrow.string())
    for number, part in enumerate(part for part in parts if len(part)):
        columns = {"trigger": texts.take(part.trigger), "target": texts.take(part.target), "weight": part.weight}
        with written_whole(out / f"pairs-{number:05}.parquet") as waiting:
            parquet.write_table(pyarrow.table(columns), waiting)
        total += len(part)
    return total


def refuse_to_overwrite(out: Path) -> None:
    """Check that nothing is lost, and that a folder of Parquet files can be written.

    Raises:
        FileExistsError: if there is such a file, or the folder holds anything.
        ImportError: for a folder without pyarrow.
    """
    if out.suffix != ".npz":
        require_pyarrow(out)
    if out.is_file() or out.is_dir() and any(out.iterdir()):
        raise FileExistsError(f"{out} is there already: move it away, or choose another name.")
