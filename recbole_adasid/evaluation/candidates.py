"""Which items held-out ones are ranked among."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recbole_adasid.model.names import LIGER


def sampled_mode(settings: Mapping[str, Any], part: str = "test") -> str:
    """Return the mode, `uniN` or `popN`, in which a part ranks held-out items among sampled ones; empty if among all.

    Args:
        settings: settings of a run; those in files of other versions may lack the mode.
        part: `test` or `valid`.
    """
    told = settings.get("eval_args")
    mode = told.get("mode") if isinstance(told, Mapping) else None
    found = mode.get(part) if isinstance(mode, Mapping) else mode
    return "" if found in (None, "full") else str(found)


def told_of_sampled(settings: Mapping[str, Any]) -> str:
    """Return a sentence on what validation and test rank held-out items among; empty if among all."""
    modes = [sampled_mode(settings, part) for part in ("valid", "test")]
    valid, test = (f"a few sampled items only ({mode})" if mode else "all items" for mode in modes)
    if not any(modes):
        return ""
    if valid == test:
        return f"Validation and test rank held-out items among {test}: values are higher than among all items."
    return f"Validation ranks held-out items among {valid}, the test among {test}: do not compare their values."


def uses_beam(settings: Mapping[str, Any]) -> bool:
    """Tell whether the lists of the test come from a beam: neither from sampled items nor from dense retrieval."""
    return not sampled_mode(settings) and (settings.get("model") != LIGER or settings.get("retrieval") != "dense")
