"""Catalogues and logs at scale, on Ray and without: time, memory against limits stated beforehand, and efficiency.

    python -m benchmarks.catalogue_scale --part=mining --out=results/scale      (10 M interactions; about 1 GB of files)
    python -m benchmarks.catalogue_scale --part=assignment --out=results/scale  (10 M items; 15 GB of files)
    python -m benchmarks.catalogue_scale --part=efficiency --out=results/scale  (2 M items; 3 GB of files)
    python -m benchmarks.catalogue_scale --part=storage --out=results/scale
    python -m benchmarks.catalogue_scale --part=costs --out=results/scale
    python -m benchmarks.catalogue_scale --part=log --out=results/scale         (50 M interactions; 10 GB of files)

Synthetic files are written to a temporary folder in --folder and removed. The limits are in LIMITS below. Memory is
a process's private memory, sampled twenty times a second, without Ray's object store, which workers share.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow
import torch
from pyarrow import parquet

from benchmarks import log_training
from benchmarks.__main__ import machine, table
from benchmarks.assignment import WIDTH, write_features
from benchmarks.measuring import Measurement, Watch, peak_memory, private_memory, reset_peak_memory, seconds
from benchmarks.swing import co_occurrences, synthetic_log
from recbole_adasid.data.baskets import Baskets, Limits
from recbole_adasid.data.log.user_log import LogPreparation, PreparedLog
from recbole_adasid.distributed.ray_cluster import GIB, ClusterSettings, ThisProcess, cluster
from recbole_adasid.features.vectors import load_feature_file
from recbole_adasid.model.catalogue import Catalogue, collision_ranks
from recbole_adasid.pairs.item_pairs import ItemPairs
from recbole_adasid.pairs.swing import InProcess, Weighing
from recbole_adasid.pairs.swing_on_ray import RayEngine, best_of_range, sums_of_piece
from recbole_adasid.settings.presets import read_props
from recbole_adasid.tokenizer.base import ItemTokenizer
from recbole_adasid.tokenizer.bulk.catalogue_codes import assign_codes
from recbole_adasid.tokenizer.bulk.catalogue_suffixes import number_suffixes
from recbole_adasid.tokenizer.bulk.feature_shards import shard_paths
from recbole_adasid.tokenizer.bulk.sid_shards import target_of
from recbole_adasid.tokenizer.registry import build_tokenizer

LIMITS = {"worker": 1.0, "driver": 1.0, "log sorted": 3.0, "log sorted before": 1.5}
"""GiB that a worker, the process that started them, and one that trains on a log in files may have for itself; stated
before anything was measured."""
EFFICIENCY = 70.0
"""Per cent of twice the speed of one worker that two should reach on a machine of two cores."""
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
        log, spent = _timed(lambda: preparation.prepare(folder / "log", {}))
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
        with cluster(_settings(workers)) as ready, watch.watching():
            found = _pairs(RayEngine(ready.settings), log)
        same = all(np.array_equal(getattr(found, name), values) for name, values in vars(whole).items())
        detail = f"{watch.seconds:.1f} s; {len(found):,} pairs, {'the same' if same else 'NOT the same'} to the bit"
        name = f"{stage}: Swing by {workers} worker{'s' * (workers > 1)}"
        for who, value in (("worker", watch.workers), ("driver", watch.driver)):
            yield Measurement(
                name, f"memory of a {who}", value, LIMITS[who], at_least=False, unit=" GiB", detail=detail
            )
    yield from _twice(f"{stage}: Swing", runs)


def _twice(stage: str, runs: dict[int, Watch]) -> Iterator[Measurement]:
    """Compare two workers with one, by the clock and by processor time; what others took of the machine is told."""
    detail = ", ".join(
        f"{one.seconds:.1f} s {f'with {workers}' if workers else 'without Ray'} (others on {one.other_cores:.2f} cores)"
        for workers, one in runs.items()
    )
    share = 100 * runs[1].seconds / runs[2].seconds / 2
    yield Measurement(f"{stage}, 2 workers", "twice one", share, EFFICIENCY, unit="%", detail=detail)
    took = {workers: one.seconds * one.own_cores for workers, one in runs.items()}
    detail = ", ".join(
        f"{spent:.1f} s {f'with {workers}' if workers else 'without Ray'}" for workers, spent in took.items()
    )
    share = 100 * took[1] / took[2]
    yield Measurement(f"{stage}, processor time of 2 workers", "that of one", share, 90, unit="%", detail=detail)


def _pairs(engine: InProcess | RayEngine, log: PreparedLog) -> ItemPairs:
    weighing = Weighing.of(1.0, 0.5, log.sizes, log.most_users)
    return engine.mine(weighing, log.baskets, len(log.tokens), 50)


def _settings(workers: int) -> ClusterSettings:
    return ClusterSettings(workers=workers, worker_memory=LIMITS["worker"])


def tokenizer_of_adasid() -> ItemTokenizer:
    """Return AdaSID's tokenizer at its usual size, untrained: codes take as long."""
    settings = {**read_props("tokenizers.yaml"), **read_props("tokenizer/adasid.yaml"), "seed": 0}
    return build_tokenizer(settings, width=WIDTH).eval()


