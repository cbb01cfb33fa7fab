"""RecBole 1.2.1 unpickles saved datasets and dataloaders, which could execute anything."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from types import ModuleType
from typing import Any

from recbole_adasid.plugin.registration import OURS, replace_function
from recbole_adasid.plugin.saved_data import refuse_saved_data


def guard_pickles(module: ModuleType) -> None:
    """Make RecBole's functions that unpickle saved datasets or dataloaders refuse to do so for TIGER."""
    for name in ("create_dataset", "load_split_dataloaders"):
        replace_function(module, name, _guarded(getattr(module, name)))


def _guarded(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def guarded(config: Any) -> Any:
        if config["model"] in OURS:
            refuse_saved_data(config)
        return function(config)

    return guarded
