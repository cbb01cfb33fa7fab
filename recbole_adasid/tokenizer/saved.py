"""Loading a saved tokenizer without the settings that built it."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from recbole_adasid.io.checked_values import list_of, record, text, whole
from recbole_adasid.io.json_file import read_json
from recbole_adasid.io.one_line import typed_line
from recbole_adasid.io.tensor_file import (
    DamagedFile,
    MismatchedFile,
    check_about,
    check_finite,
    check_fit,
    read_tensors,
)
from recbole_adasid.tokenizer.base import DESCRIPTION_FILE, KIND, PARAMETERS_FILE, ItemTokenizer
from recbole_adasid.tokenizer.registry import build_tokenizer, unknown_part


def load_tokenizer(folder: Path) -> tuple[ItemTokenizer, dict[str, Any]]:
    """Return the tokenizer that :meth:`ItemTokenizer.save` wrote into ``folder``, ready to encode, and its description.

    Raises:
        FileNotFoundError: if there is no saved tokenizer.
        DamagedFile: if it is damaged or was modified, lacks its settings, contradicts its tensors or the description
        next to it, or has non-numeric values.
    """
    path = folder / PARAMETERS_FILE
    stored, about = read_tensors(path, KIND)
    check_about(path, about, _ABOUT)
    description, width = about["description"], about["width"]
    check_finite(path, stored)
    _check_sizes(path, stored, description["tokenizer"], width)
    _check_beside(folder / DESCRIPTION_FILE, description)
    tokenizer = _built(path, description["tokenizer"], width)
    tokenizer.load(folder)
    return tokenizer.eval(), description


_SIZE = whole(1, 65_536)
_ABOUT = {
    "width": whole(1, 2**24),
    "built": text,
    "description": record(
        {
            "tokenizer": record(
                {"sid_length": whole(1, 8)},
                {
                    **dict.fromkeys(("code_dim", "lookup_dim", "quantizer_groups", "opq_subspaces"), _SIZE),
                    "encoder_hidden": list_of(_SIZE, most=100),
                },
            )
        }
    ),
}


def _built(path: Path, settings: dict[str, Any], width: int) -> ItemTokenizer:
    if (part := unknown_part(settings)) is not None:
        raise DamagedFile(
            f"{path} needs the {part}, which this program does not know: import the module that registers it first (on "
            "the command line --plugins=MODULE, see docs/extending.md)"
        )
    try:
        return build_tokenizer(settings, width=width)
    except Exception as error:  # the settings come from a file, so constructors may raise anything
        raise DamagedFile(
            f"{path} does not say how to build its tokenizer ({typed_line(error)}): train it again"
        ) from None


def _check_sizes(path: Path, stored: dict[str, Tensor], settings: dict[str, Any], width: int) -> None:
    """Check that the tensors match the file's settings before allocating memory for them."""
    wanted = _shapes(path, json.dumps(settings), width)
    try:
        check_fit(path, stored, wanted)
    except MismatchedFile as error:
        raise DamagedFile(f"{error} by its own settings: train the tokenizer again") from None


@lru_cache(maxsize=8)  # a run's tokenizer is read several times
def _shapes(path: Path, settings: str, width: int) -> dict[str, Tensor]:
    with torch.device("meta"):
        return _built(path, json.loads(settings), width).state_dict()


def _check_beside(path: Path, description: dict[str, Any]) -> None:
    """Check that the human-readable description, if any, matches the tokenizer."""
    if path.is_file() and read_json(path) != description:
        raise DamagedFile(f"{path} describes another tokenizer than {PARAMETERS_FILE} next to it: restore the original")
