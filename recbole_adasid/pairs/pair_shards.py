"""Writing item pairs to files for `pair_source: file`: one .npz, or a folder of Parquet files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from recbole_adasid.io.array_file import write_arrays
from recbole_adasid.io.atomic import CannotWrite, check_writable
from recbole_adasid.io.parquet import require_pyarrow
from recbole_adasid.io.whole_folder import new_folder
from recbole_adasid.pairs.item_pairs import ItemPairs

GIB = 2**30
_WIDEST = 4 * GIB
"""Bytes of tokens in an .npz, beyond which one long token must not widen all of them."""
_OFTEN_LONGER = 8
"""Such a token has that many times the average length."""
_TARGETS = 50
"""Expected targets per trigger if their number is not limited."""


def write_pairs(out: Path, parts: Iterable[ItemPairs], tokens: Sequence[str]) -> int:
    """Write pairs as they arrive, with their items' tokens, and return their number.

    The file or folder appears under its name once complete.

    Args:
        out: a name ending in .npz, or a folder, which gets one file per part.
        parts: the pairs.
        tokens: of the N items.

    Raises:
        FileExistsError: if the file exists or the folder is not empty.
        ImportError: for a folder, if pyarrow is not installed.
        CannotWrite: if the disk is full or not writable.
        ValueError: if there is no pair.
    """
    refuse_to_overwrite(out)
    if out.suffix == ".npz":
        return _write_archive(out, parts, tokens)
    with new_folder(_real(out)) as folder:
        return _write_tables(folder, parts, tokens)


def _write_archive(out: Path, parts: Iterable[ItemPairs], tokens: Sequence[str]) -> int:
    found = [part for part in parts if len(part)]
    _refuse_none(len(found))
    named = np.array([token.encode() for token in tokens])
    trigger, target, weight = (np.concatenate(columns) for columns in zip(*(vars(part).values() for part in found)))
    write_arrays(out, {"trigger": named[trigger], "target": named[target], "weight": weight})
    return len(weight)


def _write_tables(folder: Path, parts: Iterable[ItemPairs], tokens: Sequence[str]) -> int:
    pyarrow, parquet = require_pyarrow(folder)
    total, texts = 0, pyarrow.array(tokens, pyarrow.string())
    for number, part in enumerate(part for part in parts if len(part)):
        columns = {"trigger": texts.take(part.trigger), "target": texts.take(part.target), "weight": part.weight}
        parquet.write_table(pyarrow.table(columns), folder / f"pairs-{number:05}.parquet")
        total += len(part)
    _refuse_none(total)
    return total


def _refuse_none(number: int) -> None:
    if not number:
        raise ValueError(
            "there are no item pairs, as no two users share two items among the interactions that count in training: "
            "give a larger log, or leave out fewer interactions (held_out)."
        )


def refuse_to_overwrite(out: Path) -> None:
    """Check that nothing would be overwritten, and that a file or a folder of Parquet files can be written.

    Raises:
        FileExistsError: if the file exists or the folder is not empty.
        ImportError: for a folder, if pyarrow is not installed.
        CannotWrite: if the place is not writable.
    """
    if out.is_file() or out.is_dir() and any(out.iterdir()):
        raise FileExistsError(f"{out} already exists: move it away, or choose another name.")
    check_writable(_real(out))
    if out.is_dir():
        _check_replaceable(out)
    if out.suffix != ".npz":
        require_pyarrow(out)


def _real(out: Path) -> Path:
    return out.resolve() if out.is_symlink() or not out.name else out


def _check_replaceable(out: Path) -> None:
    """Check that an empty folder can be replaced by another one, as the root of a disk cannot."""
    try:
        if out.samefile(Path.cwd()):
            raise OSError("it is the current folder")
    except OSError as error:
        raise CannotWrite(
            f"cannot replace the folder {out} ({error.strerror or error}): name a new folder, such as {out / 'pairs'}"
        ) from error


def refuse_wide_tokens(out: Path, tokens: Sequence[str], top_k: int | None) -> None:
    """Check, before pairs are mined, that no long token makes an .npz huge, which stores all tokens at one width.

    Args:
        out: as in :func:`write_pairs`.
        tokens: of the N items.
        top_k: maximum targets of an item.

    Raises:
        ValueError: naming a folder as the remedy.
    """
    if out.suffix != ".npz" or not tokens:
        return
    lengths = [len(token.encode()) for token in tokens]
    longest, size = max(lengths), 2 * len(tokens) * (top_k or _TARGETS) * max(lengths)
    if size > _WIDEST and longest * len(tokens) > _OFTEN_LONGER * sum(lengths):
        raise ValueError(
            f"the longest item token has {longest:,} bytes, at which an .npz stores every token: up to "
            f"{size / GIB:,.1f} GiB; let --out be a folder, which gets Parquet files, or shorten the token."
        )
