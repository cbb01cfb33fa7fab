from __future__ import annotations

from pathlib import Path

import pytest
import torch

from recbole_adasid.plugin.config.building import build_config
from recbole_adasid.settings.errors import SettingsError
from recbole_adasid.settings.presets import known_keys
from recbole_adasid.tokenizer.registry import build_tokenizer, tokenizer_settings
from recbole_adasid.tune.space import Space, read_space

KNOWN = {"load_f_max", "relaxation_thresholds", "rebalancing_start", "rebalancing_end", "sid_length", "code_dim"}
KNOWN |= {"tokenizer", "dropout", "regulation", "swing_top_k"}


def space(tmp_path: Path, text: str) -> Space:
    file = tmp_path / "space.yaml"
    file.write_text(text, encoding="utf-8")
    return read_space(str(file), KNOWN)


def test_the_paper_s_grid_has_its_32_settings() -> None:
    paper = read_space("paper", known_keys())
    assert paper.size == 32
    assert paper.keys == {
        *("load_f_max", "relaxation_thresholds", "collision_floor", "collaborative_weight"),
        *("rebalancing_start", "rebalancing_end"),
    }


@pytest.mark.parametrize(("name", "points"), [("rqkmeans", 8), ("rqopq", 12)])
def test_a_space_of_k_means_does_not_search_centre_next_to_none(name: str, points: int) -> None:
    features = torch.randn(60, 4, generator=torch.Generator().manual_seed(0)) * torch.arange(1, 5) + 3
    codes = []
    for scaling in ("none", "centre", "standardise"):
        given = {"dataset": "ml-100k", "tokenizer": name, "codebook_size": 4, "feature_scaling": scaling}
        tokenizer = build_tokenizer(tokenizer_settings(build_config(given)), width=4)
        tokenizer.fit(features, None)
        codes.append(tokenizer.encode(features).tolist())
    assert codes[0] == codes[1] != codes[2]
    found = read_space(name, known_keys())
    scalings = [one["feature_scaling"] for one in found.choices["feature_scaling"].values()]
    assert scalings == ["none", "standardise"] and found.size == points


def test_a_point_of_recbole_s_becomes_settings_and_settings_that_go_together_stay_so(tmp_path: Path) -> None:
    text = """
choice:
  relaxation_thresholds: [[0.1, 0.2], [0.3, 0.4]]
  when:
    - {rebalancing_start: 0.1, rebalancing_end: 1.0}
    - {rebalancing_start: 0.2, rebalancing_end: 0.5}
uniform: {load_f_max: [1, 3]}
quniform: {sid_length: [2, 4, 1]}
"""
    found = space(tmp_path, text)
    given = found.for_recbole()
    assert given["uniform"] == {"load_f_max": [1, 3]} and given["quniform"] == {"sid_length": [2, 4, 1]}
    assert {name: len(options) for name, options in given["choice"].items()} == {"relaxation_thresholds": 2, "when": 2}
    point = {name: options[1] for name, options in given["choice"].items()}
    settings = found.settings({**point, "load_f_max": 2.5, "sid_length": 3.0})
    assert settings == {
        "relaxation_thresholds": [0.3, 0.4],
        **{"rebalancing_start": 0.2, "rebalancing_end": 0.5},
        **{"load_f_max": 2.5, "sid_length": 3},
    }
    assert type(settings["sid_length"]) is int  # hyperopt gives floats, and a length has to be whole
    assert found.size is None


@pytest.mark.parametrize(("point", "kept"), [(0.0, 32), (100.0, 100), (600.0, 512)])
def test_a_multiple_of_the_step_beyond_the_ends_becomes_the_end(point: float, kept: int, tmp_path: Path) -> None:
    found = space(tmp_path, "quniform: {code_dim: [32, 512, 100]}")
    assert found.settings({"code_dim": point}) == {"code_dim": kept}
    assert space(tmp_path, "quniform: {code_dim: [0.1, 0.3, 0.1]}").settings({"code_dim": 3 * 0.1}) == {"code_dim": 0.3}


def test_a_place_is_that_of_an_option_or_of_an_end_of_a_range(tmp_path: Path) -> None:
    found = space(tmp_path, "choice: {sid_length: [2, 3, 4]}\nloguniform: {load_f_max: [0, 1]}\n")
    assert found.counts == {"sid_length": 3, "load_f_max": 2}
    assert found.at({"sid_length": 2, "load_f_max": 0}) == {"sid_length": 4, "load_f_max": 1.0}
    assert found.at({"sid_length": 0, "load_f_max": 1}) == {
        "sid_length": 2,
        "load_f_max": pytest.approx(2.718, abs=1e-3),
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "choice: {load_fmax: [2]}",
            "hyperparameter in .*'load_fmax': did you mean load_f_max.*: code_dim, dropout, l",
        ),
        ("chioce: {load_f_max: [2]}", "kind of hyperparameter.*did you mean choice"),
        ("choice: {load_f_max: 2}", "has to be a list of values, got 2"),
        ("choice: {load_f_max: []}", "has to be a list of values"),
        ("choice: [load_f_max]", "name: "),
        ("choice: {load_f_max: [2, {sid_length: 3}]}", "mixes mappings of settings with other options"),
        ("choice: {load_f_max: [2]}\nuniform: {load_f_max: [2, 3]}", "load_f_max occurs twice"),
        ("choice: {load_f_max: [2], both: [{load_f_max: 3}]}", "load_f_max occurs twice"),
        ("choice: {load_f_max: [{sid_length: 3}]}\nuniform: {load_f_max: [2, 3]}", "load_f_max occurs twice"),
        ("uniform: {load_f_max: [3, 2]}", r"uniform of load_f_max has to be \[low, high\]"),
        ("quniform: {load_f_max: [2, 3]}", r"\[low, high, step\]"),
        ("quniform: {load_f_max: [2, 3, 0]}", r"\[low, high, step\]"),
        ("uniform: {load_f_max: [false, true]}", "low below high"),
        ("", "names no hyperparameter"),
    ],
)
def test_a_space_that_cannot_be_searched_is_refused(text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=says):
        space(tmp_path, text)


def test_a_space_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(SettingsError, match=r"no space missing.yaml: .*paper"):
        read_space("missing.yaml", KNOWN)
    with pytest.raises(SettingsError, match="preset of tuning 'papre': did you mean paper"):
        read_space("papre", KNOWN)
