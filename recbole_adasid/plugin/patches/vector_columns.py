"""Vectors as features of RecBole's models: `float_seq` columns read by position.

RecBole 1.2.1 gives every entry of a numerical `float_seq` column the same embedding (or, discretised by `ED` or `LD`,
one that depends on its value alone), and averages: only the mean of a vector survives. One embedding per position
makes this a linear map of the vector to the model's embedding size instead, (1 / D) Σ_d v_d e_d.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from recbole_adasid.settings.errors import SettingsError

METHOD = "position"
"""As in `discretization: {sid_vector: {method: position}}`; unpatched RecBole rejects the name."""


def read_vectors(module: ModuleType) -> None:
    """Add the method :data:`METHOD` to the datasets of `recbole.data.dataset.dataset`."""
    dataset_class = module.Dataset  # type: ignore[attr-defined]
    dataset_class._discretization = discretize_by_position(dataset_class._discretization)


def discretize_by_position(original: Callable[[Any], None]) -> Callable[[Any], None]:
    """Return RecBole's `Dataset._discretization` with an additional method.

    Args:
        original: used for all other columns.
    """

    @wraps(original)
    def discretize(dataset: Any) -> None:
        asked, numerical = dataset.config["discretization"] or {}, dataset.config["numerical_features"]
        by_position = [field for field, how in asked.items() if how.get("method") == METHOD]
        if not by_position:
            original(dataset)
            return
        _check(dataset, by_position, numerical)
        dataset.config["discretization"] = {field: how for field, how in asked.items() if field not in by_position}
        dataset.config["numerical_features"] = [field for field in numerical if field not in by_position]
        try:
            original(dataset)
        finally:
            dataset.config["discretization"], dataset.config["numerical_features"] = asked, numerical
        for field in by_position:
            _number(dataset, field)

    return discretize


def count_features_once(sasrecf: ModuleType) -> None:
    """Make RecBole's SASRecF count a `float_seq` column as one feature, as its embedding layer does.

    Unpatched, it counts the entries, and its first layer does not fit its input.
    """
    sasrecf.FeatureType = SimpleNamespace(FLOAT_SEQ=None)  # type: ignore[attr-defined]


def _check(dataset: Any, fields: list[str], numerical: list[str]) -> None:
    for field in fields:
        kind = getattr(dataset.field2type.get(field), "value", None)
        if kind != "float_seq":
            said = "is not loaded" if kind is None else f"is of the type {kind}"
            raise SettingsError(
                f"discretization: {field!r} {said}, but the method {METHOD} needs a float_seq column: name one that "
                "load_col lists."
            )
        if field not in numerical:
            raise SettingsError(f"discretization: add {field!r} to numerical_features, or no model reads it.")


def _number(dataset: Any, field: str) -> None:
    """Pair each entry with its position, from 1; 0 is RecBole's padding, which it masks."""
    for table in dataset.field2feats(field):
        table[field] = [(values, np.arange(1, len(values) + 1)) for values in table[field]]
    dataset.field2bucketnum[field] = dataset.field2seqlen[field] + 1
