from __future__ import annotations

import json
import math
from typing import Any

import pytest

from recbole_adasid.cli.train import main
from recbole_adasid.plugin.config.building import build_config
from recbole_adasid.settings.arguments import parse_arguments
from recbole_adasid.settings.errors import SettingsError
from recbole_adasid.settings.value_intervals import interval_text

ALIKE = ["[5,inf)", "[5,inf]", "[5, inf]", "[5,.inf]", "[5,.Inf)", "[5,1e999]"]
KEYS = ("user_inter_num_interval", "item_inter_num_interval")


@pytest.mark.parametrize("written", ALIKE)
@pytest.mark.parametrize("key", KEYS)
def test_infinity_in_an_interval_is_understood_however_it_is_written(key: str, written: str) -> None:
    settings, _ = parse_arguments([f"--{key}={written}"])
    assert build_config(settings)[key] == "[5,inf)"


def test_a_yaml_file_may_write_it_as_a_list(tmp_path: Any) -> None:
    (tmp_path / "mine.yaml").write_text(
        "user_inter_num_interval: [5, .inf]\nitem_inter_num_interval:\n  - 2\n  - 20\n"
        "val_interval: {timestamp: [-.inf, 4.5]}\n"
    )
    config = build_config({}, [tmp_path / "mine.yaml"])
    assert [config[key] for key in KEYS] == ["[5,inf)", "[2,20]"]
    assert config["val_interval"] == {"timestamp": "(-inf,4.5]"}
    assert "Infinity" not in json.dumps([config[key] for key in (*KEYS, "val_interval")])


@pytest.mark.parametrize("value", ["[5,10];(20,inf)", "(0.5,1]", ["a", "b"], None, "[1,2,3]", 7])
def test_what_is_written_already_and_what_is_no_interval_stays(value: Any) -> None:
    assert interval_text(value) is value


@pytest.mark.parametrize(
    "value", [math.inf, [5], [5, math.nan], [math.inf, 5], "[5,nan]", [[5, math.inf]], [True, 5], "inf"]
)
@pytest.mark.parametrize("key", KEYS)
def test_anything_else_is_refused_before_any_work(key: str, value: Any) -> None:
    with pytest.raises(SettingsError, match=f"{key}=.* has to be an interval"):
        build_config({key: value})


@pytest.mark.parametrize("model", ["TIGER", "BPR"])
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("seq_len", {"class": math.inf}),
        ("topk", [3, math.inf]),
        ("eval_args", {"split": {"RS": [0.8, math.nan, 0.1]}, "order": "TO"}),
        ("eval_args", {"split": {"RS": [0.8, math.inf, 0.1]}, "order": "TO"}),
        ("clip_grad_norm", {"max_norm": math.inf}),
        ("interactions_columns", {"user_id": math.nan}),
        ("RATING_FIELD", math.inf),
        ("transform", [math.nan]),
    ],
)
def test_no_other_setting_takes_an_infinity_or_nan(model: str, key: str, value: Any) -> None:
    with pytest.raises(SettingsError):
        build_config({"model": model, key: value}, peers=True)


def test_a_run_with_an_infinite_interval_goes_through_its_tokenizer(tiny_settings: Any, capfd: Any) -> None:
    given = [
        f"--{key}={value if isinstance(value, str) else json.dumps(value)}"
        for key, value in {**tiny_settings, "epochs": 1}.items()
    ]
    assert main([*given, "--user_inter_num_interval=[5,inf]", "--item_inter_num_interval=[1,.inf]"]) == 0