def write_catalogue(folder: Path, n_items: int) -> list[Path]:
    """Write features float16 [N, 768] in shards."""
    folder.mkdir()
    for number, rows in enumerate(np.array_split(np.arange(n_items), SHARDS)):
        write_features(folder / f"part-{number:02}.npy", len(rows))
        names = "".join(f"i{row}\n" for row in rows.tolist())
        (folder / f"part-{number:02}.items.txt").write_text(names, encoding="utf-8")
    return shard_paths(folder)


def assignment(n_items: int, folder: Path) -> Iterator[Measurement]:
    """Semantic IDs of a catalogue by two workers, then numbers for those that are equal, then all of it once more."""
    shards, tokenizer, out = write_catalogue(folder / "features", n_items), tokenizer_of_adasid(), folder / "out"
    watch = Watch()
    with watch.watching(), cluster(_settings(2)) as workers:
        (found, _), encoded = _timed(lambda: assign_codes(workers, tokenizer, shards, out))
        sizes = [found[shard].items for shard in shards]
        paths = [target_of(shard, out) for shard in shards]
        _, numbered = _timed(lambda: number_suffixes(paths, sizes, memory=GIB / 2))
        (again, _), reused = _timed(lambda: assign_codes(workers, tokenizer, shards, out))
    assert all(one.reused for one in again.values())
    stage = f"Semantic IDs of {n_items:,} items of {WIDTH} columns, float16 on disk, by 2 workers"
    detail = (
        f"{encoded:.1f} s, {n_items / encoded:,.0f} items/s; suffixes {numbered:.1f} s; all found done {reused:.1f} s"
    )
    for who, value in (("worker", watch.workers), ("driver", watch.driver)):
        yield Measurement(stage, f"memory of a {who}", value, LIMITS[who], at_least=False, unit=" GiB", detail=detail)
    yield _figure("catalogue: suffixes", n_items / numbered / 1e6, " M/s", "by one process")


def efficiency(n_items: int, folder: Path) -> Iterator[Measurement]:
    """Encoding by one worker against two, and by one thread of this process."""
    shards, tokenizer = write_catalogue(folder / "features", n_items), tokenizer_of_adasid()
    runs = {0: Watch(), 1: Watch(), 2: Watch()}
    torch.set_num_threads(1)
    with runs[0].watching():
        assign_codes(ThisProcess(), tokenizer, shards, folder / "alone")
    for workers in (1, 2):
        with cluster(_settings(workers)) as ready:
            assign_codes(ready, tokenizer, shards[: 2 * workers], folder / f"first-{workers}")  # loads torch in each
            with runs[workers].watching():
                assign_codes(ready, tokenizer, shards, folder / f"out-{workers}")
    yield from _twice(f"Semantic IDs of {n_items:,} items of {WIDTH} columns", runs)
    rate = n_items / (runs[2].seconds * runs[2].own_cores)
    yield _figure("catalogue: items encoded", rate / 1e6, " M/s", "a second of a core, two at work")


