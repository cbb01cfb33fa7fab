"""The worked example of docs/extending.md, run as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
import yaml

from recbole_adasid.bundle import SIDBundle
from recbole_adasid.cli.main import main
from recbole_adasid.plugin.run import run
from recbole_adasid.settings import plugins
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


def test_commands_know_the_example_as_a_plugin_and_say_what_is_missing_without(
    preset: str, tiny_settings: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    own = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)[1]
    (tmp_path / "frozen.yaml").write_text(own, encoding="utf-8")
    settings = {key: value for key, value in tiny_settings.items() if key != "tokenizer"}
    small = {"tokenizer_steps": 5, "epochs": 1, "report": True}
    folder = run({**settings, **small}, [tmp_path / "frozen.yaml"])["run_folder"]
    before = (folder / "report.html").read_bytes()
    monkeypatch.delitem(QUANTIZERS, "frozen")
    with pytest.raises(ValueError, match=r"needs the quantizer 'frozen', .* import the module .* --plugins=MODULE"):
        SIDBundle.from_run(folder)
    assert main(["report", f"--run_folder={folder}"]) == 2
    assert "was not replaced: a new page would lack its sections" in capsys.readouterr().err
    assert (folder / "report.html").read_bytes() == before
    name = "a_frozen_quantizer_of_a_test"
    (tmp_path / f"{name}.py").write_text(re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)[0])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plugins, "_named", [])
    given = [f"--run_folder={folder}", f"--plugins={name}"]
    assert main(["bundle", "make", *given, "--out=bundle"]) == 0 and "with tokenizer" in capsys.readouterr().out
    assert main(["report", *given]) == 0
    assert plugins.plugin_options() == [f"--plugins={name}"]
