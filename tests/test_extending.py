"""The worked example of docs/extending.md, run as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
import yaml

from recbole_adasid.plugin.run import run
from recbole_adasid.settings.presets import read_props
from recbole_adasid.tokenizer.quantizer import QUANTIZERS
from recbole_adasid.tokenizer.registry import build_tokenizer

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "extending.md").read_text(encoding="utf-8")


@pytest.fixture
def preset(monkeypatch: pytest.MonkeyPatch) -> str:
    """The example's preset, its quantizer made known for the time of a test."""
    table = dict(QUANTIZERS)
    exec(re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)[0], {})
    added = QUANTIZERS.pop("frozen")
    assert table == QUANTIZERS
    monkeypatch.setitem(QUANTIZERS, "frozen", added)
    return re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)[0]


@pytest.mark.parametrize("regulation", ["none", "adaptive"])
def test_the_example_trains_and_its_codes_come_back_as_its_codewords(preset: str, regulation: str) -> None:
    small = {"tokenizer_steps": 20, "tokenizer_batch_pairs": 8, "codebook_size": [4, 8, 2], "encoder_hidden": [16]}
    settings = {**read_props("tokenizers.yaml"), **yaml.safe_load(preset), **small, "regulation": regulation, "seed": 1}
    features = torch.randn(60, 12)
    tokenizer = build_tokenizer(settings, width=12)
    tokenizer.fit(features, None)
    codes = tokenizer.encode(features)
    assert codes.shape == (60, 3) and codes.max(0).values.tolist() <= [3, 7, 1]
    quantizer = tokenizer.autoencoder.quantizer
    assert not any(parameter.requires_grad for parameter in quantizer.parameters())
    words = sum(level.codebook()[codes[:, i]] for i, level in enumerate(quantizer.quantizers()))
    torch.testing.assert_close(quantizer.decode(codes), words)


def test_the_example_s_preset_works_as_a_settings_file(
    preset: str, tiny_settings: dict[str, object], tmp_path: Path
) -> None:
    own = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)[1]
    (tmp_path / "frozen.yaml").write_text(own, encoding="utf-8")
    settings = {key: value for key, value in tiny_settings.items() if key != "tokenizer"}
    done = run({**settings, "tokenizer_steps": 5, "epochs": 1}, [tmp_path / "frozen.yaml"])
    given = done["semantic_ids"].description["tokenizer"]
    as_preset = {**read_props("tokenizers.yaml"), **yaml.safe_load(preset)}
    assert given["quantizer"] == "frozen"
    for key in ("regulation", "collaborative_weight"):  # no pairs and no regulation come with it
        assert given[key] == as_preset[key]