def storage(n_items: int, folder: Path) -> Iterator[Measurement]:
    """Bytes an item of catalogue and prefix tree, the cost of building them, and memory of features."""
    torch.set_num_threads(1)
    for size in (n_items // 10, n_items):
        codes = torch.randint(256, (size, 3), generator=torch.Generator().manual_seed(0))
        before = reset_peak_memory()
        catalogue, spent = _timed(functools.partial(Catalogue, codes, [256] * 3))
        above = (peak_memory() - before) / 1024
        ranks = seconds(functools.partial(collision_ranks, codes))
        stored = sum(buffer.nbytes for buffer in catalogue.buffers()) / size
        detail = (
            f"built in {spent:.1f} s ({ranks:.1f} s of it for suffixes) with {above:.2f} GiB at most beside the codes"
        )
        stage = f"catalogue and prefix tree, {size:,} items"
        yield Measurement(stage, "bytes an item", stored, 40, at_least=False, unit="", detail=detail)
        yield _figure(
            f"tree: built, {size:,} items", size / spent / 1e6, " M/s", f"{above * GIB / size:.0f} bytes an item"
        )
        del catalogue, codes
    rows = n_items // 20
    path = folder / "features.npy"
    write_features(path, rows)
    names = [f"i{row}" for row in range(rows)]
    size = 4 * rows * WIDTH / GIB
    for kind, where, most in (("in memory", None, 1.1), ("that stay on disk", folder, 0.1)):
        watch = Watch()
        before = private_memory(os.getpid())
        with watch.watching():
            features, spent = _timed(
                functools.partial(load_feature_file, path, names, row_tokens=names, mapped_in=where)
            )
        stage = f"features of {rows:,} items of {WIDTH} columns {kind}"
        taken = (watch.driver - before) / size
        detail = f"{spent:.1f} s; {size:.1f} GiB as float32"
        yield Measurement(stage, "their size as float32", taken, most, at_least=False, detail=detail)
        del features


def costs(n_users: int, folder: Path) -> Iterator[Measurement]:
    """How processor time grows, and the rates that the plan is made of (`python -m benchmarks.scale_plan`)."""
    times, read = {}, {}
    for users in (n_users // 30, n_users // 6, n_users):
        (folder / f"log-{users}").mkdir()
        (folder / f"work-{users}").mkdir()
        n_rows = write_log(folder / f"log-{users}", users)
        preparation = LogPreparation(folder / f"work-{users}", Limits(), memory=0.5)
        log, read[n_rows] = _worked(functools.partial(preparation.prepare, folder / f"log-{users}", {}))
        before = reset_peak_memory()
        _, times[n_rows] = _worked(functools.partial(_pairs, InProcess(), log))
        detail = f"{(peak_memory() - before) / 1024:.2f} GiB beside the log; reading it {read[n_rows]:.1f} s"
        yield _figure(f"Swing, {n_rows:,} interactions", times[n_rows], " s", detail)
    for name, spent in (("Swing", times), ("reading a log", read)):
        slope = float(np.polyfit(np.log(list(spent)), np.log(list(spent.values())), 1)[0])
        yield _figure(f"{name}: exponent of processor time against interactions", slope, "", "")
    yield _figure("log: interactions read", log.interactions / read[n_rows] / 1e6, " M/s", "a second of a core")
    yield from _rates_of_pieces(log)


def _rates_of_pieces(log: PreparedLog) -> Iterator[Measurement]:
    """Rates of tasks over users who meet, over users who do not, and over sums."""
    weighing, n_items, baskets = Weighing.of(1.0, 0.5, log.sizes, log.most_users), len(log.tokens), log.baskets
    cuts = np.array([0, n_items])
    (_, sums), spent = _worked(lambda: sums_of_piece(weighing, baskets, baskets, n_items, 0, cuts, 10**12))
    sizes = np.diff(baskets.starts)
    met = co_occurrences(np.repeat(np.arange(len(sizes)), sizes), np.asarray(baskets.items))
    yield _figure("log: share that counts", len(baskets.items) / log.interactions, "", "after held-out ones and limits")
    yield _figure("log: co-occurrences", met / log.interactions, " an interaction", "two users who have an item")
    yield _figure("log: directed sums", len(sums.value) / log.interactions, " an interaction", "16 bytes each")
    yield _figure("task: co-occurrences", met / spent / 1e6, " M/s", "a second of a core")
    _, spent = _worked(lambda: best_of_range(weighing, n_items, 50, 0, n_items, sums))
    yield _figure("task: sums", len(sums.value) / spent / 1e6, " M/s", "a second of a core, added and ranked")
    strangers = Baskets(baskets.n_users, baskets.starts, np.asarray(baskets.items) + n_items)
    _, spent = _worked(lambda: sums_of_piece(weighing, baskets, strangers, 2 * n_items, 0, np.array([0, 1]), 10**12))
    yield _figure(
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
    yield _figure("log: bytes an interaction, kept sorted", kept / n_rows, "", "ten interactions a user, 50 an item")
    yield _figure("log: sorted for training", n_rows / sorting["prepared in"] / 1e6, " M/s", "by one process")
    of_user = sorted_before["memory"] * GIB / n_users
    yield _figure("log: bytes a user, opened", of_user, "", "with a fifth of an item and seven examples")
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


def _figure(name: str, value: float, unit: str, detail: str) -> Measurement:
    """Return a figure that nothing was asked of."""
    return Measurement(name, "", value, 0.0, unit=unit, detail=detail)


def _timed(function: Callable) -> tuple:
    started = time.perf_counter()
    result = function()
    return result, time.perf_counter() - started


def _worked(function: Callable) -> tuple:
    """Return a result and the processor time it took, which others on the machine hardly change."""
    started = time.process_time()
    result = function()
    return result, time.process_time() - started


PARTS: dict[str, tuple[Callable[[int, Path], Iterator[Measurement]], int]] = {
    "mining": (mining, 1_000_000),
    "assignment": (assignment, 10_000_000),
    "efficiency": (efficiency, 2_000_000),
    "storage": (storage, 10_000_000),
    "costs": (costs, 1_000_000),
    "log": (training, 5_000_000),
}
"""What each part measures, and of how many users or items."""


def main() -> None:
    """Measure one part and write it into the table of all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=PARTS, required=True)
    parser.add_argument("--size", type=int, default=None, help="users or items, if not the usual number")
    parser.add_argument("--folder", type=Path, default=None, help="where files are made up; default: temporary")
    parser.add_argument("--out", type=Path, default=None, help="folder for README.md and measurements.jsonl")
    arguments = parser.parse_args()
    measure, usual = PARTS[arguments.part]
    measured = []
    with tempfile.TemporaryDirectory(dir=arguments.folder, prefix="scale-") as folder:
        for one in measure(arguments.size or usual, Path(folder)):
            one.print()
            measured.append(one)
    if arguments.out:
        write(arguments.out, arguments.part, measured)


def write(out: Path, part: str, measured: list[Measurement]) -> None:
    """Replace what was measured of a part before, and render all parts."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / "measurements.jsonl"
    kept = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
    kept = [record for record in kept if record["part"] != part]
    kept += [{"part": part, "machine": machine(), **vars(one)} for one in measured]
    kept.sort(key=lambda record: list(PARTS).index(record["part"]))
    path.write_text("".join(json.dumps(record) + "\n" for record in kept), encoding="utf-8")
    fields = Measurement.__dataclass_fields__
    lines = [Measurement(**{key: record[key] for key in fields}) for record in kept]
    machines = "; ".join(sorted({record["machine"] for record in kept}))
    head = "# Scale\n\nWritten by `python -m benchmarks.catalogue_scale`; its limits were stated beforehand.\n\n"
    checked = table([one for one in lines if one.against])
    figures = [f"| {one.stage} | {one.value:.3g}{one.unit} | {one.detail} |" for one in lines if not one.against]
    rest = "\n".join(["| figure | | |", "|---|---|---|", *figures])
    (out / "README.md").write_text(f"{head}Machine: {machines}.\n\n{checked}\n\n{rest}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
