"""Logs at scale: the parts mining, costs and log of `python -m benchmarks.catalogue_scale`."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow
from pyarrow import parquet

from benchmarks import log_training
from benchmarks.measuring import Measurement, Watch, peak_memory, reset_peak_memory
from benchmarks.scale_measuring import LIMITS, cluster_settings, figure, timed, twice, worked
from benchmarks.swing import co_occurrences, synthetic_log
from recbole_adasid.data.baskets import Baskets, Limits
from recbole_adasid.data.log.user_log import LogPreparation, PreparedLog
from recbole_adasid.distributed.ray_cluster import GIB, cluster
from recbole_adasid.pairs.item_pairs import ItemPairs
from recbole_adasid.pairs.swing import InProcess, Weighing
from recbole_adasid.pairs.swing_on_ray import RayEngine, best_of_range, sums_of_piece

SHARDS = 20
_MOST_OF_A_TABLE = 120_000_000
"""Interactions that RecBole's table has room for on a machine of 24 GiB."""


def write_log(folder: Path, n_users: int) -> int:
    """Write a made-up log, ten interactions a user, as Parquet shards in the order of time; return its length."""
    users, items, _ = synthetic_log(n_users)
    order = np.random.default_rng(1).permutation(len(users))
    for number, rows in enumerate(np.array_split(order, SHARDS)):
        names = {"user_id": np.char.add("u", users[rows].astype(str)), "item_id": items[rows]}
        columns = {**names, "timestamp": np.arange(len(rows)) + number * 10**9}
        parquet.write_table(pyarrow.table(columns), folder / f"part-{number:02}.parquet")
    return len(users)


def mining(n_users: int, folder: Path) -> Iterator[Measurement]:
    """Pairs of a log in files: by one process, by one worker and by two."""
    (folder / "log").mkdir()
    n_rows = write_log(folder / "log", n_users)
    (folder / "work").mkdir()
    watch = Watch()
    preparation = LogPreparation(folder / "work", Limits(), memory=0.5)
    with watch.watching():
        log, spent = timed(lambda: preparation.prepare(folder / "log", {}))
    stage = f"log of {n_rows:,} interactions, {len(log.tokens):,} items"
    detail = f"{spent:.1f} s, {n_rows / spent:,.0f} interactions/s"
    limit = LIMITS["driver"]
    yield Measurement(f"{stage}: reading", "memory", watch.driver, limit, at_least=False, unit=" GiB", detail=detail)
    watch = Watch()
    with watch.watching():
        whole = _pairs(InProcess(), log)
    runs = {0: watch}
    for workers in (1, 2):
        watch = runs[workers] = Watch()
        with cluster(cluster_settings(workers)) as ready, watch.watching():
            found = _pairs(RayEngine(ready.settings), log)
        same = all(np.array_equal(getattr(found, name), values) for name, values in vars(whole).items())
        detail = f"{watch.seconds:.1f} s; {len(found):,} pairs, {'the same' if same else 'NOT the same'} to the bit"
        name = f"{stage}: Swing by {workers} worker{'s' * (workers > 1)}"
        for who, value in (("worker", watch.workers), ("driver", watch.driver)):
            yield Measurement(
                name, f"memory of a {who}", value, LIMITS[who], at_least=False, unit=" GiB", detail=detail
            )
    yield from twice(f"{stage}: Swing", runs)


def _pairs(engine: InProcess | RayEngine, log: PreparedLog) -> ItemPairs:
    weighing = Weighing.of(1.0, 0.5, log.sizes, log.most_users)
    return engine.mine(weighing, log.baskets, len(log.tokens), 50)


