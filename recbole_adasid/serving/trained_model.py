"""The model of a finished run, without RecBole."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from recbole_adasid.io.checked_input import short
from recbole_adasid.io.tensor_file import below, check_fit
from recbole_adasid.model.building import empty_model
from recbole_adasid.model.liger import RETRIEVALS
from recbole_adasid.model.names import LIGER
from recbole_adasid.model.settings import HEAD
from recbole_adasid.model.tiger import TIGERModel
from recbole_adasid.run_folder.model_file import SavedModel
from recbole_adasid.settings.errors import check_name

CHOICES = ("retrieval", "new_item_bias")
"""Settings of LIGER that a finished run can be served with other values of."""


def served_settings(saved: SavedModel, **chosen: Any) -> dict[str, Any]:
    """Return the settings of a saved model, with the ``chosen`` values of :data:`CHOICES`; None: the run's.

    Raises:
        ValueError: if the model needs the user, or a value is invalid, or chosen for a model without a choice, or for
            one whose decoder was not trained.
    """
    plain = {key: value.item() if isinstance(value, np.number) else value for key, value in chosen.items()}
    chosen = {key: value for key, value in plain.items() if value is not None}
    settings = {**saved.about["config"]["settings"], **chosen}
    if settings["n_user_tokens"]:
        raise ValueError(f"{saved.path} also reads the user: train with n_user_tokens=0 to recommend")
    if settings["model"] == LIGER:
        _check_choices(saved.path, settings)
    elif chosen:
        key, value = next(iter(chosen.items()))
        raise ValueError(f"{key}={value} is only for LIGER, but {saved.path} is a {settings['model']}: leave it out")
    return settings


def _check_choices(path: Path, settings: Mapping[str, Any]) -> None:
    retrieval = settings["retrieval"]
    check_name("retrieval", retrieval, RETRIEVALS)
    if retrieval != "dense" and not settings["generative_weight"]:
        raise ValueError(
            f"retrieval={retrieval} needs a trained decoder, but {path} was trained with "
            "generative_weight=0: use retrieval=dense, or train with generative_weight above 0"
        )
    bias, rule = settings["new_item_bias"], HEAD["new_item_bias"]
    if not rule.fits(bias):
        raise ValueError(f"new_item_bias={short(bias)} has to be {rule.wanted}")


def trained_model(saved: SavedModel, settings: dict[str, Any]) -> TIGERModel:
    """Return the model in a file; ``settings`` are from :func:`served_settings`.

    Raises:
        DamagedFile: if the file has other weights than the model.
    """
    about = saved.about
    model = empty_model(
        settings,
        n_items=about["data"]["items"],
        level_sizes=about["sid_level_sizes"],
        content_width=about.get("content_width"),
    )
    weights = {name.removeprefix("tiger."): value for name, value in below("model", saved.tensors).items()}
    check_fit(saved.path, weights, model.state_dict())
    model.load_state_dict(weights)
    return model
