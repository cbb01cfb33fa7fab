"""Settings of RecBole's other recommenders: their own and RecBole's training, on TIGER's data, split and metrics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from recbole_adasid.plugin.peers.names import model_defaults
from recbole_adasid.settings.errors import SettingsError, refuse_unknown_keys
from recbole_adasid.settings.presets import known_keys, read_props

SHARED = (
    *("run_folder", "run_root", "seed", "gpu_id"),
    *("data_path", "download", "reviews_url", "reviews_sha256", "metadata_url", "metadata_sha256"),
    *("interactions_table", "items_table", "interactions_columns", "items_columns", "table_time_unit"),
    *("encoding", "load_col", "MAX_ITEM_LIST_LENGTH", "user_inter_num_interval", "item_inter_num_interval"),
    *("cold_item_share", "normalize_all", "eval_exclude_seen"),
    *("eval_batch_size", "eval_examples", "eval_args", "metrics", "topk", "valid_metric", "metric_decimal_place"),
)
"""Settings whose defaults are TIGER's and the dataset's, so that all models see the same examples and are judged
alike. All others have RecBole's."""
_STAGED = {"S3Rec": "finetune", "RaCT": "finetune"}
"""Models that are trained in several runs of RecBole, and the stage that recommends."""


def peer_defaults(model: str, kind: str, dataset: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the defaults of a model on a dataset that are not RecBole's own.

    Args:
        model: its name.
        kind: RecBole's type of it, such as ``SEQUENTIAL``.
        dataset: its name.
        given: what the user set.
    """
    common = {**read_props("model/TIGER.yaml"), **read_props(f"dataset/{dataset}.yaml")}
    defaults = {key: common[key] for key in SHARED}
    # RecBole's sequential models rank every item; its others leave out what a user had, in training and evaluation.
    defaults["repeatable"] = kind == "SEQUENTIAL"
    # Losses over all items need no sampled negatives, and models that only count would count them.
    loss = {**model_defaults(model), **given}.get("loss_type")
    if kind == "TRADITIONAL" or kind == "SEQUENTIAL" and loss == "CE":
        defaults["train_neg_sample_args"] = None
    return defaults


def known_peer_settings(model: str, recbole_keys: Iterable[str]) -> set[str]:
    """Return every key that settings of a model may have.

    Args:
        model: its name.
        recbole_keys: settings that all models of RecBole have.
    """
    return set(recbole_keys).union(SHARED, model_defaults(model)) - {"sid_level_sizes"}


def refuse_foreign_keys(keys: Iterable[str], model: str, known: set[str], *, source: str) -> None:
    """Check that a model has every setting.

    Raises:
        SettingsError: for the first that it does not have, and whether TIGER has it.
    """
    keys = list(keys)
    for key in keys:
        if key not in known and key in known_keys():
            raise SettingsError(
                f"The setting {key} in {source} is TIGER's or a tokenizer's; {model} does not have it: leave it out."
            )
    refuse_unknown_keys(keys, known, source=source)


def check_peer(model: str, kind: str, settings: Mapping[str, Any]) -> None:
    """Check what a model's settings have to be beside what each obeys for itself.

    Raises:
        SettingsError: for some that contradict each other.
    """
    if kind == "SEQUENTIAL" and settings["repeatable"] is not True:
        raise SettingsError(f"repeatable has to be true for {model}: RecBole's sequential models rank every item.")
    if kind != "SEQUENTIAL" and settings.get("eval_exclude_seen"):
        raise SettingsError(
            f"eval_exclude_seen is of sequential models; {model} leaves out what a user had unless repeatable is true."
        )
    negatives = settings["train_neg_sample_args"] not in (None, "None")
    if kind == "SEQUENTIAL" and settings.get("loss_type") == "CE" and negatives:
        raise SettingsError(
            "train_neg_sample_args has to be null with loss_type=CE, which is over all items: leave it out, or set "
            "loss_type=BPR."
        )
    if model in _STAGED and settings["train_stage"] != _STAGED[model]:
        raise SettingsError(
            f"{model} is trained in stages: pretrain it by RecBole's run_recbole, and give this command its file as "
            f"pre_model_path, with train_stage={_STAGED[model]}."
        )
