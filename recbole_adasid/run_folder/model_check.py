"""Check a model file's description against its tensors, and for impossible values, before building anything."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from recbole_adasid.features.fusion import FUSIONS
from recbole_adasid.features.text_encoders import ENCODERS
from recbole_adasid.io.checked_values import (
    Form,
    anything,
    fits,
    list_of,
    mapping_of,
    number,
    one_of,
    optional,
    record,
    switch,
    text,
    whole,
)
from recbole_adasid.io.tensor_file import DamagedFile, MismatchedFile, below, check_about, check_finite, check_fit
from recbole_adasid.model.catalogue import COLLISIONS, MOST_LEVELS
from recbole_adasid.model.dense.head import DenseHead
from recbole_adasid.model.names import LIGER, OWN
from recbole_adasid.model.network.settings import ENCODER_ATTENTIONS, ENCODER_INPUTS, network_settings
from recbole_adasid.model.network.tiger_network import TIGERNetwork
from recbole_adasid.model.network.token_softmax import TOKEN_SOFTMAXES
from recbole_adasid.model.settings import BEFORE_THERE_WAS_A_CHOICE, MODEL, OF_LIGER
from recbole_adasid.settings.rules import Rule

_MOST_CODES = 2**31 - 1
_WIDEST_CONTENT = 2**24
_SIZE, _TEXTS = whole(1, 65_536), optional(list_of(text))
_NETWORK: dict[str, Form] = {
    **dict.fromkeys(("d_model", "d_head", "n_heads", "d_ff"), _SIZE),
    **{"n_encoder_layers": whole(0, 1000), "n_decoder_layers": whole(1, 1000)},
    **{"dropout": number(0, 1), "n_user_tokens": whole(0, 2**24)},
}
# How new items get their features.
_ENCODING: dict[str, Form] = {
    **dict.fromkeys(("title_field", "category_field", "text_encoder_model", "image_encoder_model"), text),
    **dict.fromkeys(("item_features_file", "text_template"), optional(text)),
    **{"text_fields": _TEXTS, "text_encoder": one_of(ENCODERS), "text_width": _SIZE, "seed": whole(0, 2**32 - 1)},
    **dict.fromkeys(("text_bf16", "image_download", "image_private_hosts", "modality_unit_length"), switch),
    **{"item_features_mapped": switch, "image_folder": text, "missing_modality": one_of(("refuse", "allow"))},
    **{"fusion": one_of(FUSIONS), "fusion_width": optional(_SIZE)},
}
_MODALITY = record({}, {**_ENCODING, "weight": number(0), "image_field": optional(text), "text_encoder_model": text})
_NEEDED: dict[str, Form] = {
    **_NETWORK,
    **dict.fromkeys(("model", "dataset", "data_path", "learner"), text),
    **{"collision": one_of(COLLISIONS), "MAX_ITEM_LIST_LENGTH": whole(1, 2**20), "beam_size": whole(1, 2**20)},
}
_KNOWN: dict[str, Form] = {
    **_ENCODING,
    "modalities": optional(list_of(_MODALITY)),
    "encoder_attention": one_of(ENCODER_ATTENTIONS),
    "encoder_input": one_of(ENCODER_INPUTS),
    "label_smoothing": number(0, 1),
    "token_softmax": one_of(TOKEN_SOFTMAXES),
    "history_bias": switch,
    "interactions_files": optional(text),
    "worker": whole(0, 4096),
}


def _as_set(rule: Rule) -> Form:
    """Return the form of a setting's values: what can be trained can be read."""
    wanted = f"one of {', '.join(rule.names)}" if rule.names else rule.wanted
    return lambda value, name: fits(value, name, wanted, rule.fits(value))


SETTINGS: dict[str, Form] = {**_NEEDED, **_KNOWN}
"""Forms of settings in the file of either model."""
LIGERS: dict[str, Form] = {key: _as_set(MODEL[key]) for key in OF_LIGER}
"""Forms of LIGER's settings."""
_LATER = {key: LIGERS[key] for key in BEFORE_THERE_WAS_A_CHOICE}
_LIGER = {key: LIGERS[key] for key in LIGERS if key not in _LATER}
ABOUT: dict[str, Form] = {
    "config": record({"settings": record(_NEEDED, _KNOWN), "categories": mapping_of(list_of(text))}),
    "data": record({"dataset": text, "items": whole(1, _MOST_CODES), "digest": text}),
    "sid_level_sizes": list_of(whole(1, _MOST_CODES), least=1, most=MOST_LEVELS + 1),
    "epoch": whole(-1),
    "cur_step": whole(),
    "best_valid_score": number(),
    "optimizer_numbers": mapping_of(anything),
}


