"""Catalogues and logs at scale, on Ray and without: time, memory against limits stated beforehand, and efficiency.

    python -m benchmarks.catalogue_scale --part=mining --out=results/scale      (10 M interactions; about 1 GB of files)
    python -m benchmarks.catalogue_scale --part=assignment --out=results/scale  (10 M items; 15 GB of files)
    python -m benchmarks.catalogue_scale --part=efficiency --out=results/scale  (2 M items; 3 GB of files)
    python -m benchmarks.catalogue_scale --part=storage --out=results/scale
    python -m benchmarks.catalogue_scale --part=costs --out=results/scale
    python -m benchmarks.catalogue_scale --part=log --out=results/scale         (50 M interactions; 10 GB of files)

Synthetic files are written to a temporary folder in --folder and removed. The limits are in scale_measuring.py. Memory
is a process's private memory, sampled twenty times a second, without Ray's object store, which workers share.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

from benchmarks.__main__ import machine, table
from benchmarks.assignment import WIDTH, write_features
from benchmarks.log_scale import SHARDS, costs, mining, training
from benchmarks.measuring import Measurement, Watch, peak_memory, private_memory, reset_peak_memory, seconds
from benchmarks.scale_measuring import LIMITS, cluster_settings, figure, timed, twice
from recbole_adasid.distributed.ray_cluster import GIB, ThisProcess, cluster
from recbole_adasid.features.vectors import load_feature_file
from recbole_adasid.model.catalogue import Catalogue, collision_ranks
from recbole_adasid.settings.presets import read_props
from recbole_adasid.tokenizer.base import ItemTokenizer
from recbole_adasid.tokenizer.bulk.catalogue_codes import assign_codes
from recbole_adasid.tokenizer.bulk.catalogue_suffixes import number_suffixes
from recbole_adasid.tokenizer.bulk.feature_shards import shard_paths
from recbole_adasid.tokenizer.bulk.sid_shards import target_of
from recbole_adasid.tokenizer.registry import build_tokenizer


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
    with watch.watching(), cluster(cluster_settings(2)) as workers:
        (found, _), encoded = timed(lambda: assign_codes(workers, tokenizer, shards, out))
        sizes = [found[shard].items for shard in shards]
        paths = [target_of(shard, out) for shard in shards]
        _, numbered = timed(lambda: number_suffixes(paths, sizes, memory=GIB / 2))
        (again, _), reused = timed(lambda: assign_codes(workers, tokenizer, shards, out))
    assert all(one.reused for one in again.values())
    stage = f"Semantic IDs of {n_items:,} items of {WIDTH} columns, float16 on disk, by 2 workers"
    detail = (
        f"{encoded:.1f} s, {n_items / encoded:,.0f} items/s; suffixes {numbered:.1f} s; all found done {reused:.1f} s"
    )
    for who, value in (("worker", watch.workers), ("driver", watch.driver)):
        yield Measurement(stage, f"memory of a {who}", value, LIMITS[who], at_least=False, unit=" GiB", detail=detail)
    yield figure("catalogue: suffixes", n_items / numbered / 1e6, " M/s", "by one process")


def efficiency(n_items: int, folder: Path) -> Iterator[Measurement]:
    """Encoding by one worker against two, and by one thread of this process."""
    shards, tokenizer = write_catalogue(folder / "features", n_items), tokenizer_of_adasid()
    runs = {0: Watch(), 1: Watch(), 2: Watch()}
    torch.set_num_threads(1)
    with runs[0].watching():
        assign_codes(ThisProcess(), tokenizer, shards, folder / "alone")
    for workers in (1, 2):
        with cluster(cluster_settings(workers)) as ready:
            assign_codes(ready, tokenizer, shards[: 2 * workers], folder / f"first-{workers}")  # loads torch in each
            with runs[workers].watching():
                assign_codes(ready, tokenizer, shards, folder / f"out-{workers}")
    yield from twice(f"Semantic IDs of {n_items:,} items of {WIDTH} columns", runs)
    rate = n_items / (runs[2].seconds * runs[2].own_cores)
    yield figure("catalogue: items encoded", rate / 1e6, " M/s", "a second of a core, two at work")


def storage(n_items: int, folder: Path) -> Iterator[Measurement]:
    """Bytes an item of catalogue and prefix tree, the cost of building them, and memory of features."""
    torch.set_num_threads(1)
    for size in (n_items // 10, n_items):
        codes = torch.randint(256, (size, 3), generator=torch.Generator().manual_seed(0))
        before = reset_peak_memory()
        catalogue, spent = timed(functools.partial(Catalogue, codes, [256] * 3))
        above = (peak_memory() - before) / 1024
        ranks = seconds(functools.partial(collision_ranks, codes))
        stored = sum(buffer.nbytes for buffer in catalogue.buffers()) / size
        detail = (
            f"built in {spent:.1f} s ({ranks:.1f} s of it for suffixes) with {above:.2f} GiB at most beside the codes"
        )
        stage = f"catalogue and prefix tree, {size:,} items"
        yield Measurement(stage, "bytes an item", stored, 40, at_least=False, unit="", detail=detail)
        yield figure(
            f"tree: built, {size:,} items", size / spent / 1e6, " M/s", f"{above * GIB / size:.0f} bytes an item"
        )
        del catalogue, codes
    rows = n_items // 20
    path = folder / "features.npy"
    write_features(path, rows)
    names = [f"i{row}" for row in range(rows)]
    path.with_suffix(".items.txt").write_text("\n".join(names), encoding="utf-8")
    size = 4 * rows * WIDTH / GIB
    for kind, where, most in (("in memory", None, 1.1), ("that stay on disk", folder, 0.1)):
        watch = Watch()
        before = private_memory(os.getpid())
        with watch.watching():
            features, spent = timed(functools.partial(load_feature_file, path, names, mapped_in=where))
        stage = f"features of {rows:,} items of {WIDTH} columns {kind}"
        taken = (watch.driver - before) / size
        detail = f"{spent:.1f} s; {size:.1f} GiB as float32"
        yield Measurement(stage, "their size as float32", taken, most, at_least=False, detail=detail)
        del features


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
