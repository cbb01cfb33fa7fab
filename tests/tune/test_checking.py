from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from recbole_adasid.plugin.config.building import build_config
from recbole_adasid.scorecard.competitors import competitor
from recbole_adasid.settings.errors import SettingsError
from recbole_adasid.settings.presets import known_keys, presets
from recbole_adasid.tune import checking
from recbole_adasid.tune.checking import check_options, refuse_what_the_tokenizer_ignores
from recbole_adasid.tune.space import Space, read_space

STARTS_AND_ENDS = "choice: {rebalancing_start: [0.05, 0.6], rebalancing_end: [0.5, 0.7, 1.0]}"


def space(text: str, folder: Path) -> Space:
    (folder / "space.yaml").write_text(text, encoding="utf-8")
    return read_space(str(folder / "space.yaml"), known_keys() | {"tokenizer"})


def build(settings: dict[str, Any]) -> dict[str, Any]:
    """Refuse as AdaSID does, and a code_dim of 0."""
    if settings["rebalancing_start"] >= settings["rebalancing_end"]:
        raise ValueError("the end must exceed the start")
    if settings.get("code_dim") == 0:
        raise ValueError("code_dim is 0")
    return settings


@pytest.mark.parametrize("few", [128, 1])
@pytest.mark.parametrize(
    "text",
    [
        STARTS_AND_ENDS,
        "choice: {rebalancing_start: [0.6, 0.05], rebalancing_end: [0.5, 0.7, 1.0]}",  # the first example is refused
        "choice: {rebalancing_start: [0.05, 0.6], rebalancing_end: [0.7, 0.5]}",  # the second
        "uniform: {rebalancing_start: [0.05, 0.9], rebalancing_end: [0.1, 1.0]}",
        "uniform: {rebalancing_start: [0.5, 0.6]}\nchoice: {rebalancing_end: [0.55, 0.7]}",
    ],
)
def test_an_option_that_contradicts_some_others_is_valid(
    text: str, few: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "FEW", few)
    config = check_options(space(text, tmp_path), build)
    assert config["rebalancing_start"] < config["rebalancing_end"]


def test_the_contradictory_points_of_a_small_space_are_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check_options(space(STARTS_AND_ENDS, tmp_path), build)
    assert "1 of 6 points will be left out, as their settings contradict each other: the end" in capsys.readouterr().out


@pytest.mark.parametrize("few", [128, 1])
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("choice: {rebalancing_start: [0.05, 0.6], rebalancing_end: [0.5]}", "the end must exceed the start"),
        (STARTS_AND_ENDS[:-1] + ", code_dim: [8, 0]}", "code_dim is 0"),
        ("uniform: {rebalancing_start: [0.05, 0.6], rebalancing_end: [0.01, 0.6]}", "the end must exceed the start"),
    ],
)
def test_an_option_that_suits_no_other_is_refused(
    text: str, says: str, few: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "FEW", few)
    with pytest.raises(ValueError, match=says):
        check_options(space(text, tmp_path), build)


@pytest.mark.parametrize("name", [name for name in presets("tuning") if name != "paper"])
def test_each_tokenizer_s_space_has_16_valid_points_or_is_small(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = read_space(name, known_keys())
    assert found.size is not None and (found.size >= 16 or "kmeans_iterations" in found.keys)
    own = {"dataset": "ml-100k", **competitor(name).settings}
    refuse_what_the_tokenizer_ignores(found, check_options(found, lambda one: build_config({**own, **one})))
    assert capsys.readouterr().out == ""  # no point is left out


@pytest.mark.parametrize(
    "text",
    [
        "choice: {code_dim: [8, 16]}",
        "choice: {tokenizer: [rqvae, quasid]}",
        "choice: {regulation: [none, adaptive]}",
        "choice: {swing_top_k: [10, 20]}",
    ],
)
def test_a_search_on_given_semantic_ids_has_no_settings_of_tokenizers(text: str, tmp_path: Path) -> None:
    found = space(text, tmp_path)
    settings = {"dataset": "ml-100k", "sids_file": str(tmp_path)}
    with pytest.raises(SettingsError, match="(code_dim|tokenizer|regulation|swing_top_k) has no effect with sids_file"):
        refuse_what_the_tokenizer_ignores(found, build_config(settings))
    refuse_what_the_tokenizer_ignores(space("choice: {dropout: [0.1, 0.2]}", tmp_path), build_config(settings))