def check_model(path: Path, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Check a model file's description against its tensors.

    Raises:
        DamagedFile: if something is missing, of another form or size, or not a usable number, or a code exceeds its
            level.
    """
    check_description(path, about)
    weights = below("model", tensors)
    check_weights(path, weights, about)
    check_finite(path, weights)
    _check_codes(path, weights["tiger.catalogue.tokens"], about["sid_level_sizes"])


def check_description(path: Path, about: Mapping[str, Any]) -> None:
    """Check a model file's description by itself.

    Raises:
        DamagedFile: if something is missing, invalid, or contradicts something else.
    """
    check_about(path, about, ABOUT)
    settings = about["config"]["settings"]
    if settings["model"] not in OWN:
        raise DamagedFile(
            f"{path} names the model {settings['model']!r}, not {' or '.join(OWN)}: train the model again"
        )
    if settings["model"] == LIGER:
        check_about(path, settings, _LIGER, _LATER)
        check_about(path, about, {"content_width": whole(1, _WIDEST_CONTENT)})
    elif about.get("content_width") is not None:
        raise DamagedFile(f"{path} has item features ('content_width'), but {settings['model']} reads none")
    if about["data"]["dataset"] != settings["dataset"]:
        raise DamagedFile(f"{path} names two datasets, {settings['dataset']!r} and {about['data']['dataset']!r}")


def check_weights(path: Path, weights: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Check that a model's weights have the names, shapes and types that its checked description implies.

    Raises:
        DamagedFile: naming the first that differs; or if no item was trained.
    """
    try:
        check_fit(path, weights, _expected(about, about["config"]["settings"], len(weights)))
    except MismatchedFile as error:
        raise DamagedFile(f"{error} by its own settings") from None
    trained = weights.get("tiger.trained")
    if trained is not None and (bool(trained[0]) or not bool(trained.any())):
        raise DamagedFile(f"{path} was trained on no item, or on the padding: copy it again or train the model again")


def _expected(about: Mapping[str, Any], settings: Mapping[str, Any], n_weights: int) -> dict[str, Tensor]:
    """Return memoryless tensors with the names, shapes and types that a file's settings imply."""
    if settings["n_encoder_layers"] + settings["n_decoder_layers"] > n_weights:
        raise MismatchedFile(f"the file has {n_weights} tensors, too few for the layers of the network")
    sizes = tuple(about["sid_level_sizes"])
    network = _network(sizes, tuple(network_settings(settings).items()))
    codes = torch.empty(about["data"]["items"] + 1, len(sizes), dtype=torch.int64, device="meta")
    content = _content(about, settings) if settings["model"] == LIGER else {}
    if settings.get("token_softmax") == "tree":
        content["tiger.trained"] = torch.empty(about["data"]["items"] + 1, dtype=torch.bool, device="meta")
    return {**network, **content, "tiger.catalogue.tokens": codes}


@lru_cache(maxsize=8)  # a run's model is read several times
def _network(level_sizes: tuple[int, ...], settings: tuple[tuple[str, Any], ...]) -> dict[str, Tensor]:
    with torch.device("meta"):
        network = TIGERNetwork(level_sizes=level_sizes, **dict(settings))
    return {f"tiger.network.{name}": value for name, value in network.state_dict().items()}


def _content(about: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return LIGER's tensors in addition to TIGER's, without memory."""
    n_rows, width = about["data"]["items"] + 1, about["content_width"]
    read = min(settings["content_columns"] or width, width)
    with torch.device("meta"):
        found = {
            "content.features": torch.empty(n_rows, read, dtype=torch.float16),
            "content.trained": torch.empty(n_rows, dtype=torch.bool),
            "content.mean": torch.empty(width),
            "content.deviation": torch.empty(width),
            "content.map.weight": torch.empty(settings["d_model"], read),
            "weights": torch.empty(n_rows),
        }
        if read < width:
            found["content.directions"] = torch.empty(read, width)
        if settings["id_embedding"]:
            found["content.ids.weight"] = torch.empty(n_rows, settings["d_model"])
        head = DenseHead(d_model=settings["d_model"], repeat_bias=settings["repeat_bias"]).state_dict()
    return {
        f"tiger.{name}": value
        for name, value in {**found, **{f"head.{name}": value for name, value in head.items()}}.items()
    }


def _check_codes(path: Path, codes: Tensor, sizes: list[int]) -> None:
    wrong = ((codes < 0) | (codes >= torch.tensor(sizes))).nonzero()
    if len(wrong):
        item, level = wrong[0].tolist()
        raise DamagedFile(
            f"{path} has the code {int(codes[item, level])} for item {item} on level {level + 1}, which has "
            f"{sizes[level]}"
        )
