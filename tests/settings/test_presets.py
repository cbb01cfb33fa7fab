from __future__ import annotations

import pytest

from recbole_adasid.settings.errors import SettingsError
from recbole_adasid.settings.presets import headline, known_keys, plugin_defaults, presets, read_props


def test_every_preset_reads_and_says_what_it_is():
    for kind in ("tokenizer", "dataset"):
        for name in presets(kind):
            assert read_props(f"{kind}/{name}.yaml") and headline(f"{kind}/{name}.yaml")


def test_the_model_size_chooses_a_block():
    small, paper = (plugin_defaults({"model_size": size}, "mine") for size in ("small", "paper"))
    assert (small["n_encoder_layers"], small["d_ff"]) == (2, 512)
    assert (paper["n_encoder_layers"], paper["n_heads"], paper["d_head"], paper["d_ff"]) == (4, 6, 64, 1024)
    assert "model_sizes" not in small


def test_the_tokenizer_s_preset_wins_over_shared_defaults_and_the_dataset_s_over_both():
    assert plugin_defaults({"tokenizer": "adasid"}, "mine")["regulation"] == "adaptive"
    assert plugin_defaults({"tokenizer": "rqvae"}, "mine")["regulation"] == "none"
    general, toys = plugin_defaults({}, "mine"), plugin_defaults({}, "amazon-toys")
    assert general["user_inter_num_interval"] == "[0,inf)"
    assert toys["user_inter_num_interval"] == "[5,inf)"


@pytest.mark.parametrize(("key", "value"), [("tokenizer", "adasd"), ("model_size", "smal")])
def test_an_unknown_preset_is_refused(key, value):
    with pytest.raises(SettingsError, match=f"Unknown {key} '{value}': did you mean"):
        plugin_defaults({key: value}, "ml-100k")


def test_keys_within_a_size_block_are_settings_too():
    assert {"d_model", "epochs", "swing_alpha", "text_fields", "tokenizer"} <= known_keys()
    assert "small" not in known_keys() and "model_sizes" not in known_keys()
