"""Builds tokenizers from settings: plain tables of families, quantizers and regulations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from recbole_adasid.compute.precision import has_bfloat16
from recbole_adasid.settings import lookup as settings_lookup
from recbole_adasid.settings.errors import check_name
from recbole_adasid.settings.rules import Rule, arguments, name_of
from recbole_adasid.tokenizer.autoencoder import ResidualAutoencoder, multilayer_perceptron
from recbole_adasid.tokenizer.autoencoder_tokenizer import AutoencoderTokenizer
from recbole_adasid.tokenizer.base import ItemTokenizer
from recbole_adasid.tokenizer.clustering.rq_kmeans import RQKMeansTokenizer
from recbole_adasid.tokenizer.clustering.rq_opq import RQOPQTokenizer
from recbole_adasid.tokenizer.quantizer import QUANTIZERS, ResidualQuantizer
from recbole_adasid.tokenizer.regulation import REGULATIONS
from recbole_adasid.tokenizer.scaling import FeatureScaler
from recbole_adasid.tokenizer.settings import AROUND, AUTOENCODER, COMMON, RQ_OPQ, TRAINING
from recbole_adasid.tokenizer.training.loop import TrainingSettings

Settings = Mapping[str, Any]

EDITION = 2
"""Version of the tokenizers' output for given features and settings: raise it on a change to invalidate the cache."""
BEFORE: dict[str, Any] = {
    "tokenizer_draw": "pairs",
    "pair_draw_power": 1.0,
    "quantize_from": 0,
    "latent_scale": 1.0,
    "load_region": "signature",
    "load_reference": "batch",
    "overlap_agreement": "positions",
    "relaxation_similarity": "latent",
    "relaxation_unit": "cosine",
    "contrastive_negatives": "batch",
}
"""Settings missing from older saved tokenizers, with values that reproduce the old behaviour."""


def tokenizer_settings(config: settings_lookup.Settings) -> dict[str, Any]:
    """Return the keys of ``config`` that determine the tokenizer, and no others.

    Includes everything :func:`build_tokenizer` reads, so that the fingerprint of these settings is complete.

    Raises:
        ValueError: for an unknown quantizer or regulation, or settings that one of them refuses.
    """
    keys = ["tokenizer_family", "seed", *COMMON]
    if config["tokenizer_family"] == "autoencoder":
        keys += ["quantizer", "regulation", *AUTOENCODER]
        for part, table in _PARTS.items():
            kind = _lookup(part, config[part], table)
            kind.check_settings(config)
            keys += kind.SETTINGS
    elif config["tokenizer_family"] == "rq_opq":
        keys += RQ_OPQ
    settings = {key: config[key] for key in keys}
    if settings.get("tokenizer_bf16"):
        # Emulated bfloat16 costs more than it saves, and the fingerprint must not claim what did not happen.
        settings["tokenizer_bf16"] = has_bfloat16(torch.device("cpu"))
    return settings


def editions(settings: Settings, *, width: int) -> dict[str, int]:
    """Return the editions of a tokenizer and its parts, such as ``quantizer_edition``, except those that are 0.

    Args:
        settings: from :func:`tokenizer_settings`.
        width: columns of the features.
    """
    with torch.device("meta"):  # a family is any function, so only what it builds says which class that is
        found = {"tokenizer_edition": build_tokenizer(settings, width=width).EDITION}
    found |= {f"{part}_edition": table[settings[part]].EDITION for part, table in _PARTS.items() if part in settings}
    return {part: edition for part, edition in found.items() if edition}


def build_tokenizer(settings: Settings, *, width: int) -> ItemTokenizer:
    """Return an untrained tokenizer for features of ``width`` columns.

    The initial weights depend on ``settings["seed"]`` alone; the caller's random state is untouched.

    Raises:
        ValueError: for an unknown family, quantizer or regulation, or an impossible value.
    """
    settings = {**BEFORE, **settings}
    build = _lookup("tokenizer_family", settings["tokenizer_family"], FAMILIES)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(settings["seed"])  # torch.manual_seed would seed GPUs too
        return build(settings, width)


