"""Allowed values of other models' settings: by the shared rules, and a model's own by their defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recbole_adasid.plugin.config.constraints import RULES, check_values, shuffled, unused
from recbole_adasid.settings.rules import Rule, list_of, real, switch, text, whole

_DISTRIBUTIONS = ("uniform", "popularity")


def _is_sampling(value: Any) -> bool:
    if value in (None, "None"):
        return True
    known = {
        "distribution": lambda entry: entry in _DISTRIBUTIONS,
        "sample_num": whole(1).fits,
        "alpha": real(0).fits,
        "dynamic": switch.fits,
        "candidate_num": whole(0).fits,
    }
    return (
        isinstance(value, Mapping)
        and "distribution" in value
        and all(key in known and known[key](entry) for key, entry in value.items())
    )


# Settings that TIGER forbids as unused; another model may use them.
PEER_RULES: dict[str, Rule] = {
    **{key: rule for key, rule in RULES.items() if rule not in (unused, shuffled)},
    "repeatable": switch,
    "train_neg_sample_args": Rule(
        "null for none, or such as {distribution: uniform, sample_num: 1}; distributions are uniform and popularity",
        _is_sampling,
    ),
}


def check_own_values(given: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
    """Check values of a model's own settings by the kind of RecBole's defaults.

    Raises:
        SettingsError: for the first of another kind, or that is not finite.
    """
    check_values(given, defaults, {key: _like(defaults[key]) for key in given})


def _like(default: Any) -> Rule:
    """Return the rule for values like a default."""
    if isinstance(default, bool):
        return switch
    if default in (0, 1):  # may be a share or a factor: RecBole writes those as integers, too
        return real(0)
    if isinstance(default, int):
        return whole(1) if default > 0 else Rule("a whole number", lambda value: type(value) is int)
    if isinstance(default, float):
        return real(float("-inf"))
    if isinstance(default, str):
        return text if default else Rule("text", lambda value: isinstance(value, str))
    if isinstance(default, list) and default:
        return list_of(_like(default[0]), empty=True)
    return Rule("anything", lambda value: True)
