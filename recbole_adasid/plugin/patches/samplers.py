"""RecBole 1.2.1 builds a sampler, with a set per user, even if no item is sampled."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from types import ModuleType
from typing import Any

from recbole_adasid.plugin.registration import OURS, replace_function


def leave_out_idle_samplers(module: ModuleType) -> None:
    """Make `recbole.data.utils` build no unused sampler for TIGER."""
    replace_function(module, "create_samplers", only_samplers_that_sample(module.create_samplers))


def only_samplers_that_sample(create: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap RecBole's `create_samplers` to build none for TIGER if no item is sampled."""

    @wraps(create)
    def samplers(config: Any, dataset: Any, built_datasets: Any) -> Any:
        modes = config["eval_args"]["mode"]
        if config["model"] in OURS and set(modes.values()) == {"full"}:
            return None, None, None
        return create(config, dataset, built_datasets)

    return samplers
