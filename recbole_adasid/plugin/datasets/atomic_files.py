"""Read atomic files through RecBole for TIGER: checked first, cells taken verbatim, numbers checked afterwards."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.data.atomic_text import AtomicText, Column
from recbole_adasid.data.log.log_times import MILLISECONDS, NUMBER, SECONDS
from recbole_adasid.plugin.patches.read_csv import cells_as_written
from recbole_adasid.settings.errors import SettingsError

logger = logging.getLogger(__name__)


def atomic_text(config: Any, path: Path) -> AtomicText:
    """Return an atomic file in the format that the settings describe."""
    return AtomicText(path, config["field_separator"], config["encoding"])


def read_atomic_file(dataset: Any, path: Path, source: str, read: Callable[[], Any]) -> Any:
    """Return the table that RecBole's `read` makes of a file, after the checks that its own reader skips.

    Args:
        dataset: the RecBole dataset being read; its settings name the columns.
        path: the file.
        source: `inter`, `user` or `item`.
        read: reads the file with RecBole's reader and returns a data frame, or None.

    Raises:
        ValueError: if the file is malformed; see :meth:`AtomicText.check`.
        SettingsError: for a cell in a numeric column that is not a number, or a missing or infinite time.
    """
    text = atomic_text(dataset.config, path)
    types = text.check(_needed_columns(dataset, source))
    try:
        with cells_as_written():
            table = read()
    except ValueError as error:
        raise _no_number(text, types, error) from error
    if table is None:
        return None
    if source == "inter":
        _check_times(text, dataset.time_field, table[dataset.time_field].to_numpy())
    else:
        _report_repetitions(path, table[_id_field(dataset, source)])
    return table


def _needed_columns(dataset: Any, source: str) -> list[Column]:
    """Return the required columns: identifiers, times, and those listed in `load_col`."""
    if source == "inter":
        columns = [
            Column(dataset.uid_field, "USER_ID_FIELD", "token"),
            Column(dataset.iid_field, "ITEM_ID_FIELD", "token"),
            Column(dataset.time_field, "TIME_FIELD", "float"),
        ]
    else:
        columns = [Column(_id_field(dataset, source), f"{source.upper()}_ID_FIELD", "token")]
    listed = dataset.config["load_col"][source]
    names = [] if listed == "*" else [name for name in listed if name not in {column.name for column in columns}]
    return [*columns, *(Column(name, "load_col", filled=False) for name in names)]


def _id_field(dataset: Any, source: str) -> str:
    return dataset.uid_field if source == "user" else dataset.iid_field


def _no_number(text: AtomicText, types: dict[str, str], error: ValueError) -> SettingsError:
    """Return the error for a value that pandas or RecBole could not parse as a number; they do not report the line."""
    places = [(place, name) for place, (name, kind) in enumerate(types.items()) if kind.startswith("float")]
    rows = text.rows()
    next(rows)
    for line, cells in rows:
        for place, name in places:
            for value in cells[place].split(" ") if types[name] == "float_seq" else [cells[place]]:
                if value and not (NUMBER.fullmatch(value) and math.isfinite(float(value))):
                    return SettingsError(
                        f"{text.path}, line {line}: the {name} {value!r} is not a finite number: correct it, or "
                        "remove the line."
                    )
    return SettingsError(f"{text.path} cannot be read ({error}): save it again as plain UTF-8 text.")


def _check_times(text: AtomicText, name: str, times: NDArray[np.float64]) -> None:
    """Check that all times are finite; warn if they cannot order interactions or mix two units."""
    wrong = np.flatnonzero(~np.isfinite(times))
    if len(wrong):
        line = text.line_of(int(wrong[0]))
        raise SettingsError(
            f"{text.path}, line {line}: the {name} is {times[wrong[0]]} ({len(wrong)} such lines): give every "
            "interaction a time, or remove it."
        )
    units = [np.flatnonzero((times >= low) & (times < high)) for low, high in (SECONDS, MILLISECONDS)]
    if all(map(len, units)):
        fewer = min(units, key=len)
        logger.warning(
            "%s mixes seconds and milliseconds in %s, first on line %d: times are compared as is.",
            *(text.path, name, text.line_of(int(fewer[0]))),
        )
    if len(times) > 1 and (times == times[0]).all():
        logger.warning("%s: every %s is %g, so the file order decides.", text.path, name, times[0])


def _report_repetitions(path: Path, identifiers: Any) -> None:
    repeated = identifiers.duplicated()
    if repeated.any():
        logger.warning(
            "%s: %d lines repeat an earlier %s, first '%s': the first line of each is kept.",
            *(path, repeated.sum(), identifiers.name, identifiers[repeated].iloc[0]),
        )
