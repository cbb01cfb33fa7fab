"""Interactions from a table in memory, read by the rules of the main job.

Letters: I interactions, U users.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recbole_adasid.data.convert.counting import LineCount
from recbole_adasid.data.convert.frame_table import FrameTable
from recbole_adasid.data.convert.tables import table_interactions
from recbole_adasid.data.log.log_times import exact_times
from recbole_adasid.data.ordering import lexsort
from recbole_adasid.io.frames import Frame

logger = logging.getLogger(__name__)

USER, ITEM, TIME = "user_id", "item_id", "timestamp"


class FrameInteractions(NamedTuple):
    """Interactions sorted by user, then by time; ties keep the table's order."""

    users: NDArray[np.int64]
    """[I], numbered by first appearance."""
    items: NDArray[np.int64]
    """[I], numbered likewise."""
    item_tokens: list[str]
    first_rows: NDArray[np.int64]
    """[U], row of each user's first interaction in the table."""
    lines: LineCount
    """What happened to the table's rows."""


def read_interactions(
    frame: Frame, columns: Mapping[str, str], *, time_unit: str, timed: bool = True
) -> FrameInteractions:
    """Return a table's usable interactions, and log what is wrong with the others.

    Args:
        frame: one interaction per row.
        columns: its column names for `user_id`, `item_id` and `timestamp`, where they differ.
        time_unit: unit of numbers in the time column.
        timed: False: times are optional, and a table without them is in chronological order.

    Raises:
        SettingsError: for a missing column, or an unknown unit or name.
        ValueError: if there are rows, but none is usable.
    """
    frame.collect([columns.get(name, name) for name in (USER, ITEM, TIME)])
    untimed = not timed and TIME not in columns and TIME not in frame.columns
    rows = table_interactions(FrameTable(frame), columns, time_unit=time_unit, timed=not untimed)
    found = [(rows.lines.line, *row) for row in rows.rows]
    if rows.lines.read and not found:
        raise ValueError(f"No row has a usable interaction. {rows.lines.summary()}.")
    if not rows.lines.flawless:
        logger.warning("%s", rows.lines.summary())
    places, user_tokens, item_tokens, *times = zip(*found) if found else ((),) * 4
    users, items = (pd.factorize(np.array(tokens, dtype=object)) for tokens in (user_tokens, item_tokens))
    when = exact_times(Path(frame.what), 0, TIME, np.array(times[0] if times else [0] * len(found), dtype=object))
    order = lexsort((when["rest"], when["whole"], users[0]))
    firsts = np.unique(users[0], return_index=True)[1]
    by_user, by_item = (codes[order].astype(np.int64) for codes in (users[0], items[0]))
    return FrameInteractions(by_user, by_item, list(items[1]), np.array(places, dtype=np.int64)[firsts], rows.lines)
