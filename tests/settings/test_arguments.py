"""How the values of `--key=value` are taken."""

from __future__ import annotations

from typing import Any

import pytest

from recbole_adasid.plugin.config.constraints import RULES
from recbole_adasid.settings.arguments import PATHS_AND_TEXTS, parse_arguments
from recbole_adasid.settings.rules import path, text


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("--run_folder=20240101", "20240101"),
        ("--data_path=007", "007"),
        ("--wandb_project=1e5", "1e5"),
        ("--run_root=true", "true"),
        ("--image_folder=[a] #1", "[a] #1"),
        ("--title_field=a: b", "a: b"),
        ("--cache_dir=~", None),
        ("--pair_file=null", None),
        ("--sids_file=", None),
        ("--run_folder='2024'", "2024"),
        ("--text_template=~", None),
        ("--text_template='{title}'", "'{title}'"),
        ("--epochs=3", 3),
        ("--topk=[3, 5]", [3, 5]),
        ("--gpu_id=~", None),
    ],
)
def test_paths_and_texts_are_taken_as_written_and_other_values_as_yaml(argument: str, value: Any) -> None:
    (found,) = parse_arguments([argument])[0].values()
    assert found == value and type(found) is type(value)


def test_all_settings_that_are_paths_or_texts_are_known() -> None:
    plain = {key for key, rule in RULES.items() if rule.wanted.removesuffix(", or null") in (path.wanted, text.wanted)}
    assert plain == {*PATHS_AND_TEXTS, "model", "tokenizer"}
