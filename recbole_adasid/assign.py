"""Semantic IDs for a catalogue in shards, on the command line.

    python -m recbole_adasid.assign --bundle=FOLDER --features=FOLDER --out=FOLDER
    python -m recbole_adasid.assign --run_folder=runs/… --features=FOLDER --out=FOLDER --engine=ray

  --bundle=FOLDER         a SID bundle whose tokenizer encodes, its codebooks frozen; or
  --run_folder=FOLDER     a finished run
  --features=PATH         a folder of .npy (tokens in NAME.items.txt beside, one a line) and .parquet files (item_id,
                          embedding), or one of them; the order of their names is that of the items
  --out=FOLDER            gets NAME.parquet for each (item_id, sid_1 …, suffix), and assignment.json at last
  --engine=ray            encode on Ray (extra `ray`), a shard a task; default: local, in this process
  --ray_address, --ray_workers, --ray_worker_memory   as in the main job
  --memory=1.0            GiB for numbering the items of equal codes
  --show_progress=false   no progress bars

A shard that is done is not encoded again as long as tokenizer, features and tokens are the same. One that is damaged is
named, and costs itself alone: mend it and run the same command again. The suffix counts the items of equal codes before
an item, over all shards, whatever the engine and its workers.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from recbole_adasid.artefacts import RunFolder, as_json, write_atomically
from recbole_adasid.bundle.folder import read_content
from recbole_adasid.cli import parse_arguments, run_command
from recbole_adasid.data.parquet import require_pyarrow
from recbole_adasid.host.settings import SettingsError, check_types, refuse_unknown_keys, unknown_name
from recbole_adasid.scale.assigned import MANIFEST, target_of
from recbole_adasid.scale.catalogue_codes import Encoded, assign_codes, tokenizer_digest
from recbole_adasid.scale.catalogue_suffixes import Numbered, number_suffixes
from recbole_adasid.scale.cluster import GIB, LEAST_MEMORY, ClusterSettings, ThisProcess, Workers, cluster
from recbole_adasid.scale.feature_shards import shard_paths
from recbole_adasid.tokenizer.base import ItemTokenizer
from recbole_adasid.tokenizer.saved import load_tokenizer

logger = logging.getLogger(__name__)

ENGINES = ("local", "ray")
DEFAULTS: dict[str, Any] = {
    "engine": "local",
    "ray_address": None,
    "ray_workers": None,
    "ray_worker_memory": 2.0,
    "memory": 1.0,
    "show_progress": True,
}
_PATHS = ("bundle", "run_folder", "features", "out")
OWN_KEYS = (*_PATHS, *DEFAULTS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Assign as the arguments say and return the exit status: 0, or what :mod:`recbole_adasid.ending` says."""
    kept = "shards that are done are kept, and the same command goes on from there"
    spare = "lower --memory, or cut the features into smaller shards"
    return run_command(arguments, str(__doc__), _run, kept=kept, spare=spare)


def _settings(given: Sequence[str]) -> dict[str, Any]:
    named, _ = parse_arguments(given, as_written=(*_PATHS, "ray_address"))
    refuse_unknown_keys(named, OWN_KEYS, source="the command line")
    if ("bundle" in named) == ("run_folder" in named) or not {"features", "out"} <= named.keys():
        raise SettingsError("Give --features, --out, and either --bundle or --run_folder; see --help.")
    check_types(named, DEFAULTS)
    settings = {**DEFAULTS, **named}
    if settings["engine"] not in ENGINES:
        raise unknown_name("engine", settings["engine"], ENGINES)
    for key, least in (("memory", 0.1), ("ray_worker_memory", LEAST_MEMORY)):
        if not least <= settings[key] < float("inf"):
            raise SettingsError(f"{key}={settings[key]} has to be a number of GiB, {least} or more.")
    return settings


def _run(given: Sequence[str]) -> None:
    settings = _settings(given)
    started, out, progress = time.perf_counter(), Path(settings["out"]), settings["show_progress"]
    require_pyarrow(out)
    tokenizer, shards = _tokenizer(settings), shard_paths(settings["features"])
    out.mkdir(parents=True, exist_ok=True)
    (out / MANIFEST).unlink(missing_ok=True)  # what it says is about to change
    with _workers(settings) as workers:
        found, failures = assign_codes(workers, tokenizer, shards, out, progress=progress)
    encoded = time.perf_counter() - started
    if failures:
        first = min(failures, key=lambda failure: shards.index(failure.shard))
        raise ValueError(
            f"{len(failures)} of {len(shards)} shards have no Semantic IDs, first {first.shard}: {first.reason}; the "
            f"others are kept in {out}: put it right, and run the same command again"
        )
    paths = [target_of(shard, out) for shard in shards]
    sizes = [found[shard].items for shard in shards]
    if strangers := sorted(path.name for path in set(out.glob("*.parquet")) - set(paths)):
        logger.warning("%s holds %s, which no shard of the features stands for: remove it.", out, ", ".join(strangers))
    numbered = number_suffixes(paths, sizes, memory=settings["memory"] * GIB, progress=progress)
    _write_manifest(out, tokenizer, [(path.name, found[shard]) for path, shard in zip(paths, shards)], numbered)
    fresh = sum(one.items for one in found.values() if not one.reused)
    seconds = time.perf_counter() - started
    print(
        f"{numbered.items:,} items in {len(shards)} shards, {fresh:,} encoded ({encoded:.1f} s), numbered after "
        f"{seconds:.1f} s; {numbered.distinct:,} different codes, at most {numbered.largest:,} items of the same: {out}"
    )


def _tokenizer(settings: Mapping[str, Any]) -> ItemTokenizer:
    if "run_folder" in settings:
        return load_tokenizer(RunFolder.existing(settings["run_folder"]).tokenizer_path)[0]
    tokenizer = read_content(settings["bundle"]).tokenizer
    if tokenizer is None:
        raise ValueError(f"{settings['bundle']} has no tokenizer: take the bundle of the run that learnt it")
    return tokenizer


@contextmanager
def _workers(settings: Mapping[str, Any]) -> Iterator[Workers]:
    if settings["engine"] == "local":
        yield ThisProcess()
        return
    with cluster(ClusterSettings.of(settings)) as workers:
        yield workers


def _write_manifest(
    out: Path, tokenizer: ItemTokenizer, shards: Sequence[tuple[str, Encoded]], numbered: Numbered
) -> None:
    """Write what the folder holds; a folder without it is not done."""
    about = {
        "tokenizer": tokenizer_digest(tokenizer),
        "level_sizes": tokenizer.codebook_sizes,
        "suffixes": numbered.largest,
        "items": numbered.items,
        "distinct_codes": numbered.distinct,
        "shards": {name: {"items": one.items, "fingerprint": one.fingerprint} for name, one in shards},
    }
    write_atomically(out / MANIFEST, as_json(about))


if __name__ == "__main__":
    sys.exit(main())
