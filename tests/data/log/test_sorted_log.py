"""A sorted log is what loops over the definition make of the same rows."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from recbole_adasid.data.log.log_filters import Fits
from recbole_adasid.data.log.sorted_log import LogSorting, SortedLog

Row = tuple[str, str, float]
AT_LEAST_3: dict[str, Fits] = {name: lambda counts: counts >= 3 for name in ("users", "items")}


def random_rows(seed: int, n_rows: int = 300) -> list[Row]:
    rng = np.random.default_rng(seed)
    names = (60 * rng.random(n_rows) ** 2).astype(int), (25 * rng.random(n_rows) ** 2).astype(int)
    times = rng.integers(9, size=n_rows) / 2
    return [(f"u{user}", f"i{item}", at) for user, item, at in zip(*names, times.tolist())]


def literally(rows: list[Row], at_least: int, repeated: str | None) -> list[Row]:
    """Return the rows that filters leave, in the order of the log."""
    if repeated:
        by_time = sorted(range(len(rows)), key=lambda row: rows[row][2])
        chosen: dict[tuple[str, str], int] = {}
        for row in by_time:
            if repeated == "last" or rows[row][:2] not in chosen:
                chosen[rows[row][:2]] = row
        rows = [rows[row] for row in sorted(chosen.values())]
    while True:
        counts = Counter(name for row in rows for name in row[:2])  # users and items have different names
        left = [row for row in rows if counts[row[0]] >= at_least and counts[row[1]] >= at_least]
        if len(left) == len(rows):
            return rows
        rows = left


def sort(folder: Path, rows: list[Row], buckets: int = 1, **settings: object) -> SortedLog:
    for name in ("work", "out"):
        (folder / name).mkdir()
    path = folder / "log.csv"
    pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"]).to_csv(path, index=False)
    sorting = LogSorting(folder / "work", **settings)  # type: ignore[arg-type]
    sorting.rows_at_once = 17
    sorting.bytes = max(1, path.stat().st_size // 16 * 160 // buckets)
    assert sorting.sort(path, {}, folder / "out")
    return SortedLog.open(folder / "out")


@pytest.mark.parametrize("buckets", [1, 6])
@pytest.mark.parametrize("repeated", [None, "first", "last"])
@pytest.mark.parametrize("at_least", [0, 3])
def test_a_sorted_log_is_that_of_loops(at_least: int, repeated: str | None, buckets: int, tmp_path: Path) -> None:
    rows = random_rows(buckets)
    log = sort(tmp_path, rows, buckets, fits=AT_LEAST_3 if at_least else {}, repeated=repeated)
    left = literally(rows, at_least, repeated)
    assert log.read == len(rows) and (len(left) < len(rows)) == bool(at_least or repeated)
    users = list(dict.fromkeys(user for user, _, _ in left))
    assert [log.user_names[number] for number in range(log.n_users)] == users
    assert log.item_tokens == list(dict.fromkeys(item for _, item, _ in left))
    histories: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for user, item, at in left:
        histories[user].append((at, item))
    ordered = {user: sorted(history, key=lambda entry: entry[0]) for user, history in histories.items()}
    found = [[log.item_tokens[item - 1] for item in items] for items in np.split(log.items, log.starts[1:-1])]
    assert found == [[item for _, item in ordered[user]] for user in users]
    several = [number for number, user in enumerate(users) if len(ordered[user]) > 1]
    assert log.order.tolist() == sorted(several, key=lambda number: ordered[users[number]][1][0])


def test_filters_that_leave_nothing_say_so(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    path = tmp_path / "log.csv"
    path.write_text("user_id,item_id,timestamp\na,b,1\nc,b,2\n", encoding="utf-8")
    assert not LogSorting(tmp_path / "work", fits=AT_LEAST_3).sort(path, {}, tmp_path)


def test_users_with_one_interaction_each_have_no_order(tmp_path: Path) -> None:
    log = sort(tmp_path, [("a", "x", 1.0), ("b", "x", 2.0)])
    assert len(log.order) == 0 and log.starts.tolist() == [0, 1, 2]
