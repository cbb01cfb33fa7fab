"""RecBole's filter by number of interactions (a k-core, for lower bounds), on arrays instead of counters."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.scale.log_filters import Fits


def filter_by_count(dataset: Any) -> None:
    """Drop users and items outside `user_inter_num_interval` and `item_inter_num_interval`, as RecBole does.

    Dropping some leaves others with fewer interactions, so it goes on until all that are left fit.
    """
    fields = {"user": dataset.uid_field, "item": dataset.iid_field}
    intervals = {name: dataset._parse_intervals_str(dataset.config[f"{name}_inter_num_interval"]) for name in fields}
    asked = {name: interval for name, interval in intervals.items() if interval}
    codes = {name: dataset.inter_feat[fields[name]].astype("category").cat.codes.to_numpy() for name in asked}
    fits = {name: within(dataset, interval) for name, interval in asked.items()}
    keep, banned = count_core(codes, fits)
    for name, interval in asked.items():
        ids = dataset.inter_feat[fields[name]].astype("category").cat.categories
        counts = np.bincount(codes[name][keep], minlength=len(ids))
        _filter_table(dataset, name, fields[name], dict(zip(ids, counts)), set(ids[banned[name]]), interval[0][1])
    if not keep.all():
        dataset.inter_feat.drop(dataset.inter_feat.index[~keep], inplace=True)


def count_core(
    codes: dict[str, NDArray[Any]], fits: dict[str, Fits]
) -> tuple[NDArray[np.bool_], dict[str, NDArray[np.bool_]]]:
    """Return which interactions [I] stay, and for each kind which of its codes were ruled out themselves.

    Args:
        codes: of each kind (users, items), int [I], numbered from 0.
        fits: for each kind, which numbers of interactions may stay. All kinds are judged before any is dropped.
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
    """Drop the rows of the user or item table that were ruled out or have fewer interactions than the lowest bound."""
    table = getattr(dataset, f"{name}_feat")
    if table is None:
        return
    drop = [token in banned or counts.get(token, 0) < lowest for token in table[field]]
    table.drop(table.index[drop], inplace=True)
