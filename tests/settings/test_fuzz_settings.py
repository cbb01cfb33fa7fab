"""Generated settings are accepted, or refused in a sentence of ours."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("hypothesis")
from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from generated_input import cases, outcome, passes_or_says_why  # noqa: E402
from recbole_adasid.plugin.config.building import build_config  # noqa: E402
from recbole_adasid.plugin.config.combinations import check_combinations  # noqa: E402
from recbole_adasid.plugin.config.constraints import RULES, check_values  # noqa: E402
from recbole_adasid.settings.presets import plugin_defaults, presets  # noqa: E402
from recbole_adasid.settings.reading import parse_mapping, parse_value  # noqa: E402

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 12),
    st.sampled_from([2**31, 2**64, 10**400, -(2**63)]),
    st.floats(width=32),
    st.sampled_from(
        [
            "",
            " ",
            "x",
            "..",
            "a/b",
            "none",
            "adaptive",
            "NDCG@10",
            "Recall",
            "[5,inf)",
            "[9,1]",
            "utf-8",
            "TO",
            "\t",
            "0",
        ]
    ),
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["max_norm", "inter", "LS", "split", "order", "mode", "a"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)
TOKENIZERS = presets("tokenizer")


def like(value: Any) -> st.SearchStrategy[Any]:
    """Values of the kind of a sound one, within and out of its range."""
    if isinstance(value, bool):
        return st.booleans()
    if isinstance(value, int):
        return st.integers(0, 2 * value + 2)
    if isinstance(value, float):
        return st.floats(0, 1.5, width=32)
    if isinstance(value, list) and value:
        return st.lists(like(value[0]), min_size=1, max_size=4)
    return st.just(value)


@st.composite
def changed_settings(draw: Any, tokenizer: str) -> dict[str, Any]:
    keys = draw(st.lists(st.sampled_from(sorted(RULES)), min_size=1, max_size=3, unique=True))
    defaults = defaults_of(tokenizer)
    return {key: draw(like(defaults.get(key)) if draw(st.integers(0, 3)) else ANYTHING) for key in keys}


def defaults_of(tokenizer: str) -> dict[str, Any]:
    """All settings of a run, as RecBole and this package resolve them."""
    if tokenizer not in _DEFAULTS:
        _DEFAULTS[tokenizer] = {**build_config({}).final_config_dict, **plugin_defaults({"tokenizer": tokenizer}, "x")}
        _DEFAULTS[tokenizer] |= {"tokenizer": tokenizer, "train_neg_sample_args": None, "load_col": {"inter": "*"}}
        del _DEFAULTS[tokenizer]["local_rank"]
    return _DEFAULTS[tokenizer]


_DEFAULTS: dict[str, dict[str, Any]] = {}


@cases(700)
@given(data=st.data(), tokenizer=st.sampled_from(TOKENIZERS))
def test_settings_are_accepted_or_refused(data, tokenizer):
    changes = data.draw(changed_settings(tokenizer))

    def check() -> None:
        defaults = defaults_of(tokenizer)
        check_values(changes, defaults)
        check_combinations({**defaults, **{key: value for key, value in changes.items() if key != "load_col"}})

    assert outcome(check) == (None, "")


@cases(120)
@given(changes=changed_settings("adasid"))
def test_a_config_is_built_or_refused(changes):
    config = passes_or_says_why(lambda: build_config(changes))
    assert config is None or set(changes) <= set(config.final_config_dict)


YAML = st.text(alphabet=st.sampled_from("ab:- \n\t[]{}!&*#|>'\"%@`,?0.e~<=\\\0é"), max_size=30)
TAGGED = st.sampled_from(
    ["!!bool ", "!!int ", "!!timestamp ", "!!binary ", "!!set ", "!!omap ", "!!python/name:os.", "&x ", "*x"]
)


@cases(250)
@given(text=YAML | st.builds(lambda tag, text: f"epochs: {tag}{text}", TAGGED, YAML))
def test_text_of_settings_is_parsed_or_refused(text):
    parse_value(text)  # any text is a value
    parsed = passes_or_says_why(lambda: parse_mapping(text, source="the settings file mine.yaml"))
    assert parsed is None or isinstance(parsed, dict)
