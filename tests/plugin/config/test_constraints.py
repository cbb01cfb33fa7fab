from __future__ import annotations

from typing import Any

import pytest

from recbole_adasid.plugin.config.building import build_config
from recbole_adasid.plugin.config.constraints import RULES, check_values
from recbole_adasid.settings.errors import SettingsError
from recbole_adasid.settings.presets import known_keys, presets, read_props, settings_files
from recbole_adasid.settings.reading import parse_mapping

NEVER_RIGHT = [float("nan"), -1e300, {1, 2}, object()]


def test_every_setting_of_the_folder_of_defaults_has_a_rule():
    assert known_keys() - set(RULES) == set()


def test_every_default_obeys_its_rule():
    for path in settings_files():
        values = parse_mapping(path.read_text(encoding="utf-8"), source=str(path))
        for block in ({}, *values.pop("model_sizes", {}).values()):
            check_values({**values, **block}, {})


@pytest.mark.parametrize("key", [key for key in sorted(RULES) if key in known_keys()])
def test_no_rule_lets_everything_pass(key):
    for value in NEVER_RIGHT:
        with pytest.raises(SettingsError, match=key):
            check_values({key: value}, {})


@pytest.mark.parametrize("name", presets("variant"))
def test_variants_go_together(name):
    assert build_config(read_props(f"variant/{name}.yaml"))["tokenizer"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("codebook_size", [64, 32, 16]),
        ("swing_top_k", None),
        ("topk", 10),
        ("metrics", "ndcg"),
        ("gpu_id", "0,1"),
        ("gpu_id", 1),
        ("gpu_id", ""),
        ("clip_grad_norm", 0.5),
        ("clip_grad_norm", None),
        ("user_inter_num_interval", [5, 10]),
        ("user_inter_num_interval", "[5,10];(20,inf)"),
        ("relaxation_thresholds", 0.9),
        ("encoder_hidden", []),
        ("val_interval", {"timestamp": "[0,inf)"}),
        ("load_col", {"inter": "*"}),
        ("learner", "Adam"),
        ("eval_args", {"split": {"RS": [0.8, 0.1, 0.1]}, "order": "TO", "mode": {"valid": "uni100", "test": "full"}}),
        ("encoding", "cp1252"),
        ("field_separator", ","),
    ],
)
def test_what_the_documentation_allows_is_allowed(key: str, value: Any):
    valid_metric = {"metrics": "ndcg@10"}.get(key, "NDCG@10")
    assert build_config({key: value, "valid_metric": valid_metric})


@pytest.mark.parametrize("mode", ["uni100", {"valid": "uni100", "test": "full"}])
def test_lists_without_seen_items_need_all_items_ranked(mode: Any):
    eval_args = {"split": {"LS": "valid_and_test"}, "order": "TO", "mode": mode}
    with pytest.raises(SettingsError, match="eval_exclude_seen needs full lists, and eval_args has mode uni100"):
        build_config({"eval_args": eval_args, "eval_exclude_seen": True})
    assert build_config({"eval_args": eval_args}) and build_config({"eval_exclude_seen": True})
    with pytest.raises(SettingsError, match="cold_list_share needs full lists, and eval_args has mode uni100"):
        build_config({"eval_args": eval_args, "cold_list_share": 0.1, "cold_item_share": 0.1})


@pytest.mark.parametrize(("model", "key"), [("TIGER", "label_smoothing"), ("LIGER", "dense_label_smoothing")])
def test_a_target_without_any_weight_is_refused(model: str, key: str):
    with pytest.raises(SettingsError, match=f"{key}=1 has to be a finite number of at least 0 and at most 0.99"):
        build_config({"model": model, key: 1})
    assert build_config({"model": model, key: 0.5})[key] == 0.5
