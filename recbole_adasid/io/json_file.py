"""Reading JSON objects, with errors in one sentence."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np


def read_json(path: Path) -> dict[str, Any]:
    """Return the content of a run's JSON file.

    Raises:
        FileNotFoundError: if there is no such file.
        DamagedFile: if it is not JSON, or not an object.
    """
    try:
        found = parse_json(path.read_text(encoding="utf-8"))
        why = "" if isinstance(found, dict) else "is not a JSON object"
    except ValueError as error:  # includes UnicodeDecodeError
        why = f"is not JSON ({error})"
    if why:
        from recbole_adasid.io.tensor_file import DamagedFile  # imports torch, which JSON does not need

        raise DamagedFile(f"{path} {why}: restore the original file")
    return found


def parse_json(text: str, **options: Any) -> Any:
    """Parse JSON; ``options`` are those of `json.loads`.

    Raises:
        ValueError: if it is not JSON, nested too deeply, or has a lone surrogate, which cannot be written again.
    """
    try:
        found = json.loads(text, **options)
        if _HALF.search(text):
            json.dumps(found, ensure_ascii=False).encode("utf-8")
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return found


_HALF = re.compile(r"\\u[dD][89a-fA-F]")


def as_json(value: Mapping[str, Any]) -> str:
    """Return a mapping as JSON; non-finite numbers become null, as JSON cannot express them."""
    return json.dumps(plain_values(value, finite=True), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def entry_a_line(entries: Iterable[tuple[object, Any]]) -> str:
    """Return a JSON object with one entry per line, from names and values of types that JSON has."""
    lines = (
        f"{json.dumps(str(name), ensure_ascii=False)}: {json.dumps(value, ensure_ascii=False)}"
        for name, value in entries
    )
    return "{\n" + ",\n".join(lines) + "\n}\n"


def plain_values(value: Any, *, finite: bool = False) -> Any:
    """Reduce a setting or metric to what YAML and JSON support: mappings, lists, text, numbers, null."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and finite and not math.isfinite(value):
        return None
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain_values(entry, finite=finite) for key, entry in value.items()}
    if isinstance(value, (set, frozenset)):
        value = sorted(value, key=str)
    if isinstance(value, Iterable):
        return [plain_values(entry, finite=finite) for entry in value]
    return str(value)
