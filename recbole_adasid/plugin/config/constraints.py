"""Allowed values of each setting: one table of rules, assembled from those of each package and checked before anything
is computed.

Checks between settings are in `combinations.py`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from recbole.evaluator.register import metric_information, metrics_dict

from recbole_adasid.data.settings import DATA
from recbole_adasid.features.settings import FEATURES
from recbole_adasid.model.settings import MODEL
from recbole_adasid.pairs.settings import PAIRS
from recbole_adasid.plugin.metrics.collector import AVAILABLE
from recbole_adasid.settings.errors import SettingsError, check_types, unknown_name
from recbole_adasid.settings.rules import (
    Rule,
    any_case,
    is_finite,
    one_or_list,
    optional,
    path,
    real,
    switch,
    text,
    whole,
)
from recbole_adasid.settings.value_intervals import BY_COLUMN, INTERVALS
from recbole_adasid.tokenizer.registry import RULES as TOKENIZERS


def _is_finite_throughout(value: Any) -> bool:
    """Tell whether every number in a nested value is finite: YAML parses `inf` and `nan`."""
    if isinstance(value, Mapping):
        return all(map(_is_finite_throughout, value.values()))
    if isinstance(value, (list, tuple, set)):
        return all(map(_is_finite_throughout, value))
    return not isinstance(value, float) or math.isfinite(value)


def _is_device_list(value: Any) -> bool:
    device = r"(-?\d+|(GPU|MIG)-[\w/-]+)"
    plain = str(value).strip("()").replace(" ", "")
    return isinstance(value, (int, str, tuple)) and re.fullmatch(rf"({device}(,{device})*)?", plain) is not None


def _is_public_address(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(value) and urlsplit(value).username is None
    except ValueError:
        return False


def _is_gradient_limit(value: Any) -> bool:
    if not isinstance(value, Mapping):
        return is_finite(value) and value >= 0
    rest = {key: entry for key, entry in value.items() if key != "max_norm"}
    known = {"norm_type": lambda entry: is_finite(entry) and entry > 0}
    flags = ("error_if_nonfinite", "foreach")
    return (
        is_finite(value.get("max_norm"))
        and value["max_norm"] > 0
        and all(
            known[key](entry) if key in known else key in flags and isinstance(entry, bool)
            for key, entry in rest.items()
        )
    )


unused = Rule("unset: TIGER does not use it", lambda value: not value)
shuffled = Rule("true: TIGER shuffles its batches in each epoch", lambda value: value is True)
# Metrics that need more than recommended items and training counts cannot be computed from a beam search.
METRICS = [metrics_dict[name].__name__ for name, needed in metric_information.items() if set(needed) <= AVAILABLE]
LEARNERS = ("adamw", "adam", "sgd", "adagrad", "rmsprop")

RULES: dict[str, Rule] = {
    # --- what to run ---
    "model": text,
    "dataset": Rule("the name of a folder", lambda value: isinstance(value, str) and 0 < len(value) <= 200),
    "tokenizer": text,
    "model_size": text,
    "run_folder": optional(path),
    "run_root": path,
    "cache_dir": optional(path),
    "report": switch,
    **dict.fromkeys(("log_wandb", "log_mlflow"), switch),
    **dict.fromkeys(("wandb_project", "mlflow_experiment"), text),
    "mlflow_tracking_uri": optional(
        Rule(
            "an address without user name or password, as runs store their settings: set MLFLOW_TRACKING_URI instead",
            _is_public_address,
        )
    ),
    "checkpoint_dir": path,
    "dataset_save_path": optional(path),
    "dataloaders_save_path": optional(path),
    "seed": whole(0, 2**32 - 1),
    "gpu_id": optional(Rule("the numbers of GPUs, separated by commas", _is_device_list)),
    "state": any_case(["debug", "info", "warning", "error", "critical"]),
    "worker": whole(0, 4096),
    "nproc": whole(1, 4096),
    "world_size": whole(-1, 2**20),  # RecBole's -1: same as nproc
    **DATA,
    **FEATURES,
    **PAIRS,
    **TOKENIZERS,
    **MODEL,
    # --- training ---
    "epochs": whole(1),
    "train_batch_size": whole(1),
    "learner": any_case(LEARNERS),
    "learning_rate": real(0, above=True),
    "warmup_fraction": real(0, 1),
    "weight_decay": real(0),
    "averaging_fraction": real(0, 1),
    "clip_grad_norm": optional(Rule("a number of 0 or more, or arguments such as {max_norm: 1.0}", _is_gradient_limit)),
    "bf16": switch,
    "eval_step": whole(0),
    "stopping_step": whole(0),
    # --- evaluation ---
    "beam_size": whole(1, 2**20),
    "cold_list_share": real(0, 1),
    "eval_exclude_seen": switch,
    "eval_batch_size": whole(1),
    "eval_examples": optional(whole(1)),
    "eval_bf16": switch,
    "eval_args": Rule("a mapping of split, order, group_by and mode", lambda value: isinstance(value, Mapping)),
    "repeatable": Rule("true: users may interact with an item again", lambda value: value is True),
    "metrics": one_or_list(any_case(METRICS)),
    "topk": one_or_list(whole(1, 2**20)),
    "valid_metric": text,
    "tail_ratio": real(0, above=True),
    "metric_decimal_place": whole(0, 15),
    "loss_decimal_place": whole(0, 15),
    # --- RecBole's, for other kinds of models ---
    "train_neg_sample_args": Rule("null: generation needs no sampled negatives", lambda value: value in (None, "None")),
    "benchmark_filename": Rule(
        "unset: pre-split files are not supported; provide one NAME.inter and choose the split with eval_args",
        lambda value: not value,
    ),
    **dict.fromkeys(
        (
            *("numerical_features", "discretization", "threshold", "preload_weight", "additional_feat_suffix"),
            *("alias_of_user_id", "alias_of_item_id", "alias_of_entity_id", "alias_of_relation_id"),
            *("unload_col", "unused_col", "transform", "sid_level_sizes"),
            *("reg_weight", "require_pow", "enable_amp", "enable_scaler"),  # TIGER has weight_decay and bf16
        ),
        unused,
    ),
    "shuffle": shuffled,
}


def check_values(
    given: Mapping[str, Any], defaults: Mapping[str, Any], rules: Mapping[str, Rule] | None = None
) -> None:
    """Check every given value by its rule, or else by the kind of its default.

    Args:
        given: settings by name.
        defaults: by name.
        rules: by name; None: TIGER's :data:`RULES`.

    Raises:
        SettingsError: for the first invalid value, with what is wanted and the default.
    """
    rules = RULES if rules is None else rules
    for key, value in given.items():
        rule = rules.get(key)
        if rule is None or rule.fits(value):
            if key not in (*INTERVALS, BY_COLUMN) and not _is_finite_throughout(value):
                raise SettingsError(f"The setting {key}={_shown(value)} contains a non-finite number: correct it.")
            continue
        if rule.names:
            raise unknown_name(key, value, rule.names)
        default = f" (default: {_shown(defaults[key])})" if key in defaults and rule.fits(defaults[key]) else ""
        raise SettingsError(f"The setting {key}={_shown(value)} has to be {rule.wanted}{default}.")
    check_types({key: value for key, value in given.items() if key not in rules}, defaults)


def _shown(value: Any) -> str:
    """Return a value roughly as written in YAML, truncated if long."""
    shown = "null" if value is None else repr(value)
    return shown if len(shown) <= 100 else f"{shown[:100]}…"
