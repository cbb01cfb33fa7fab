"""Rules of settings, and the constructor's arguments that they feed."""

from __future__ import annotations

import pytest

from recbole_adasid.settings.rules import Rule, arguments, one_or_list, optional, real, whole
from recbole_adasid.tokenizer.quantizer import QUANTIZERS
from recbole_adasid.tokenizer.registry import build_tokenizer
from recbole_adasid.tokenizer.regulation.base import NoRegulation


def test_settings_come_by_the_names_of_the_arguments() -> None:
    rules = {"steps": whole(1), "my_rate": real(0).as_argument("rate"), "my_width": optional(whole(1))}
    assert arguments(rules, {"steps": 3, "my_rate": 0.5, "my_width": None, "other": 1}) == {
        "steps": 3,
        "rate": 0.5,
        "my_width": None,
    }


@pytest.mark.parametrize("rule", [whole(2, 4), optional(whole(2, 4)), one_or_list(whole(2, 4))])
def test_a_rule_that_names_an_argument_checks_as_before(rule: Rule) -> None:
    named = rule.as_argument("width")
    assert (named.argument, named.wanted) == ("width", rule.wanted)
    assert [named.fits(value) for value in (3, 5, None, [2, 4])] == [rule.fits(value) for value in (3, 5, None, [2, 4])]


def test_a_quantizer_and_a_regulation_of_one_s_own_get_their_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    class Wide(QUANTIZERS["straight_through"]):  # type: ignore[misc]
        SETTINGS = {"my_width": whole(1).as_argument("wide")}

        def __init__(self, *, wide: int, **others: object) -> None:
            super().__init__(**others)
            self.wide = wide

    monkeypatch.setitem(QUANTIZERS, "wide", Wide)
    settings = {"tokenizer_family": "autoencoder", "seed": 1, "sid_length": 2, "codebook_size": 4, "quantizer": "wide"}
    settings |= {"my_width": 7, "regulation": "none", "code_dim": 2, "encoder_hidden": [], "commitment": 0.25}
    settings |= {"feature_scaling": "none", "reconstruction_reduction": "mean", "collaborative_weight": 0.3}
    settings |= {"tokenizer_steps": 5, "tokenizer_batch_pairs": 2, "tokenizer_batch_solo_items": 1}
    settings |= {"tokenizer_learning_rate": 0.1, "tokenizer_weight_decay": 0.0, "contrastive_temperature": 0.2}
    settings |= {"contrastive_space": "quantized", "kmeans_iterations": 3, "revive_every": 0}
    settings |= {"tokenizer_bf16": False, "tokenizer_log_every": 9}
    tokenizer = build_tokenizer(settings, width=3)
    assert [level.wide for level in tokenizer.autoencoder.quantizer.levels] == [7, 7]
    assert isinstance(tokenizer.regulation, NoRegulation) and tokenizer.regulation.collaborative_weight == 0.3
    assert (tokenizer.settings.steps, tokenizer.settings.log_every, tokenizer.settings.seed) == (5, 9, 1)
