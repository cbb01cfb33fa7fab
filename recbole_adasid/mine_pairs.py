"""Item pairs of a log that does not fit in memory, on the command line.

    python -m recbole_adasid.mine_pairs --interactions=LOG --out=pairs.npz
    python -m recbole_adasid.mine_pairs --interactions=FOLDER --out=FOLDER --pair_engine=ray

Swing as in the main job, on the same interactions: a user's last two are held out, times decide, and the order of the
files among equal times. Item pairs are those of the main job to the bit, whatever the engine and its workers.

  --interactions=PATH     .parquet, .csv, .tsv or .inter, or a folder of such files, read in the order of their names
  --out=PATH              NAME.npz, or a folder for Parquet files; both can be a run's pair_file (pair_source=file)
  --columns=MAPPING       what the columns user_id, item_id and timestamp are called, such as "{user_id: customer}"
  --held_out=2            last interactions of a user that are left out; 0 for a log of training interactions alone
  --work=FOLDER           for files in between, about 100 bytes an interaction (default: where temporary files go)
  --memory=1.0            GiB for reading and sorting the log; beside it some 60 bytes a user and 100 an item
  --show_progress=false   no progress bars

Swing's settings (swing_alpha, swing_top_k, …) and the engine's (pair_engine, ray_address, ray_workers,
ray_worker_memory) are those of the main job, with the same defaults.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from recbole_adasid.cli import parse_arguments, run_command
from recbole_adasid.data.baskets import Limits
from recbole_adasid.data.pair_sources import ENGINES, MINERS
from recbole_adasid.data.pairs import ItemPairs
from recbole_adasid.data.swing import Weighing
from recbole_adasid.host.props import read_props
from recbole_adasid.host.settings import SettingsError, check_types, refuse_unknown_keys, unknown_name
from recbole_adasid.scale.cluster import LEAST_MEMORY
from recbole_adasid.scale.pair_shards import refuse_to_overwrite, write_pairs
from recbole_adasid.scale.swing_on_ray import RayEngine
from recbole_adasid.scale.user_log import LogPreparation, PreparedLog

OWN_DEFAULTS: dict[str, Any] = {"held_out": 2, "memory": 1.0, "show_progress": True}
_SHARED = ("pair_engine", "ray_address", "ray_workers", "ray_worker_memory", *MINERS["swing"].settings.values())
_PATHS = ("interactions", "out", "work")
OWN_KEYS = (*_PATHS, "columns", *OWN_DEFAULTS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Mine as the arguments say and return the exit status: 0, or what :mod:`recbole_adasid.ending` says."""
    kept = "files that are in --out do not hold all pairs: remove them, and run the same command again"
    return run_command(arguments, str(__doc__), _run, kept=kept, spare="lower --memory or swing_max_item_users")


def _settings(given: Sequence[str]) -> dict[str, Any]:
    named, _ = parse_arguments(given, as_written=(*_PATHS, "ray_address"))
    refuse_unknown_keys(named, (*OWN_KEYS, *_SHARED), source="the command line")
    for key in ("interactions", "out"):
        if key not in named:
            raise SettingsError(f"Give --{key}; see --help.")
    shared = {key: value for key, value in read_props("tokenizers.yaml").items() if key in _SHARED}
    defaults = {**OWN_DEFAULTS, **shared}
    check_types(named, defaults)
    settings = {**defaults, **named}
    if settings["pair_engine"] not in ENGINES:
        raise unknown_name("pair_engine", settings["pair_engine"], ENGINES)
    for key, least in (("memory", 0.1), ("ray_worker_memory", LEAST_MEMORY)):
        if not least <= settings[key] < float("inf"):
            raise SettingsError(f"{key}={settings[key]} has to be a number of GiB, {least} or more.")
    if settings["held_out"] < 0:
        raise SettingsError(f"held_out={settings['held_out']} has to be 0 or more.")
    return settings


def _run(given: Sequence[str]) -> None:
    settings = _settings(given)
    out, progress, started = Path(settings["out"]), settings["show_progress"], time.perf_counter()
    refuse_to_overwrite(out)
    swing = {argument: settings[key] for argument, key in MINERS["swing"].settings.items()}
    limits = Limits(swing["top_k"], swing["max_user_items"], swing["max_item_users"])
    with tempfile.TemporaryDirectory(dir=settings.get("work"), prefix="pairs-") as folder:
        preparation = LogPreparation(
            Path(folder), limits, held_out=settings["held_out"], memory=settings["memory"], progress=progress
        )
        log = preparation.prepare(settings["interactions"], settings.get("columns") or {})
        read = time.perf_counter() - started
        print(
            f"{log.interactions:,} interactions with {len(log.tokens):,} items; {len(log.baskets.items):,} of them, of "
            f"{log.baskets.n_users:,} users, count in training ({read:.1f} s)",
            flush=True,
        )
        weighing = Weighing.of(swing["alpha"], swing["user_weight_power"], log.sizes, log.most_users)
        total = write_pairs(out, _parts(settings, weighing, log, limits.top_k, progress), log.tokens)
    print(f"{total:,} item pairs after {time.perf_counter() - started:.1f} s: {out}")


def _parts(
    settings: Mapping[str, Any], weighing: Weighing, log: PreparedLog, top_k: int | None, progress: bool
) -> Iterator[ItemPairs]:
    engine = ENGINES[settings["pair_engine"]](settings, None, progress)
    given = weighing, log.baskets, len(log.tokens), top_k
    yield from engine.parts(*given) if isinstance(engine, RayEngine) else [engine.mine(*given)]


if __name__ == "__main__":
    sys.exit(main())
