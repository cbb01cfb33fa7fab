"""Implementation of `recbole-adasid assign`: Semantic IDs for a catalogue in shards."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from recbole_adasid.bundle.folder import read_content
from recbole_adasid.distributed.ray_cluster import GIB, ClusterSettings, ThisProcess, Workers, cluster
from recbole_adasid.io.atomic import write_atomically
from recbole_adasid.io.json_file import as_json
from recbole_adasid.io.parquet import require_pyarrow
from recbole_adasid.run_folder.folder import RunFolder
from recbole_adasid.tokenizer.base import ItemTokenizer
from recbole_adasid.tokenizer.bulk.catalogue_codes import Encoded, assign_codes, tokenizer_digest
from recbole_adasid.tokenizer.bulk.catalogue_suffixes import Numbered, number_suffixes
from recbole_adasid.tokenizer.bulk.feature_shards import shard_paths
from recbole_adasid.tokenizer.bulk.sid_shards import MANIFEST, refuse_to_replace, target_of
from recbole_adasid.tokenizer.saved import load_tokenizer

logger = logging.getLogger(__name__)


def assign_catalogue(settings: Mapping[str, Any]) -> None:
    """Encode the shards of a catalogue, number items with equal codes, and print a summary.

    Args:
        settings: either `bundle` or `run_folder`, `features`, `out` and the command's options.

    Raises:
        SettingsError: if the features would be overwritten.
    """
    started, progress = time.perf_counter(), settings["show_progress"]
    out = Path(settings["out"]).absolute()  # workers of a cluster may have been started in another folder
    require_pyarrow(out)
    tokenizer, shards = frozen_tokenizer(settings), shard_paths(Path(settings["features"]).absolute())
    refuse_to_replace(shards, out)
    out.mkdir(parents=True, exist_ok=True)
    (out / MANIFEST).unlink(missing_ok=True)  # its content is about to change
    with _workers(settings) as workers:
        found, failures = assign_codes(workers, tokenizer, shards, out, progress=progress)
    encoded = time.perf_counter() - started
    if failures:
        first = min(failures, key=lambda failure: shards.index(failure.job))
        raise ValueError(
            f"{len(failures)} of {len(shards)} shards failed, first {first.job}: {first.error}; the others are kept in "
            f"{out}: fix the failed ones, and run the same command again"
        )
    paths = [target_of(shard, out) for shard in shards]
    sizes = [found[shard].items for shard in shards]
    if strangers := sorted(path.name for path in set(out.glob("*.parquet")) - set(paths)):
        logger.warning("%s contains %s, which matches no feature shard: remove it.", out, ", ".join(strangers))
    numbered = number_suffixes(paths, sizes, memory=settings["memory"] * GIB, progress=progress)
    _write_manifest(out, tokenizer, [(path.name, found[shard]) for path, shard in zip(paths, shards)], numbered)
    fresh = sum(one.items for one in found.values() if not one.reused)
    seconds = time.perf_counter() - started
    print(
        f"{numbered.items:,} items in {len(shards)} shards, {fresh:,} encoded ({encoded:.1f} s), numbered after "
        f"{seconds:.1f} s; {numbered.distinct:,} distinct codes, at most {numbered.largest:,} items per code: {out}"
    )


def frozen_tokenizer(settings: Mapping[str, Any]) -> ItemTokenizer:
    """Return the tokenizer of a `run_folder` or `bundle`, whichever is not None.

    Raises:
        ValueError: if the bundle has none.
    """
    if settings["run_folder"] is not None:
        return load_tokenizer(RunFolder.existing(settings["run_folder"]).tokenizer_path)[0]
    tokenizer = read_content(settings["bundle"]).tokenizer
    if tokenizer is None:
        raise ValueError(f"{settings['bundle']} has no tokenizer: use the bundle of the run that trained it")
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
    """Write the manifest; a folder without it is unfinished."""
    about = {
        "tokenizer": tokenizer_digest(tokenizer),
        "level_sizes": tokenizer.codebook_sizes,
        "suffixes": numbered.largest,
        "items": numbered.items,
        "distinct_codes": numbered.distinct,
        "shards": {name: {"items": one.items, "fingerprint": one.fingerprint} for name, one in shards},
    }
    write_atomically(out / MANIFEST, as_json(about))