def unknown_part(settings: Settings) -> str | None:
    """Return the first part that ``settings`` name and no table has, such as ``quantizer 'x'``; None if all exist."""
    for key, table in {"tokenizer_family": FAMILIES, **_PARTS}.items():
        name = settings.get(key)
        if isinstance(name, str) and name not in table:
            return f"{key} {name!r}"
    return None


def codebook_sizes(settings: Settings) -> list[int]:
    """Return K of each level from ``sid_length`` and ``codebook_size``.

    Raises:
        ValueError: if the length is outside 1 … 8, a size outside 2 … 65,536, or the list has another length.
    """
    length, size = settings["sid_length"], settings["codebook_size"]
    if not 1 <= length <= 8:
        raise ValueError(f"sid_length must lie between 1 and 8, got {length}")
    sizes = [size] * length if isinstance(size, int) else list(size)
    if len(sizes) != length:
        raise ValueError(f"codebook_size lists {len(sizes)} sizes for sid_length {length}: give one per level")
    if not all(2 <= k <= 65_536 for k in sizes):
        raise ValueError(f"codebook_size must lie between 2 and 65536, got {size}")
    return sizes


def _build_autoencoder(settings: Settings, width: int) -> ItemTokenizer:
    dim = settings["code_dim"]
    widths = [width, *settings["encoder_hidden"], dim]
    kind = _lookup("quantizer", settings["quantizer"], QUANTIZERS)
    own = arguments(kind.SETTINGS, settings)
    levels = [kind(n_codewords=size, dim=dim, level=i, **own) for i, size in enumerate(codebook_sizes(settings))]
    quantizer = ResidualQuantizer(levels=levels, commitment=settings["commitment"])
    autoencoder = ResidualAutoencoder(
        scaler=_scaler(settings, width),
        encoder=multilayer_perceptron(widths),
        quantizer=quantizer,
        decoder=multilayer_perceptron(widths[::-1]),
        reconstruction_reduction=settings["reconstruction_reduction"],
    )
    regulation = _lookup("regulation", settings["regulation"], REGULATIONS).of_settings(settings)
    return AutoencoderTokenizer(autoencoder=autoencoder, regulation=regulation, settings=_training(settings))


def _scaler(settings: Settings, width: int) -> FeatureScaler:
    return FeatureScaler(width=width, mode=settings["feature_scaling"], blocks=settings.get("feature_blocks"))


def _training(settings: Settings) -> TrainingSettings:
    shared = {key: settings[key] for key in ("kmeans_iterations", "seed")}
    return TrainingSettings(**arguments(TRAINING, settings), **shared)


def _of_clustering(settings: Settings, width: int) -> dict[str, Any]:
    """Return what all tokenizers by clustering take."""
    return {
        "scaler": _scaler(settings, width),
        "width": width,
        "codebook_sizes": codebook_sizes(settings),
        "iterations": settings["kmeans_iterations"],
        "seed": settings["seed"],
    }


def _build_rq_kmeans(settings: Settings, width: int) -> ItemTokenizer:
    return RQKMeansTokenizer(**_of_clustering(settings, width))


def _build_rq_opq(settings: Settings, width: int) -> ItemTokenizer:
    return RQOPQTokenizer(**_of_clustering(settings, width), n_subspaces=settings["opq_subspaces"])


FAMILIES: dict[str, Callable[[Settings, int], ItemTokenizer]] = {
    "autoencoder": _build_autoencoder,
    "rq_kmeans": _build_rq_kmeans,
    "rq_opq": _build_rq_opq,
}
_PARTS: dict[str, Mapping[str, Any]] = {"quantizer": QUANTIZERS, "regulation": REGULATIONS}
"""What an autoencoder is put together from, by the setting that names it."""
RULES: dict[str, Rule] = {
    "tokenizer_family": name_of(FAMILIES),
    "quantizer": name_of(QUANTIZERS),
    "regulation": name_of(REGULATIONS),
    **{**COMMON, **AUTOENCODER, **RQ_OPQ, **AROUND},
    **{key: rule for quantizer in QUANTIZERS.values() for key, rule in quantizer.SETTINGS.items()},
    **{key: rule for regulation in REGULATIONS.values() for key, rule in regulation.SETTINGS.items()},
}
"""Validation rules of all tokenizer settings."""


def _lookup(key: str, name: str, table: Mapping[str, Any]) -> Any:
    check_name(key, name, table)
    return table[name]
