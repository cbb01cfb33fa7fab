"""The settings that all seeds of a row share, as a digest that tells rows of other settings apart."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from recbole_adasid.io.digests import fingerprint

OF_THE_PLACE = frozenset(
    {
        *("data_path", "cache_dir", "run_root", "show_progress", "report", "state", "gpu_id", "use_gpu", "worker"),
        *("pair_engine", "ray_address", "ray_workers", "ray_worker_memory", "tokenizer_save_every", "download"),
        *("log_wandb", "wandb_project", "log_mlflow", "mlflow_tracking_uri", "mlflow_experiment"),
    }
)
"""Settings that are not part of the result."""


def shared_settings(given: Mapping[str, Any], judged_by: Mapping[str, Any]) -> str:
    """Return a digest of settings, without the seed and those of the place.

    Args:
        given: all given settings of a cell.
        judged_by: what else the figures depend on under every seed, such as the proxy's size.
    """
    own = {key: value for key, value in given.items() if key not in OF_THE_PLACE | {"seed"}}
    # Text, because a setting may be infinite, which a fingerprint refuses.
    return fingerprint({"given": json.dumps(own, sort_keys=True, default=str), "judged_by": dict(judged_by)})
