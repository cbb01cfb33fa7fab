"""Implementation of `recbole-adasid pairs`: item pairs of a log that does not fit in memory."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from recbole_adasid.data.baskets import Limits
from recbole_adasid.data.log.user_log import LogPreparation, PreparedLog
from recbole_adasid.pairs.item_pairs import ItemPairs
from recbole_adasid.pairs.pair_shards import refuse_to_overwrite, refuse_wide_tokens, write_pairs
from recbole_adasid.pairs.sources import ENGINES, MINERS
from recbole_adasid.pairs.swing import Weighing
from recbole_adasid.pairs.swing_on_ray import RayEngine
from recbole_adasid.settings.errors import SettingsError


def mine_pairs(settings: Mapping[str, Any]) -> None:
    """Mine the item pairs of a log with Swing, write them, and print their number.

    Args:
        settings: `interactions`, `out` and the options, as given to the command.

    Raises:
        SettingsError: if there is no folder for temporary files.
        ValueError: if the log is unusable, or gives no pairs.
        CannotWrite: if the result cannot be written, which is tried first.
    """
    out, progress, started = Path(settings["out"]), settings["show_progress"], time.perf_counter()
    refuse_to_overwrite(out)
    swing = {argument: settings[key] for argument, key in MINERS["swing"].settings.items()}
    limits = Limits(swing["top_k"], swing["max_user_items"], swing["max_item_users"])
    with _work_folder(settings["work"]) as folder:
        preparation = LogPreparation(
            Path(folder), limits, held_out=settings["held_out"], memory=settings["memory"], progress=progress
        )
        log = preparation.prepare(settings["interactions"], settings["columns"] or {})
        refuse_wide_tokens(out, log.tokens, limits.top_k)
        read = time.perf_counter() - started
        print(
            f"{log.interactions:,} interactions with {len(log.tokens):,} items; {len(log.baskets.items):,} of them, of "
            f"{log.baskets.n_users:,} users, count in training ({read:.1f} s)",
            flush=True,
        )
        weighing = Weighing.of(swing["alpha"], swing["user_weight_power"], log.sizes, log.most_users)
        total = write_pairs(out, _parts(settings, weighing, log, limits.top_k, progress), log.tokens)
    print(f"{total:,} item pairs after {time.perf_counter() - started:.1f} s: {out}")


def _work_folder(work: str | None) -> tempfile.TemporaryDirectory[str]:
    try:
        return tempfile.TemporaryDirectory(dir=work, prefix="pairs-")
    except OSError as error:
        raise SettingsError(
            f"work={work or tempfile.gettempdir()} cannot hold temporary files ({error.strerror or error}): let --work "
            "name a folder that exists and can be written."
        ) from None


def _parts(
    settings: Mapping[str, Any], weighing: Weighing, log: PreparedLog, top_k: int | None, progress: bool
) -> Iterator[ItemPairs]:
    engine = ENGINES[settings["engine"]](settings, None, progress)
    given = weighing, log.baskets, len(log.tokens), top_k
    yield from engine.parts(*given) if isinstance(engine, RayEngine) else [engine.mine(*given)]