def costs(n_users: int, folder: Path) -> Iterator[Measurement]:
    """How processor time grows, and the rates that the plan is made of (`python -m benchmarks.scale_plan`)."""
    times, read = {}, {}
    for users in (n_users // 30, n_users // 6, n_users):
        (folder / f"log-{users}").mkdir()
        (folder / f"work-{users}").mkdir()
        n_rows = write_log(folder / f"log-{users}", users)
        preparation = LogPreparation(folder / f"work-{users}", Limits(), memory=0.5)
        log, read[n_rows] = worked(functools.partial(preparation.prepare, folder / f"log-{users}", {}))
        before = reset_peak_memory()
        _, times[n_rows] = worked(functools.partial(_pairs, InProcess(), log))
        detail = f"{(peak_memory() - before) / 1024:.2f} GiB beside the log; reading it {read[n_rows]:.1f} s"
        yield figure(f"Swing, {n_rows:,} interactions", times[n_rows], " s", detail)
    for name, spent in (("Swing", times), ("reading a log", read)):
        slope = float(np.polyfit(np.log(list(spent)), np.log(list(spent.values())), 1)[0])
        yield figure(f"{name}: exponent of processor time against interactions", slope, "", "")
    yield figure("log: interactions read", log.interactions / read[n_rows] / 1e6, " M/s", "a second of a core")
    yield from _rates_of_pieces(log)


def _rates_of_pieces(log: PreparedLog) -> Iterator[Measurement]:
    """Rates of tasks over users who meet, over users who do not, and over sums."""
    weighing, n_items, baskets = Weighing.of(1.0, 0.5, log.sizes, log.most_users), len(log.tokens), log.baskets
    cuts = np.array([0, n_items])
    (_, sums), spent = worked(lambda: sums_of_piece(weighing, baskets, baskets, n_items, 0, cuts, 10**12))
    sizes = np.diff(baskets.starts)
    met = co_occurrences(np.repeat(np.arange(len(sizes)), sizes), np.asarray(baskets.items))
    yield figure("log: share that counts", len(baskets.items) / log.interactions, "", "after held-out ones and limits")
    yield figure("log: co-occurrences", met / log.interactions, " an interaction", "two users who have an item")
    yield figure("log: directed sums", len(sums.value) / log.interactions, " an interaction", "16 bytes each")
    yield figure("task: co-occurrences", met / spent / 1e6, " M/s", "a second of a core")
    _, spent = worked(lambda: best_of_range(weighing, n_items, 50, 0, n_items, sums))
    yield figure("task: sums", len(sums.value) / spent / 1e6, " M/s", "a second of a core, added and ranked")
    strangers = Baskets(baskets.n_users, baskets.starts, np.asarray(baskets.items) + n_items)
    _, spent = worked(lambda: sums_of_piece(weighing, baskets, strangers, 2 * n_items, 0, np.array([0, 1]), 10**12))
    yield figure(
        "task: items of users who never meet", 2 * len(baskets.items) / spent / 1e6, " M/s", "a second of a core"
    )


def training(n_users: int, folder: Path) -> Iterator[Measurement]:
    """A log as TIGER trains on it: in files, and as RecBole's table where that fits into memory."""
    (folder / log_training.NAME).mkdir()
    n_rows = write_log(folder / log_training.NAME, n_users)
    sorting, sorted_before = (_of_own_process(folder, "files") for _ in range(2))
    stage = f"log of {n_rows:,} interactions in files, for TIGER's training"
    for what, one in (("log sorted", sorting), ("log sorted before", sorted_before)):
        rate = one["examples"] / one["batches in"]
        detail = f"{one['prepared in']:.1f} s to prepare it; batches of {rate:,.0f} examples/s"
        limit = LIMITS[what]
        yield Measurement(
            f"{stage}: {what}", "memory", one["memory"], limit, at_least=False, unit=" GiB", detail=detail
        )
    kept = sum(path.stat().st_size for path in (folder / "cache").rglob("*") if path.is_file())
    yield figure("log: bytes an interaction, kept sorted", kept / n_rows, "", "ten interactions a user, 50 an item")
    yield figure("log: sorted for training", n_rows / sorting["prepared in"] / 1e6, " M/s", "by one process")
    of_user = sorted_before["memory"] * GIB / n_users
    yield figure("log: bytes a user, opened", of_user, "", "with a fifth of an item and seven examples")
    if n_rows > _MOST_OF_A_TABLE:
        return
    _write_inter(folder / log_training.NAME, folder / "data" / log_training.NAME)
    table = _of_own_process(folder, "table")
    detail = f"{table['prepared in']:.1f} s and {table['memory']:.2f} GiB by RecBole's table"
    yield Measurement(f"{stage}: memory", "RecBole's table", table["memory"] / sorting["memory"], 4.0, detail=detail)
    detail = f"batches of {table['examples'] / table['batches in']:,.0f} examples/s from a table"
    share = table["batches in"] / sorted_before["batches in"]
    yield Measurement(f"{stage}: drawing batches", "those of a table", share, 0.5, detail=detail)


def _of_own_process(folder: Path, way: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.log_training", f"--folder={folder}", f"--way={way}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def _write_inter(shards: Path, out: Path) -> None:
    """Write the log as RecBole reads it."""
    out.mkdir(parents=True)
    with (out / f"{log_training.NAME}.inter").open("w", encoding="utf-8") as file:
        file.write("user_id:token\titem_id:token\ttimestamp:float\n")
        for path in sorted(shards.iterdir()):
            parquet.read_table(path).to_pandas().to_csv(file, sep="\t", header=False, index=False)
