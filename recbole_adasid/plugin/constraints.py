"""What each setting's value has to be: one table of rules, checked before anything is computed.

How settings have to go together stands in `combinations.py`.
"""

from __future__ import annotations

import codecs
import math
import re
from collections.abc import Mapping
from typing import Any

from recbole.evaluator.register import metric_information, metrics_dict

from recbole_adasid.data.convert.tables import DELIMITERS, TIME_UNITS
from recbole_adasid.distributed.ray_cluster import LEAST_MEMORY
from recbole_adasid.features.fusion import FUSIONS
from recbole_adasid.features.text_encoders import ENCODERS
from recbole_adasid.model.catalogue import COLLISIONS
from recbole_adasid.model.liger import HYBRID_SCORES, RETRIEVALS
from recbole_adasid.model.network import ENCODER_ATTENTIONS, ENCODER_INPUTS
from recbole_adasid.pairs.cooccurrence import WEIGHTS
from recbole_adasid.pairs.sources import ENGINES, FILE, MINERS
from recbole_adasid.plugin.collector import AVAILABLE
from recbole_adasid.settings.errors import SettingsError, check_types, unknown_name
from recbole_adasid.settings.intervals import BY_COLUMN, INTERVALS
from recbole_adasid.settings.rules import (
    LARGEST,
    Rule,
    any_case,
    checksum,
    interval,
    is_finite,
    list_of,
    name_of,
    one_or_list,
    optional,
    path,
    real,
    switch,
    text,
    web_address,
    whole,
)
from recbole_adasid.tokenizer.autoencoder import REDUCTIONS
from recbole_adasid.tokenizer.quantizer import QUANTIZERS
from recbole_adasid.tokenizer.registry import FAMILIES, REGULATIONS
from recbole_adasid.tokenizer.regulation.adaptive import REDUCTIONS as COLLISION_REDUCTIONS
from recbole_adasid.tokenizer.regulation.load import REFERENCES, REGIONS
from recbole_adasid.tokenizer.regulation.schedule import UNITS
from recbole_adasid.tokenizer.scaling import SCALINGS
from recbole_adasid.tokenizer.training import CONTRASTIVE_SPACES, DRAWS

_LARGE = 2**16
"""A width beyond this is a slip of the keyboard, as a number beyond `LARGEST` is."""


def _is_finite_throughout(value: Any) -> bool:
    """Tell whether no number in a value, however nested, is infinite or NaN: YAML reads `inf` and `nan` as such."""
    if isinstance(value, Mapping):
        return all(map(_is_finite_throughout, value.values()))
    if isinstance(value, (list, tuple, set)):
        return all(map(_is_finite_throughout, value))
    return not isinstance(value, float) or math.isfinite(value)


def _is_separator(value: Any) -> bool:
    return isinstance(value, str) and len(value) == 1 and value.isascii() and (value in "\t ,;|" or ord(value) < 9)


def _is_encoding(value: Any) -> bool:
    try:
        codecs.getincrementaldecoder(value)
        return "a\n".encode(value).decode(value) == "a\n"
    except (LookupError, TypeError, ValueError):
        return False


def _is_device_list(value: Any) -> bool:
    device = r"(-?\d+|(GPU|MIG)-[\w/-]+)"
    plain = str(value).strip("()").replace(" ", "")
    return isinstance(value, (int, str, tuple)) and re.fullmatch(rf"({device}(,{device})*)?", plain) is not None


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


def _is_column_choice(value: Any) -> bool:
    if not isinstance(value, Mapping):
        return False
    names = list_of(text)
    return all(
        key in ("inter", "user", "item") and (chosen == "*" or names.fits(chosen)) for key, chosen in value.items()
    )


def _is_filter(value: Any) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(key, str) and (interval.fits(chosen) or list_of(text).fits(chosen)) for key, chosen in value.items()
    )


def _is_naming(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(name, str) for pair in value.items() for name in pair)


