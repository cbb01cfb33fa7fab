"""RecBole's filter by interaction counts (a k-core, for lower bounds), on arrays instead of counters; and reports on
missing values in its filter by value."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.data.log.log_filters import Fits

logger = logging.getLogger(__name__)

_ROWS = {"inter": "interactions", "item": "items", "user": "users"}
"""What a row of each RecBole table is."""


def filter_by_count(dataset: Any) -> None:
    """Drop users and items outside `user_inter_num_interval` and `item_inter_num_interval`, as RecBole does.

    Dropping some leaves others with fewer interactions, so it repeats until all that remain fit.
    """
    fields = {"user": dataset.uid_field, "item": dataset.iid_field}
    intervals = {name: dataset._parse_intervals_str(dataset.config[f"{name}_inter_num_interval"]) for name in fields}
    asked = {name: interval for name, interval in intervals.items() if interval}
    # Names left without interactions by an earlier filter stop being categories, even if none remain.
    columns = {
        name: dataset.inter_feat[fields[name]].astype("category").cat.remove_unused_categories() for name in asked
    }
    codes = {name: column.cat.codes.to_numpy() for name, column in columns.items()}
    fits = {name: within(dataset, interval) for name, interval in asked.items()}
    keep, banned = count_core(codes, fits)
    for name, interval in asked.items():
        ids = columns[name].cat.categories
        counts = np.bincount(codes[name][keep], minlength=len(ids))
        _filter_table(dataset, name, fields[name], dict(zip(ids, counts)), set(ids[banned[name]]), interval[0][1])
    if not keep.all():
        dataset.inter_feat.drop(dataset.inter_feat.index[~keep], inplace=True)


def filter_by_value(dataset: Any, drop: Callable[[], None]) -> None:
    """Let RecBole `drop` values outside `val_interval`, and log how many lines are dropped for a missing value."""
    asked = dataset.config["val_interval"] or {}
    before = {place: missing for place, missing in _gaps(dataset).items() if place[1] in asked}
    drop()
    after = _gaps(dataset)
    for (table, field), missing in before.items():
        if missing > after[table, field]:
            what = _ROWS[table]
            logger.info("val_interval dropped %d %s without a %s.", missing - after[table, field], what, field)


def report_gaps(dataset: Any) -> None:
    """Warn about gaps in numeric columns, which RecBole fills; call it after all filters."""
    for (table, field), missing in _gaps(dataset).items():
        if missing:
            total = len(getattr(dataset, f"{table}_feat"))
            logger.warning("%d of %d %s have no %s; RecBole fills in the mean.", missing, total, _ROWS[table], field)


def _gaps(dataset: Any) -> dict[tuple[str, str], int]:
    """Return the number of missing values in each numeric column, by table and column."""
    tables = {name.partition("_")[0]: getattr(dataset, name) for name in dataset.feat_name_list}
    return {
        (table, field): int(frame[field].isna().sum())
        for table, frame in tables.items()
        for field in frame
        if getattr(dataset.field2type[field], "value", None) == "float"
    }


def count_core(
    codes: dict[str, NDArray[Any]], fits: dict[str, Fits]
) -> tuple[NDArray[np.bool_], dict[str, NDArray[np.bool_]]]:
    """Return which interactions [I] are kept, and for each kind which of its codes were excluded themselves.

    Args:
        codes: of each kind (users, items), int [I], numbered from 0.
        fits: for each kind, which interaction counts are kept. All kinds are judged before any is dropped.
    """
    sizes = {name: int(column.max(initial=-1)) + 1 for name, column in codes.items()}
    keep = np.ones(len(next(iter(codes.values()), ())), dtype=bool)
    banned = {name: np.zeros(size, dtype=bool) for name, size in sizes.items()}
    while True:
        new = {}
        for name, column in codes.items():
            counts = np.bincount(column[keep], minlength=sizes[name])
            new[name] = (counts > 0) & ~fits[name](counts)
            banned[name] |= new[name]
        if not any(found.any() for found in new.values()):
            return keep, banned
        for name, column in codes.items():
            keep &= ~new[name][column]


def within(dataset: Any, interval: Any) -> Fits:
    """Return the test of RecBole's interval for a dataset."""
    return lambda counts: dataset._within_intervals(counts, interval)


def _filter_table(dataset: Any, name: str, field: str, counts: dict[str, int], banned: set[str], lowest: float) -> None:
    """Drop rows of the user or item table that were excluded or have fewer interactions than the lower bound."""
    table = getattr(dataset, f"{name}_feat")
    if table is None:
        return
    drop = [token in banned or counts.get(token, 0) < lowest for token in table[field]]
    table.drop(table.index[drop], inplace=True)
