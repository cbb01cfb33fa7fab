"""Ids of users and items in Arrow columns as tokens, by the rules for other tables.

Letters: R rows.
"""

from __future__ import annotations

import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.io.parquet import first_line

_REMEDY = "neither text nor a whole number: save ids as one of them"


def tokens_of_arrow(column: Any, where: Path | str, name: str) -> NDArray[np.object_]:
    """Return the ids of an Arrow array as tokens [R], None where there is none.

    As in :func:`~recbole_adasid.data.convert.cell_values.identifier`, whole floats and decimals are integers, since a
    column of integers with gaps becomes floats; texts are taken as they are.

    Args:
        column: the ids, of any type, plain or in chunks.
        where: the file, for messages.
        name: the column's name, for messages.

    Raises:
        ValueError: for ids that are neither texts nor whole numbers.
    """
    from pyarrow import types

    kind = column.type.value_type if types.is_dictionary(column.type) else column.type
    if types.is_boolean(kind) or types.is_temporal(kind) or types.is_nested(kind):
        raise ValueError(f"{where}: the column {name} holds {kind}, which is {_REMEDY}")
    tokens = np.empty(len(column), dtype=object)
    if types.is_floating(kind) or types.is_decimal(kind):
        values = column.to_pylist()
        token_of = {value: _whole_number(value, where, name) for value in set(values)}  # a log repeats its ids
        tokens[:] = [token_of[value] for value in values]
    elif len(column):
        tokens[:] = _texts(column, where, name)
    return tokens


def _texts(column: Any, where: Path | str, name: str) -> NDArray[np.object_]:
    import pyarrow

    try:
        texts = column.cast(pyarrow.string())
    except pyarrow.ArrowException as error:
        raise ValueError(
            f"{where}: the column {name} of type {column.type} is not text ({first_line(error)}): save ids as text."
        ) from None
    whole = isinstance(texts, pyarrow.Array)
    return texts.to_numpy(zero_copy_only=False) if whole else texts.to_numpy()  # type: ignore[no-any-return]


def _whole_number(value: float | Decimal | None, where: Path | str, name: str) -> str | None:
    if value is None or value != value:
        return None
    if math.isinf(value) or value != int(value):
        raise ValueError(f"{where}: the {name} {value} is {_REMEDY}")
    return str(int(value))