unused = Rule("left out: TIGER does not use it", lambda value: not value)
shuffled = Rule("true: TIGER's batches are drawn at random in each epoch", lambda value: value is True)
# Those that need more than which items were recommended, and training counts, cannot be computed from a beam search.
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
    "checkpoint_dir": path,
    "dataset_save_path": optional(path),
    "dataloaders_save_path": optional(path),
    "seed": whole(0, 2**32 - 1),
    "gpu_id": optional(Rule("the numbers of GPUs, separated by commas", _is_device_list)),
    "state": any_case(["debug", "info", "warning", "error", "critical"]),
    "worker": whole(0, 4096),
    "nproc": whole(1, 4096),
    "world_size": whole(-1, 2**20),  # RecBole's -1: as many as nproc
    # --- data ---
    "data_path": path,
    "download": switch,
    **dict.fromkeys(("reviews_url", "metadata_url"), optional(web_address)),
    **dict.fromkeys(("reviews_sha256", "metadata_sha256"), optional(checksum)),
    **dict.fromkeys(("interactions_table", "items_table"), optional(path)),
    **dict.fromkeys(("interactions_columns", "items_columns"), Rule("a mapping of names", _is_naming)),
    "table_time_unit": name_of(TIME_UNITS),
    "table_delimiter": optional(name_of(DELIMITERS)),
    "interactions_files": optional(path),
    "interactions_memory": real(0.1, 4096),
    "load_col": optional(Rule("columns by file, such as {inter: [user_id, item_id, timestamp]}", _is_column_choice)),
    "field_separator": Rule("a tab, a space or one of , ; |", _is_separator),
    "seq_separator": Rule("at least one character", lambda value: isinstance(value, str) and bool(value)),
    "encoding": Rule("an encoding of text that Python knows, such as utf-8", _is_encoding),
    "USER_ID_FIELD": text,
    "ITEM_ID_FIELD": text,
    "TIME_FIELD": text,
    "LIST_SUFFIX": text,
    "ITEM_LIST_LENGTH_FIELD": text,
    "MAX_ITEM_LIST_LENGTH": whole(1, 2**20),
    "user_inter_num_interval": optional(interval),
    "item_inter_num_interval": optional(interval),
    "val_interval": optional(Rule("intervals by column, such as {rating: '[4,inf)'}", _is_filter)),
    "seq_len": optional(Rule("lengths by column", lambda value: isinstance(value, Mapping))),
    "rm_dup_inter": optional(name_of(["first", "last"])),
    "cold_item_share": real(0, 0.9),
    "normalize_all": optional(switch),
    "normalize_field": optional(list_of(text, empty=True)),
    "train_neg_sample_args": Rule("null: generation needs no sampled negatives", lambda value: value in (None, "None")),
    # --- item features ---
    "item_features_file": optional(path),
    "item_features_mapped": switch,
    "title_field": text,
    "category_field": text,
    "text_fields": optional(list_of(text, empty=True)),
    "text_template": optional(text),
    "text_bf16": switch,
    "text_encoder": name_of(ENCODERS),
    "text_encoder_model": text,
    "text_width": whole(1, _LARGE),
    "modalities": optional(list_of(Rule("a mapping", lambda value: isinstance(value, Mapping)))),
    "image_field": text,
    "image_folder": path,
    "image_encoder_model": text,
    **dict.fromkeys(("image_download", "image_private_hosts"), switch),
    "fusion": name_of(FUSIONS),
    "fusion_width": optional(whole(1, _LARGE)),
    "modality_unit_length": switch,
    "modality_balanced": optional(switch),
    "behaviour_width": whole(1, _LARGE),
    "behaviour_negatives": whole(1),
    "behaviour_window": optional(whole(1)),
    "behaviour_max_user_items": optional(whole(1)),
    "missing_modality": name_of(["refuse", "allow"]),
    # --- network ---
    "n_encoder_layers": whole(0, 1000),
    "n_decoder_layers": whole(1, 1000),
    "d_model": whole(1, _LARGE),
    "n_heads": whole(1, 4096),
    "d_head": whole(1, _LARGE),
    "d_ff": whole(1, _LARGE),
    "dropout": real(0, 0.49),
    "n_user_tokens": whole(0, 2**24),
    "encoder_attention": name_of(ENCODER_ATTENTIONS),
    "encoder_input": name_of(ENCODER_INPUTS),
    "label_smoothing": real(0, 1),
    "token_repeat_bias": switch,
    "retrieval": name_of(RETRIEVALS),
    "hybrid_score": name_of(HYBRID_SCORES),
    "content_columns": optional(whole(1)),
    "id_embedding": switch,
    "id_dropout": real(0, 1),
    "generative_weight": real(0),
    "dense_weight": real(0, above=True),
    "dense_temperature": real(0, above=True),
    "dense_label_smoothing": real(0, 1),
    "repeat_bias": switch,
    "full_softmax_items": whole(0),
    "sampled_items": whole(1),
    "collision": name_of(COLLISIONS),
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
    "repeatable": Rule("true: a user may meet an item again", lambda value: value is True),
    "metrics": one_or_list(any_case(METRICS)),
    "topk": one_or_list(whole(1, 2**20)),
    "valid_metric": text,
    "tail_ratio": real(0, above=True),
    "metric_decimal_place": whole(0, 15),
    "loss_decimal_place": whole(0, 15),
    # --- the Semantic ID ---
    "tokenizer_family": name_of(FAMILIES),
    "sid_length": whole(1, 8),
    "codebook_size": one_or_list(whole(2, 65_536)),
    "code_dim": whole(1, _LARGE),
    "sids_file": optional(path),
    # --- collaborative pairs ---
    "pair_source": name_of([*MINERS, FILE]),
    "pair_file": optional(path),
    "pair_window": optional(whole(1)),
    "pair_weight": name_of(WEIGHTS),
    "pair_top_k": whole(1),
    "pair_max_user_items": optional(whole(1)),
    "item2vec_width": whole(1, _LARGE),
    "item2vec_negatives": whole(1),
    "swing_alpha": real(0, above=True),
    "swing_user_weight_power": real(0, 10),
    "swing_top_k": optional(whole(1)),
    "swing_max_user_items": optional(whole(1)),
    "swing_max_item_users": optional(whole(1)),
    "pair_engine": name_of(ENGINES),
    "ray_address": optional(text),
    "ray_workers": optional(whole(1, 4096)),
    "ray_worker_memory": real(LEAST_MEMORY, 4096),
    # --- residual autoencoder ---
    "encoder_hidden": list_of(whole(1, _LARGE), empty=True),
    "feature_scaling": name_of(SCALINGS),
    "quantizer": name_of(QUANTIZERS),
    "lookup_dim": whole(1, _LARGE),
    "quantizer_groups": whole(1, _LARGE),
    "commitment": real(0),
    "reconstruction_reduction": name_of(REDUCTIONS),
    "opq_subspaces": whole(1, 8),
    "kmeans_iterations": whole(0),
    "quantize_from": whole(0),
    "latent_scale": real(0, above=True),
    "revive_every": whole(0),
    # --- its training ---
    "tokenizer_steps": whole(1),
    "tokenizer_batch_pairs": whole(1, LARGEST // 4),
    "tokenizer_batch_solo_items": whole(0),
    "tokenizer_draw": name_of(DRAWS),
    "pair_draw_power": real(0, 10),
    "tokenizer_learning_rate": real(0, above=True),
    "tokenizer_weight_decay": real(0),
    "tokenizer_bf16": switch,
    "tokenizer_log_every": whole(1),
    "tokenizer_save_every": whole(1),
    # --- regulation and alignment ---
    "regulation": name_of(REGULATIONS),
    "collaborative_weight": real(0),
    "contrastive_temperature": real(0, above=True),
    "contrastive_space": name_of(CONTRASTIVE_SPACES),
    "semantic_relaxation": switch,
    "load_strengthening": switch,
    "progress_rebalancing": switch,
    "relaxation_thresholds": one_or_list(real(-1, 2)),
    "collision_margins": one_or_list(real(0, 2)),
    "load_f_min": real(0),
    "load_f_max": real(0),
    "load_region": name_of(REGIONS),
    "load_reference": name_of(REFERENCES),
    "load_saturation": real(0, 1, above=True),
    "load_alpha": real(0, above=True),
    "rebalancing_unit": name_of(UNITS),
    "rebalancing_start": real(0),
    "rebalancing_end": real(0, above=True),
    "collision_weight": real(0),
    "collision_floor": real(0, 1),
    "collision_reduction": name_of(COLLISION_REDUCTIONS),
    "hamming_radius": whole(0, 7),
    "full_margin": real(0, 2),
    "partial_margin": real(0, 2),
    "full_weight": real(0),
    "partial_weight": real(0),
    # --- RecBole's, for other kinds of models ---
    "benchmark_filename": Rule(
        "left out: it asks for files split beforehand, which are not read here; give one NAME.inter and choose the "
        "split by eval_args",
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

MODALITY_RULES: dict[str, Rule] = {
    "weight": real(0, above=True),
    "width": whole(1, _LARGE),
    "dataset_features": Rule("true", lambda value: value is True),
    "behaviour": path,
}
"""Of settings that a modality alone has."""


def check_values(
    given: Mapping[str, Any], defaults: Mapping[str, Any], rules: Mapping[str, Rule] | None = None
) -> None:
    """Check every value that was given: by its rule, or without one by the kind of its default.

    Args:
        given: settings by name.
        defaults: by name.
        rules: by name; None: those of TIGER, :data:`RULES`.

    Raises:
        SettingsError: for the first that does not fit, with what is wanted and the default.
    """
    rules = RULES if rules is None else rules
    for key, value in given.items():
        rule = rules.get(key)
        if rule is None or rule.fits(value):
            if key not in (*INTERVALS, BY_COLUMN) and not _is_finite_throughout(value):
                raise SettingsError(f"The setting {key}={_shown(value)} holds a number that is not finite: correct it.")
            continue
        if rule.names:
            raise unknown_name(key, value, rule.names)
        default = f" (default: {_shown(defaults[key])})" if key in defaults and rule.fits(defaults[key]) else ""
        raise SettingsError(f"The setting {key}={_shown(value)} has to be {rule.wanted}{default}.")
    check_types({key: value for key, value in given.items() if key not in rules}, defaults)


def _shown(value: Any) -> str:
    """Return a value as it is written in YAML, more or less, cut where it is long."""
    shown = "null" if value is None else repr(value)
    return shown if len(shown) <= 100 else f"{shown[:100]}…"
