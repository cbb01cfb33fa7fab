"""A log in files gives the baskets, and the pairs, that arrays in memory give."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from recbole_adasid.data.baskets import Limits
from recbole_adasid.data.log import numbered_log
from recbole_adasid.data.log.user_log import LogPreparation, PreparedLog, for_training
from recbole_adasid.pairs.swing import InProcess, Weighing, swing_pairs

Row = tuple[str, str, float]


def random_rows(seed: int, n_rows: int = 400) -> list[Row]:
    """Rows with repeated interactions, equal times, and users with one, two and three interactions."""
    rng = np.random.default_rng(seed)
    rows = [
        (f"u{int(70 * rng.random() ** 2)}", f"i{int(25 * rng.random() ** 2)}", float(rng.integers(9)))
        for _ in range(n_rows)
    ]
    return rows + [
        ("one", "i1", 1.0),
        ("two", "i1", 2.0),
        ("two", "i2", 1.0),
        *(("three", f"i{n}", n) for n in range(3)),
    ]


def literally(rows: list[Row], limits: Limits, held_out: int) -> tuple[list[str], list[list[str]]]:
    """Return the item tokens and the baskets of users, by loops over the definition."""
    tokens = list(dict.fromkeys(item for _, item, _ in rows))
    histories: dict[str, list[tuple[float, int, str]]] = defaultdict(list)
    for place, (user, item, at) in enumerate(rows):
        histories[user].append((at, place, item))
    kept: dict[str, list[str]] = {}
    for user, history in histories.items():
        items = [item for _, _, item in sorted(history)]
        items = items[: len(items) - min(held_out, max(0, len(items) - 2))]
        latest = [item for place, item in enumerate(items) if item not in items[place + 1 :]]
        kept[user] = latest[-limits.max_user_items :] if limits.max_user_items else latest
    busy = {user: len(items) for user, items in kept.items()}
    if limits.max_item_users:
        for token in tokens:
            buyers = sorted((user for user in kept if token in kept[user]), key=lambda user: busy[user])
            for user in buyers[limits.max_item_users :]:
                kept[user] = [item for item in kept[user] if item != token]
    return tokens, [sorted(items, key=tokens.index) for items in kept.values() if items]


def write(path: Path, rows: list[Row]) -> Path:
    """Write rows by the ending of the path."""
    table = pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"])
    if path.suffix == ".parquet":
        pytest.importorskip("pyarrow")
        table.to_parquet(path, index=False)
    elif path.suffix == ".csv":
        table.to_csv(path, index=False)
    else:
        table.columns = ["user_id:token", "item_id:token", "timestamp:float"]
        table.to_csv(path, index=False, sep="\t")
    return path


def prepare(folder: Path, where: Path, limits: Limits, buckets: int = 1, held_out: int = 2) -> PreparedLog:
    folder.mkdir()
    preparation = LogPreparation(folder, limits, held_out=held_out)
    preparation.rows_at_once = 17
    preparation.bytes = max(1, int(where.stat().st_size) // 16 * 160 // buckets) if where.is_file() else 10**5
    return preparation.prepare(where, {})


def named(log: PreparedLog) -> list[list[str]]:
    starts = log.baskets.starts.tolist()
    return [[log.tokens[item] for item in log.baskets.items[one:end]] for one, end in zip(starts, starts[1:])]


@pytest.mark.parametrize("limits", [Limits(), Limits(5, 3, 4), Limits(None, None, None), Limits(5, 1, 1)])
@pytest.mark.parametrize("held_out", [0, 2])
@pytest.mark.parametrize("buckets", [1, 6])
def test_baskets_are_those_of_loops_over_the_definition(
    limits: Limits, held_out: int, buckets: int, tmp_path: Path
) -> None:
    rows = random_rows(1)
    log = prepare(tmp_path / "work", write(tmp_path / "log.csv", rows), limits, buckets, held_out)
    tokens, baskets = literally(rows, limits, held_out)
    assert log.tokens == tokens and named(log) == baskets and log.interactions == len(rows)
    counts = np.bincount(log.baskets.items)
    assert log.most_users == counts.max() and set(log.sizes) == {len(basket) for basket in baskets}


@pytest.mark.parametrize("ending", [".csv", ".inter", ".parquet"])
def test_every_kind_of_file_and_a_folder_of_them_say_the_same(ending: str, tmp_path: Path) -> None:
    rows = random_rows(2)
    expected = literally(rows, Limits(), 2)
    (tmp_path / "log").mkdir()
    for number, start in enumerate(range(0, len(rows), 150)):
        write(tmp_path / "log" / f"part-{number}{ending}", rows[start : start + 150])
    for place, where in enumerate([write(tmp_path / f"log{ending}", rows), tmp_path / "log"]):
        log = prepare(tmp_path / f"work{place}", where, Limits())
        assert (log.tokens, named(log)) == expected


def test_times_beyond_float64_decide(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    late, later = 2**60, 2**60 + 1
    assert float(late) == float(later)
    rows = [("u", "b", later), ("u", "a", late), ("u", "d", later + 2), ("u", "c", later + 1)]
    for kind in (pyarrow.int64(), pyarrow.timestamp("ns")):
        users, items, times = zip(*rows)
        table = pyarrow.table({"user_id": users, "item_id": items, "timestamp": pyarrow.array(times, kind)})
        pyarrow.parquet.write_table(table, tmp_path / f"{kind.bit_width}-{kind.id}.parquet")
        log = prepare(tmp_path / f"work{kind.id}", tmp_path / f"{kind.bit_width}-{kind.id}.parquet", Limits())
        assert named(log) == [["b", "a"]] and log.tokens == ["b", "a", "d", "c"]


def test_two_tokens_of_one_hash_stay_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def colliding(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        check = [int.from_bytes(value.encode(), "big") for value in values]
        return np.array([len(value) for value in values], dtype=np.uint64), np.array(check, dtype=np.uint64)

    monkeypatch.setattr(numbered_log, "token_hashes", colliding)
    rows = random_rows(3)
    log = prepare(tmp_path / "work", write(tmp_path / "log.csv", rows), Limits(), buckets=2)
    assert (log.tokens, named(log)) == literally(rows, Limits(), 2)


@pytest.mark.parametrize("held_out", [0, 1, 2])
def test_a_user_gives_up_the_last_interactions_but_keeps_two(held_out: int) -> None:
    users = np.repeat(np.arange(6), [1, 2, 3, 4, 5, 9])
    kept = np.bincount(users[for_training(users, held_out)])
    assert kept.tolist() == [max(min(n, 2), n - held_out) for n in (1, 2, 3, 4, 5, 9)]
    assert for_training(np.array([7, 7, 7, 7]), 2).tolist() == [True, True, False, False]
    assert for_training(np.empty(0, dtype=np.int64), 2).tolist() == []


def test_pairs_of_a_log_in_files_are_those_of_arrays_in_memory(tmp_path: Path) -> None:
    rows, limits = random_rows(4), Limits(5, 6, 7)
    log = prepare(tmp_path / "work", write(tmp_path / "log.csv", rows), limits, buckets=3)
    tokens = list(dict.fromkeys(item for _, item, _ in rows))
    users = pd.factorize(np.array([user for user, _, _ in rows]))[0]
    order = np.lexsort(([at for _, _, at in rows], users))
    order = order[for_training(users[order], 2)]
    items = np.array([tokens.index(item) for _, item, _ in rows])
    whole = swing_pairs(users[order], items[order], len(tokens), top_k=5, max_user_items=6, max_item_users=7)
    weighing = Weighing.of(1.0, 0.5, log.sizes, log.most_users)
    found = InProcess().mine(weighing, log.baskets, len(log.tokens), 5)
    for name, values in vars(whole).items():
        assert np.array_equal(getattr(found, name), values)
