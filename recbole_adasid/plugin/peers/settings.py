"""Settings of RecBole's other recommenders: their own and RecBole's training, on TIGER's data, split and metrics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from recbole_adasid.model.names import OWN
from recbole_adasid.plugin.peers.names import model_defaults
from recbole_adasid.settings.errors import SettingsError, refuse_unknown_keys
from recbole_adasid.settings.presets import known_keys, read_props

SHARED = (
    *("run_folder", "run_root", "seed", "gpu_id"),
    *("log_wandb", "wandb_project", "log_mlflow", "mlflow_tracking_uri", "mlflow_experiment"),
    *("data_path", "download", "reviews_url", "reviews_sha256", "metadata_url", "metadata_sha256"),
    *("interactions_table", "items_table", "interactions_columns", "items_columns"),
    *("table_delimiter", "table_time_unit"),
    *("encoding", "load_col", "MAX_ITEM_LIST_LENGTH", "user_inter_num_interval", "item_inter_num_interval"),
    *("cold_item_share", "normalize_all", "eval_exclude_seen"),
    *("eval_batch_size", "eval_examples", "eval_args", "metrics", "topk", "valid_metric", "metric_decimal_place"),
    "tail_ratio",
)
"""Settings that default to TIGER's and the dataset's values, so that all models get the same examples and evaluation.
All others default to RecBole's."""
_SHOWN = 5
"""Keys that a message names."""
_STAGED = {"S3Rec": "finetune", "RaCT": "finetune"}
"""Models trained in several RecBole runs, and the stage that recommends."""


def peer_defaults(model: str, kind: str, dataset: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a model's defaults on a dataset that differ from RecBole's.

    Args:
        model: its name.
        kind: its RecBole model type, such as ``SEQUENTIAL``.
        dataset: its name.
        given: the user's settings.
    """
    from recbole.utils.argument_list import dataset_arguments

    data = read_props(f"dataset/{dataset}.yaml")
    common = {**read_props("model/TIGER.yaml"), **data}
    defaults = {key: common[key] for key in SHARED}
    defaults |= {key: data[key] for key in dataset_arguments if key in data}  # its columns and filters
    # RecBole's sequential models rank every item; others exclude a user's seen items in training and evaluation.
    defaults["repeatable"] = kind == "SEQUENTIAL"
    # Losses over all items need no sampled negatives, and models that merely count would count them.
    loss = {**model_defaults(model), **given}.get("loss_type")
    if kind == "TRADITIONAL" or kind == "SEQUENTIAL" and loss == "CE":
        defaults["train_neg_sample_args"] = None
    return defaults


def known_peer_settings(model: str, recbole_keys: Iterable[str]) -> set[str]:
    """Return every valid settings key of a model.

    Args:
        model: its name.
        recbole_keys: settings that all RecBole models have.
    """
    return set(recbole_keys).union(SHARED, model_defaults(model)) - {"sid_level_sizes"}


def refuse_foreign_keys(given: Mapping[str, Any], model: str, known: set[str], *, source: str) -> None:
    """Check that a model has every given setting.

    Raises:
        SettingsError: for those that it lacks and TIGER has, together; else for the first unknown one.
    """
    of_ours = known_keys() - known
    foreign = sorted(key for key in given if key in of_ours)
    if foreign and given.get("model") in OWN:  # such as a run's config.yaml
        raise SettingsError(
            f"{source.capitalize()} are for {given['model']}, and {model} lacks the settings {_listed(foreign)}: give "
            "it a file with only those of data, split and evaluation."
        )
    if foreign:
        what, verb, them = ("setting", "belongs", "it") if len(foreign) == 1 else ("settings", "belong", "them")
        raise SettingsError(
            f"The {what} {_listed(foreign)} in {source} {verb} to TIGER or a tokenizer, not to {model}: leave {them} "
            "out."
        )
    refuse_unknown_keys(given, known, source=source)


def _listed(keys: Sequence[str]) -> str:
    shown = ", ".join(keys[:_SHOWN])
    return f"{shown} and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else shown


def check_peer(model: str, kind: str, settings: Mapping[str, Any]) -> None:
    """Check a model's individually valid settings against each other.

    Raises:
        SettingsError: for settings that contradict each other.
    """
    if kind == "SEQUENTIAL" and settings["repeatable"] is not True:
        raise SettingsError(f"{model} needs repeatable=true: RecBole's sequential models rank every item.")
    if kind != "SEQUENTIAL" and settings.get("eval_exclude_seen"):
        raise SettingsError(
            f"eval_exclude_seen is only for sequential models: leave it out; {model} excludes seen items unless "
            "repeatable is true."
        )
    negatives = settings["train_neg_sample_args"] not in (None, "None")
    if kind == "SEQUENTIAL" and settings.get("loss_type") == "CE" and negatives:
        raise SettingsError(
            "train_neg_sample_args has to be null with loss_type=CE, a loss over all items: leave it out, or set "
            "loss_type=BPR."
        )
    if model in _STAGED and settings["train_stage"] != _STAGED[model]:
        raise SettingsError(
            f"{model} is trained in stages: pretrain it with RecBole's run_recbole, and pass its file to this command "
            f"as pre_model_path, with train_stage={_STAGED[model]}."
        )
