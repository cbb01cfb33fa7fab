"""A run over time: the columns of history.json."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from recbole_adasid.io.atomic import write_atomically
from recbole_adasid.io.json_file import as_json, read_json

Columns = dict[str, list[Any]]
PARTS = {"tokenizer": "step", "training": "epoch", "validation": "epoch"}
"""Tables of a history and the counter column of each."""


def run_history(
    tokenizer: Sequence[tuple[int, Mapping[str, float]]],
    losses: Mapping[int, float],
    validations: Mapping[int, Mapping[str, float]],
) -> dict[str, Columns]:
    """Return the history of a run as tables of columns; missing numbers are None.

    Args:
        tokenizer: logged steps of the tokenizer's training, from 0, and their numbers.
        losses: TIGER's, by epoch from 0.
        validations: metrics by epoch.
    """
    return {
        "tokenizer": _columns(tokenizer, PARTS["tokenizer"]),
        "training": _columns([(epoch, {"loss": loss}) for epoch, loss in losses.items()], PARTS["training"]),
        "validation": _columns(validations.items(), PARTS["validation"]),
    }


def write_history(path: Path, history: Mapping[str, Columns]) -> Path:
    """Write a history as JSON, one column per line."""
    parts = []
    for part, columns in history.items():
        lines = (f"    {json.dumps(name)}: {_row(values)}" for name, values in columns.items())
        parts.append(f"  {json.dumps(part)}: {{\n" + ",\n".join(lines) + "\n  }")
    return write_atomically(path, "{\n" + ",\n".join(parts) + "\n}\n")


def read_history(path: Path) -> dict[str, Columns]:
    """Read a file of :func:`write_history`.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not such a file.
    """
    found = read_json(path)
    for part, counter in PARTS.items():
        columns = found.get(part)
        if not isinstance(columns, dict) or not _is_table(columns, counter):
            raise ValueError(f"{path} has no numeric columns for {part}: restore the original file")
    return {part: found[part] for part in PARTS}


def _columns(entries: Iterable[tuple[int, Mapping[str, float]]], counter: str) -> Columns:
    rows = list(entries)
    names = list(dict.fromkeys(name for _, numbers in rows for name in numbers))
    return {counter: [at for at, _ in rows], **{name: [numbers.get(name) for _, numbers in rows] for name in names}}


def _row(values: Sequence[Any]) -> str:
    return json.dumps(json.loads(as_json({"": values}))[""])


def _is_table(columns: Mapping[str, Any], counter: str) -> bool:
    length = len(columns[counter]) if isinstance(columns.get(counter), list) else -1
    return all(
        isinstance(values, list)
        and len(values) == length
        and all(value is None or isinstance(value, (int, float)) for value in values)
        for values in columns.values()
    )
