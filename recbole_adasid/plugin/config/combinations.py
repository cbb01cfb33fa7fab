"""Checks between settings, made once all are known and before anything is computed."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from recbole_adasid.features.item_features import MODALITY_KEYS, SOURCES
from recbole_adasid.features.settings import MODALITY_RULES
from recbole_adasid.model.names import LIGER
from recbole_adasid.pairs.sources import FILE, MINERS
from recbole_adasid.plugin.config.constraints import check_values
from recbole_adasid.plugin.datasets.leave_one_out import LEFT_OUT
from recbole_adasid.plugin.tracking.trackers import check_installed
from recbole_adasid.settings.errors import SettingsError, unknown_name
from recbole_adasid.tokenizer.registry import build_tokenizer, tokenizer_settings

Settings = Mapping[str, Any]

# More columns than any setting asks for: the feature width is not known yet.
_WIDTH = 2**20


def check_combinations(settings: Settings) -> None:
    """Check individually valid settings against each other.

    Raises:
        SettingsError: for settings that contradict each other or name something missing.
        ValueError: from tokenizer parts that reject their settings.
    """
    check_shared(settings)
    if settings["model"] == LIGER:
        _check_liger(settings)
    searches = settings["model"] != LIGER or settings["retrieval"] != "dense"
    if searches and settings["beam_size"] < max(_places(settings)):
        raise SettingsError(
            f"beam_size={settings['beam_size']} cannot fill topk={settings['topk']}: raise it to the largest k or more."
        )
    if settings["interactions_files"]:
        _check_log(settings)
    _check_tokenizer(settings)
    if settings["modalities"]:
        _check_modalities(settings)
    elif not _has_own_features(settings) and not settings["sids_file"]:
        raise SettingsError("Items need features, but neither item_features_file nor text_fields is set: set one.")
    _check_pairs(settings)
    if settings["cold_item_share"] and settings["sids_file"]:
        raise SettingsError(
            "cold_item_share needs a tokenizer trained without the held-out items: unset sids_file, or set "
            "cold_item_share=0."
        )
    if settings["cold_list_share"] and not settings["cold_item_share"]:
        raise SettingsError("cold_list_share reserves places for items held out of training: set cold_item_share too.")


def check_shared(settings: Settings) -> None:
    """Check the settings shared by all models, individually valid, against each other.

    Raises:
        SettingsError: for settings that contradict each other or name something missing.
    """
    _check_columns(settings)
    _check_evaluation(settings)
    _check_split(settings["eval_args"])
    sampled = [one for one in _modes(settings["eval_args"]) if one != "full"]
    for key in ("eval_exclude_seen", "cold_list_share"):
        if sampled and settings.get(key):
            raise SettingsError(
                f"{key} needs full lists, and eval_args has mode {sampled[0]}: set mode to full, or leave {key} out."
            )
    if settings["items_table"] and not settings["interactions_table"]:
        raise SettingsError("items_table needs interactions_table: set it too.")
    check_installed(settings)
    distributed = ("local_rank", "nproc", "world_size", "offset", "ip", "port")
    missing = [key for key in distributed if key not in settings]
    if "local_rank" in settings and missing:
        raise SettingsError(f"local_rank is set without {', '.join(missing)}: leave it out to train on one device.")
    for key in ("nproc", "world_size"):
        if "local_rank" not in settings and settings.get(key, 1) > 1:
            raise SettingsError(
                f"{key}={settings[key]} cannot start processes from here: give it on the command line, or start "
                "with torchrun --nproc_per_node."
            )


def _has_own_features(settings: Settings) -> bool:
    return any(settings[key] for key in ("item_features_file", "text_fields", "text_template"))


def _check_modalities(settings: Settings) -> None:
    for place, modality in enumerate(settings["modalities"], start=1):
        for key, value in modality.items():
            if key not in MODALITY_KEYS:
                raise unknown_name(f"setting of modality {place}", key, MODALITY_KEYS)
            rule = MODALITY_RULES.get(key)
            if rule is None:
                check_values({key: value}, {})
            elif not rule.fits(value):
                raise SettingsError(f"modalities: {key} {value!r} of modality {place} has to be {rule.wanted}.")
        named = [key for key in SOURCES if modality.get(key)]
        if len(named) != 1:
            raise SettingsError(
                f"modalities: modality {place} names {' and '.join(named) or 'no source'}: name one of "
                f"{', '.join(SOURCES)}."
            )
        if named == ["dataset_features"] and not _has_own_features(settings):
            raise SettingsError(
                f"modalities: modality {place} uses the dataset's own features, but there are none: set "
                "item_features_file or text_fields."
            )


def _check_pairs(settings: Settings) -> None:
    if settings["pair_source"] == FILE and not settings["pair_file"]:
        raise SettingsError("pair_source=file needs pair_file: name an .npz or .tsv of trigger, target and weight.")
    if settings["pair_source"] != FILE and settings["pair_file"]:
        raise SettingsError(
            f"pair_file={settings['pair_file']} is unused with pair_source={settings['pair_source']}: set "
            "pair_source=file, or unset pair_file."
        )
    engines = [name for name, miner in MINERS.items() if miner.has_engines]
    if settings["pair_engine"] != "local" and settings["pair_source"] not in engines:
        raise SettingsError(
            f"pair_engine={settings['pair_engine']} only works with pair_source={' or '.join(engines)}, not "
            f"{settings['pair_source']}: set pair_engine=local."
        )


def _check_log(settings: Settings) -> None:
    """Reject what an out-of-memory log cannot do: anything that needs all of it in memory, or further columns."""
    columns = [settings[key] for key in ("USER_ID_FIELD", "ITEM_ID_FIELD", "TIME_FIELD")]
    others = {
        "interactions_table": "the log itself is read: convert it or name it here, not both",
        "download": "the log itself is read",
        "val_interval": "a log is only filtered by interaction counts: filter its files beforehand",
        "normalize_field": "times order the interactions as they are",
        "normalize_all": "times order the interactions as they are",
        "cold_item_share": "items can only be held out of a log that RecBole reads",
    }
    for key, why in others.items():
        if settings[key]:
            raise SettingsError(
                f"{key}={settings[key]} does not work with interactions_files ({why}): unset one of them."
            )
    if {kind: set(names) for kind, names in settings["load_col"].items()} != {"inter": set(columns)}:
        raise SettingsError(
            f"load_col={settings['load_col']} does not work with interactions_files, which only reads "
            f"{', '.join(columns)}: leave load_col out."
        )
    if settings["field_separator"] != "\t" or codecs.lookup(settings["encoding"]).name not in ("utf-8", "utf-8-sig"):
        raise SettingsError(
            f"field_separator={settings['field_separator']!r} and encoding={settings['encoding']} do not work with "
            "interactions_files: unset them; .inter and .tsv are read with tabs, .csv with commas, all as UTF-8."
        )
    split, mode = settings["eval_args"]["split"], settings["eval_args"].get("mode", "full")
    if "LS" not in split or set(mode.values() if isinstance(mode, Mapping) else [mode]) != {"full"}:
        raise SettingsError(
            f"eval_args: split {split} and mode {mode} do not work with interactions_files: leave one out (LS) and "
            "rank all items (full)."
        )


def _check_columns(settings: Settings) -> None:
    keys = ("USER_ID_FIELD", "ITEM_ID_FIELD", "TIME_FIELD", "ITEM_LIST_LENGTH_FIELD")
    names = [settings[key] for key in keys]
    for place, name in enumerate(names):
        if name in names[:place]:
            raise SettingsError(f"{keys[names.index(name)]} and {keys[place]} are both {name!r}: name two columns.")
    listed = settings["load_col"].get("inter", [])
    missing = [name for name in names[:3] if listed != "*" and name not in listed]
    if missing:
        raise SettingsError(
            f"load_col={settings['load_col']} leaves out {', '.join(missing)} of inter: add it, or set it to null."
        )
    for key in ("val_interval", "normalize_field"):
        for name in settings[key] or []:
            if listed != "*" and not any(name in columns for columns in settings["load_col"].values()):
                raise SettingsError(f"{key} names the column {name!r}, which load_col does not load: add it there.")


def _places(settings: Settings) -> Sequence[int]:
    """Return the values of k used by the metrics."""
    topk: Sequence[int] = settings["topk"] if isinstance(settings["topk"], (list, tuple)) else [settings["topk"]]
    return topk


def _check_evaluation(settings: Settings) -> None:
    metrics = [settings["metrics"]] if isinstance(settings["metrics"], str) else settings["metrics"]
    valid = [f"{metric}@{k}" for metric in metrics for k in _places(settings)]
    if settings["valid_metric"].lower() not in map(str.lower, valid):
        raise SettingsError(
            f"valid_metric={settings['valid_metric']} is not computed with these metrics and topk: choose one of "
            f"{', '.join(valid)}."
        )


def _check_liger(settings: Settings) -> None:
    if settings["encoder_input"] != "items":
        raise SettingsError("LIGER compares the encoder's states of items: set encoder_input to items.")
    if not settings["generative_weight"] and settings["retrieval"] != "dense":
        raise SettingsError(
            f"retrieval={settings['retrieval']} needs a trained decoder: set generative_weight above 0, or "
            "retrieval=dense."
        )
    sampled = [mode for mode in _modes(settings["eval_args"]) if mode != "full"]
    if settings["retrieval"] == "hybrid" and sampled:
        raise SettingsError(
            f"retrieval=hybrid takes its candidates from the beam, and eval_args has mode {sampled[0]}: set mode to "
            "full, or retrieval to dense or generative."
        )


def _check_split(eval_args: Settings) -> None:
    """Check RecBole's `eval_args`; missing entries take RecBole's defaults."""
    unknown = [key for key in eval_args if key not in ("split", "order", "group_by", "mode")]
    if unknown:
        raise SettingsError(f"eval_args has no entry {unknown[0]!r}; valid: split, order, group_by, mode.")
    if eval_args.get("order") != "TO":
        raise SettingsError(
            f"eval_args: order is {eval_args.get('order')!r}, but sequences need time order: set it to TO."
        )
    if eval_args.get("group_by", "user") not in ("user", "none", None):
        raise SettingsError(f"eval_args: group_by is {eval_args['group_by']!r}; valid: user, none.")
    split = eval_args.get("split")
    if not isinstance(split, Mapping) or len(split) != 1 or next(iter(split)) not in ("LS", "RS", "TS"):
        raise SettingsError(f"eval_args: split is {split!r}; write {{LS: valid_and_test}}, or RS or TS with ratios.")
    kind, value = next(iter(split.items()))
    if kind == "LS" and value not in list(LEFT_OUT):
        raise SettingsError(f"eval_args: LS is {value!r}; valid: {', '.join(LEFT_OUT)}.")
    if kind != "LS" and not _are_ratios(value):
        raise SettingsError(f"eval_args: {kind} is {value!r}; give three ratios above 0, such as [0.8, 0.1, 0.1].")
    for one in _modes(eval_args):
        if not isinstance(one, str) or not re.fullmatch(r"full|(uni|pop)[1-9]\d{0,8}", one):
            raise SettingsError(f"eval_args: mode is {one!r}; valid: full, or uniN or popN for N sampled items.")


def _modes(eval_args: Settings) -> list[Any]:
    """Return what validation and test rank: all items, `full`, or samples."""
    mode = eval_args.get("mode", "full")
    return list(mode.values()) if isinstance(mode, Mapping) else [mode]


def _are_ratios(value: Any) -> bool:
    return (
        isinstance(value, (list, tuple))
        and len(value) == 3
        and all(isinstance(ratio, (int, float)) and 0 < ratio < float("inf") for ratio in value)
    )


def _check_tokenizer(settings: Settings) -> None:
    """Let the tokenizer's parts reject their settings; built on the meta device, they cost nothing."""
    with torch.device("meta"):
        build_tokenizer(tokenizer_settings(settings), width=_WIDTH)
