"""The model of a finished run, without RecBole."""

from __future__ import annotations

from typing import Any

from recbole_adasid.io.tensor_file import below, check_fit
from recbole_adasid.model.building import empty_model
from recbole_adasid.model.names import LIGER
from recbole_adasid.model.tiger import TIGERModel
from recbole_adasid.run_folder.model_file import SavedModel


def served_settings(saved: SavedModel, retrieval: str | None = None) -> dict[str, Any]:
    """Return the settings of a saved model, with another ``retrieval`` if one is given.

    Raises:
        ValueError: if the model needs the user, or ``retrieval`` is given for a model without a choice, or for one
            whose decoder was not trained.
    """
    settings = {**saved.about["config"]["settings"], **({"retrieval": retrieval} if retrieval else {})}
    if settings["n_user_tokens"]:
        raise ValueError(f"{saved.path} also reads the user: train with n_user_tokens=0 to recommend")
    if retrieval and settings["model"] != LIGER:
        raise ValueError(
            f"retrieval={retrieval} is only for LIGER, but {saved.path} is a {settings['model']}: leave it out"
        )
    if settings["model"] == LIGER and settings["retrieval"] != "dense" and not settings["generative_weight"]:
        raise ValueError(
            f"retrieval={settings['retrieval']} needs a trained decoder, but {saved.path} was trained with "
            "generative_weight=0: use retrieval=dense, or train with generative_weight above 0"
        )
    return settings


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
