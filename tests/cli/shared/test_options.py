"""Options: what their values have to be, and that the same thing has the same name and sentence everywhere."""

from __future__ import annotations

from collections import defaultdict
from inspect import signature

import pytest

from recbole_adasid.cli.main import COMMANDS
from recbole_adasid.cli.pairs import SWING
from recbole_adasid.cli.shared import common
from recbole_adasid.cli.shared.options import (
    ANY,
    COUNT,
    MAPPING,
    NUMBER,
    SWITCH,
    Option,
    chosen_action,
    need,
    read_options,
)
from recbole_adasid.cli.tune import OWN as TUNE
from recbole_adasid.distributed.ray_cluster import LEAST_MEMORY
from recbole_adasid.pairs.sources import ENGINES, MINERS
from recbole_adasid.settings.errors import SettingsError
from recbole_adasid.settings.presets import read_props
from recbole_adasid.tune.command import run_search

OPTIONS = (
    Option("out", "FILE", "", old=("output",)),
    Option("k", "10", "", COUNT, 10, least=1),
    Option("share", "0.5", "", NUMBER),
    Option("fast", "true", "", SWITCH, False),
    Option("columns", "MAPPING", "", MAPPING),
    Option("sizes", "SIZES", "", ANY),
    Option("engine", "NAME", "", default="local", choices=("local", "ray")),
)


def read(*given: str) -> dict[str, object]:
    return {key: value for key, value in read_options("try", given, OPTIONS).items() if value is not None}


def test_what_is_left_out_has_its_default():
    assert read() == {"k": 10, "fast": False, "engine": "local"}


def test_text_is_taken_as_written_and_other_values_as_yaml():
    given = read("--out=007", "--k", "3", "--share=1", "--fast=true", "--columns={a: b}", "--sizes=[1, 2]")
    assert given == {"out": "007", "k": 3, "share": 1, "fast": True, "columns": {"a": "b"}, "sizes": [1, 2]} | {
        "engine": "local"
    }


def test_an_earlier_name_is_understood_and_not_given_beside_the_new_one():
    assert read("--output=007")["out"] == "007"
    with pytest.raises(SettingsError, match="--out and --output are the same: keep --out"):
        read("--out=1", "--output=2")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("--k=many", "k='many' has to be a whole number"),
        ("--k=true", "k=True has to be a whole number"),
        ("--k=0", "k=0 has to be a whole number of 1 or more"),
        ("--k=~", "k=None has to be a whole number"),
        ("--share=some", "share='some' has to be a number"),
        ("--fast=1", "fast=1 has to be true or false"),
        ("--columns={1: b}", "columns={1: 'b'} has to be a mapping"),
        ("--engine=rya", "Unknown --engine 'rya': did you mean ray"),
        ("--outt=x", "Unknown setting 'outt' in the command line of try: did you mean out"),
        ("--config_files=a.yaml", "Unknown setting 'config_files' in the command line of try"),
        ("fast", "'fast' is not of the form --key=value"),
    ],
)
def test_other_values_and_names_are_refused(given, said):
    with pytest.raises(SettingsError) as raised:
        read(given)
    assert said in str(raised.value)


def test_the_refusal_shows_no_earlier_name():
    with pytest.raises(SettingsError) as raised:
        read("--outputs=1")
    assert "output?" not in str(raised.value)


def test_what_is_needed_is_named_with_its_form():
    values = read_options("try", [], OPTIONS)
    with pytest.raises(SettingsError, match="try needs --share=0.5; see --help"):
        need(values, (OPTIONS[1], OPTIONS[2]), "try")


def test_an_action_is_one_of_some():
    assert chosen_action(["add", "--x=1"], ("add", "remove")) == "add"
    with pytest.raises(SettingsError, match="The first argument is 'ad'; valid: add, remove"):
        chosen_action(["ad"], ("add", "remove"))


MEANING_OF_THEIR_OWN = {"interactions", "items", "features", "scorecard", "input", "k"}
"""Names that stand for something else in another command."""


def test_options_of_the_same_name_are_alike_in_all_commands():
    shown = defaultdict(set)
    for command in COMMANDS.values():
        for option in command.all_options:
            if command.name != "train" or option.name != "KEY":  # there --help lists the settings
                shown[option.name].add((option.value, option.about, option.kind))
    assert {name for name, forms in shown.items() if len(forms) > 1} <= MEANING_OF_THEIR_OWN


def test_the_common_options_are_in_use_and_have_sentences():
    in_use = [option.name for command in COMMANDS.values() for option in command.all_options]
    for option in vars(common).values():
        if isinstance(option, Option):
            assert option.about and in_use.count(option.name) >= 1, option.name


def test_defaults_are_those_of_what_does_the_work():
    main_job = read_props("tokenizers.yaml")
    assert {option.name: option.default for option in SWING} == {
        key: main_job[key] for key in MINERS["swing"].settings.values()
    }
    assert common.ENGINE.choices == tuple(ENGINES) and common.RAY_WORKER_MEMORY.least == LEAST_MEMORY
    assert common.RAY_WORKER_MEMORY.default == main_job["ray_worker_memory"]
    names = {name for name, given in signature(run_search).parameters.items() if given.kind == given.KEYWORD_ONLY}
    assert names == {option.name for option in TUNE} - {"proxy_examples"} | {"proxy"}
