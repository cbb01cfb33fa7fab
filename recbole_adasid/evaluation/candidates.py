"""Which items held-out ones are ranked among."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def sampled_mode(settings: Mapping[str, Any]) -> str:
    """Return the mode, `uniN` or `popN`, in which the test ranks held-out items among sampled ones; empty if among all.

    Args:
        settings: settings of a run; those in files of other versions may lack the mode.
    """
    told = settings.get("eval_args")
    mode = told.get("mode") if isinstance(told, Mapping) else None
    test = mode.get("test") if isinstance(mode, Mapping) else mode
    return "" if test in (None, "full") else str(test)
