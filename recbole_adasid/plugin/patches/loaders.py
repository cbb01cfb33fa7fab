"""What RecBole's loaders hold for every user and every example, though nothing of TIGER's asks for it."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from functools import wraps
from types import ModuleType
from typing import Any

from recbole_adasid.plugin.patches.pickled_data import guard_pickles
from recbole_adasid.plugin.peers.names import OURS
from recbole_adasid.plugin.registration import replace_function


def number_rows_lazily(module: ModuleType) -> None:
    """Let a loader count its rows by a range: RecBole makes it a list, of 36 bytes a row."""

    def rows_or_list(values: Any = ()) -> Any:
        return values if isinstance(values, range) else builtins.list(values)

    module.list = rows_or_list  # type: ignore[attr-defined]


def mend_data_utils(module: ModuleType) -> None:
    """Let RecBole's functions refuse pickles for TIGER, and make no sampler that nobody asks."""
    guard_pickles(module)
    replace_function(module, "create_samplers", only_samplers_that_sample(module.create_samplers))


def only_samplers_that_sample(create: Callable[..., Any]) -> Callable[..., Any]:
    """Let RecBole's `create_samplers` make none for TIGER where no item is sampled: one has a set for every user."""

    @wraps(create)
    def samplers(config: Any, dataset: Any, built_datasets: Any) -> Any:
        modes = config["eval_args"]["mode"]
        if config["model"] in OURS and set(modes.values()) == {"full"}:
            return None, None, None
        return create(config, dataset, built_datasets)

    return samplers
