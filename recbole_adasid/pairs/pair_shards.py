"""Writing item pairs to files for `pair_source: file`: one .npz, or a folder of Parquet files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from recbole_adasid.io.array_file import write_arrays
from recbole_adasid.io.atomic import written_whole
from recbole_adasid.io.parquet import require_pyarrow
from recbole_adasid.pairs.item_pairs import ItemPairs


def write_pairs(out: Path, parts: Iterable[ItemPairs], tokens: Sequence[str]) -> int:
    """Write pairs as they arrive, with their items' tokens, and return their number.

    Args:
        out: a name ending in .npz, or a folder, which gets one file per part.
        parts: the pairs.
        tokens: of the N items.

    Raises:
        FileExistsError: if the file exists or the folder is not empty.
        ImportError: for a folder, if pyarrow is not installed.
        CannotWrite: if the disk is full or not writable.
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
    """Check that nothing would be overwritten, and that a folder of Parquet files can be written.

    Raises:
        FileExistsError: if the file exists or the folder is not empty.
        ImportError: for a folder, if pyarrow is not installed.
    """
    if out.suffix != ".npz":
        require_pyarrow(out)
    if out.is_file() or out.is_dir() and any(out.iterdir()):
        raise FileExistsError(f"{out} already exists: move it away, or choose another name.")
