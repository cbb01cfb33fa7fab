"""A saved tokenizer as it was, without the settings that built it at hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from recbole_adasid.storage import DamagedFile, read_tensors
from recbole_adasid.tokenizer.base import KIND, PARAMETERS_FILE, ItemTokenizer
from recbole_adasid.tokenizer.registry import build_tokenizer


def load_tokenizer(folder: Path) -> tuple[ItemTokenizer, dict[str, Any]]:
    """Return the tokenizer that :meth:`ItemTokenizer.save` wrote into ``folder``, ready to encode, and its description.

    Raises:
        FileNotFoundError: if there is no saved tokenizer.
        DamagedFile: if it was damaged or changed, or does not say how to build it.
    """
    path = folder / PARAMETERS_FILE
    _, about = read_tensors(path, KIND)
    try:
        description, width = about["description"], about["width"]
        tokenizer = build_tokenizer(description["tokenizer"], width=width)
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedFile(
            f"{path} does not say how to build its tokenizer ({type(error).__name__}: {error}): train it again"
        ) from None
    tokenizer.load(folder)
    return tokenizer.eval(), description
