"""The items of a run and their Semantic IDs: in sids.json for people, in the model for the network."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.io.json_file import read_json
from recbole_adasid.io.tensor_file import DamagedFile, MismatchedFile
from recbole_adasid.run_folder.folder import RunFolder
from recbole_adasid.run_folder.model_file import SavedModel, tokens_digest

INFO = "sids.info.json"
"""Next to sids.json: the meaning of its numbers."""


def read_sids(path: Path) -> tuple[list[str], NDArray[np.int64]]:
    """Return the tokens of the N items of a sids.json and their codes [N, S], suffix included.

    Raises:
        FileNotFoundError: if there is no such file.
        DamagedFile: if it is not such a file.
    """
    rows = read_json(path)
    lengths = {len(row) if isinstance(row, list) else -1 for row in rows.values()}
    if len(lengths) != 1 or lengths & {-1, 0}:
        raise DamagedFile(f"{path} has no lists of codes of equal length for its {len(rows)} items: {_REMEDY}")
    if not all(type(code) is int and 0 <= code < 2**31 for row in rows.values() for code in row):
        raise DamagedFile(f"{path} has codes that are not whole numbers of 0 or more: {_REMEDY}")
    return list(rows), np.array(list(rows.values()), dtype=np.int64)


def read_reserved(
    folder: RunFolder, items: Collection[str], level_sizes: Sequence[int]
) -> tuple[list[str], NDArray[np.int64]]:
    """Return the R items whose Semantic IDs a run keeps for them, as its data lacks them, and these [R, S].

    There are none unless the run's Semantic IDs came from a bundle.

    Args:
        folder: run folder.
        items: the run's own.
        level_sizes: sizes of the S places of its Semantic IDs.

    Raises:
        DamagedFile: if the file is damaged.
        MismatchedFile: if it belongs to another run.
    """
    path = folder.reserved_path
    if not path.is_file():
        return [], np.empty((0, len(level_sizes)), dtype=np.int64)
    tokens, codes = read_sids(path)
    if (
        codes.shape[1] != len(level_sizes)
        or (codes >= np.array(level_sizes)).any()
        or not set(items).isdisjoint(tokens)
    ):
        raise MismatchedFile(
            f"{path} has items of the run itself, or Semantic IDs that do not fit its levels {list(level_sizes)}: "
            f"{_REMEDY}"
        )
    return tokens, codes


def check_free(folder: RunFolder, returned: NDArray[np.int64], present: NDArray[np.int64]) -> None:
    """Check that none of the Semantic IDs [R, S] of items that may come back is among those [N, S] in use.

    Raises:
        MismatchedFile: if one is, in a file that was changed.
    """
    if not len(returned):
        return
    every = np.concatenate([present, returned])
    if len(np.unique(every, axis=0)) < len(every):
        raise MismatchedFile(f"{folder.reserved_path} gives an item the Semantic ID of another one: {_REMEDY}")


def items_of(folder: RunFolder, saved: SavedModel) -> list[str]:
    """Return the tokens of a run's items, after checking that its sids.json agrees with its model.

    Raises:
        FileNotFoundError: if there is no sids.json.
        DamagedFile: if it is damaged.
        MismatchedFile: if its items or their Semantic IDs differ from the model's.
    """
    tokens, codes = read_sids(folder.sids_path)
    of_users = saved.about["config"]["settings"]["n_user_tokens"] > 0  # then the digest includes the users
    if not of_users and tokens_digest([tokens]) != saved.about["data"]["digest"]:
        raise MismatchedFile(f"{folder.sids_path} lists different items than {saved.path}: {_REMEDY}")
    _check_codes(folder, saved, tokens, codes)
    return tokens


def check_info(folder: RunFolder, saved: SavedModel, info: dict[str, Any]) -> None:
    """Check that the description of sids.json agrees with the model about levels.

    Raises:
        MismatchedFile: if not.
    """
    about = saved.about
    told = [info.get(key) for key in ("items", "level_sizes", "collision")]
    known = [about["data"]["items"], about["sid_level_sizes"], about["config"]["settings"]["collision"]]
    for key, here, there in zip(("items", "level_sizes", "collision"), told, known):
        if here != there:
            raise MismatchedFile(
                f"{folder.path / INFO} says {key}={str(here)[:80]}, {saved.path} says {there}: {_REMEDY}"
            )


def _check_codes(folder: RunFolder, saved: SavedModel, tokens: list[str], codes: NDArray[np.int64]) -> None:
    own = saved.tensors["model/tiger.catalogue.tokens"][1:].numpy()
    if codes.shape != own.shape:
        raise MismatchedFile(
            f"{folder.sids_path} has Semantic IDs of the shape {list(codes.shape)}, {saved.path} of {list(own.shape)}: "
            f"{_REMEDY}"
        )
    wrong = np.argwhere(codes != own)
    if len(wrong):
        row, level = wrong[0]
        raise MismatchedFile(
            f"{folder.sids_path} gives the item {tokens[row]!r} the code {codes[row, level]} on level {level + 1}, "
            f"{saved.path} gives it {own[row, level]}: {_REMEDY}"
        )


_REMEDY = "restore the run's original file"
