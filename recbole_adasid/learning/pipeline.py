"""From a dataset to Semantic IDs: features → pairs → tokenizer → codes, each stage cached under its fingerprint."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch

from recbole_adasid.features.item_features import item_features
from recbole_adasid.features.item_source import ItemSource
from recbole_adasid.features.vectors import ItemFeatures
from recbole_adasid.io.digests import array_digest, fingerprint
from recbole_adasid.io.stage_cache import Arrays, StageCache
from recbole_adasid.learning.cold_start import ItemSubset, described_with_cold, with_cold_items
from recbole_adasid.learning.given_sids import GivenSIDs, given_semantic_ids
from recbole_adasid.learning.semantic_ids import SemanticIDs
from recbole_adasid.pairs.item_pairs import ItemPairs
from recbole_adasid.pairs.pair_file import load_pair_file
from recbole_adasid.pairs.sources import FILE, MINERS
from recbole_adasid.settings.lookup import Settings
from recbole_adasid.tokenizer.agreement import embedding_pairs, neighbour_agreement
from recbole_adasid.tokenizer.base import ItemTokenizer, Keep, LogFunction
from recbole_adasid.tokenizer.quality import collapsed_levels, sid_quality
from recbole_adasid.tokenizer.registry import EDITION, build_tokenizer, editions, tokenizer_settings

logger = logging.getLogger(__name__)

PARAMETER_PREFIX = "parameter/"
Ingredients = tuple[ItemFeatures, ItemPairs, dict[str, Any]]
"""What a tokenizer is learned from, and its description as plain values."""


def learn_semantic_ids(
    config: Settings, dataset: ItemSource, *, log: LogFunction | None = None, progress: bool = False
) -> SemanticIDs:
    """Learn the Semantic IDs of ``dataset``'s items by ``config``, reusing every stage computed before.

    With ``sids_file`` they are taken from that bundle instead, and nothing is trained. If the dataset holds items out
    of training, the tokenizer is trained without them, and they get theirs afterwards, like new items.

    Args:
        config: any mapping with the keys of ``props/``.
        dataset: names its items and its training interactions.
        log: receives each step and its numbers during tokenizer training, and again when its result is reused.
        progress: show progress bars.
    """
    cache = StageCache(config["cache_dir"])
    if config["sids_file"]:
        return _given(config, dataset, cache, progress)
    cold = dataset.cold_items()
    if cold is None:
        return _learn(config, _ingredients(config, dataset, cache, progress), cache, log, progress)
    known = _ingredients(config, ItemSubset(dataset, ~cold), cache, progress)
    # Before the tokenizer is trained: these items may have features that cannot be used.
    features = item_features(config, ItemSubset(dataset, cold), cache, progress, fitted=known[0].fitted, few=True)
    return with_cold_items(_learn(config, known, cache, log, progress), config, cold, features)


def _learn(
    config: Settings, ingredients: Ingredients, cache: StageCache, log: LogFunction | None, progress: bool
) -> SemanticIDs:
    features, pairs, description = ingredients
    if not len(pairs) and description["tokenizer"].get("collaborative_weight"):
        logger.warning(
            "pair_source=%s finds no item pairs in the training interactions: the collaborative loss is not used.",
            config["pair_source"],
        )
    tokenizer = build_tokenizer(description["tokenizer"], width=features.values.shape[1])
    kept = cache.unfinished("tokenizer", description)
    keep = None if kept is None else Keep(kept, config["tokenizer_save_every"])
    fitted = cache.arrays("tokenizer", description, lambda: _fit(tokenizer, features, pairs, progress, keep))
    _forget(kept)
    tokenizer.load_state_dict(_parameters(fitted))
    history = [(step, numbers) for step, numbers in json.loads(fitted["history"].tobytes())]
    if log is not None:
        for entry in history:
            log(*entry)
    quality = sid_quality(fitted["codes"], tokenizer.codebook_sizes)
    for level in collapsed_levels(quality, tokenizer.codebook_sizes, len(fitted["codes"])):
        logger.warning(
            "Level %d of the Semantic IDs has collapsed: effectively, only %.1f of its %d codewords are used. More "
            "tokenizer_steps, feature_scaling=standardise or another quantizer may help.",
            *(level, quality[f"perplexity_{level}"], tokenizer.codebook_sizes[level - 1]),
        )
    near = embedding_pairs(features.values)
    return SemanticIDs(
        codes=fitted["codes"],
        codebook_sizes=tokenizer.codebook_sizes,
        quality={**quality, **neighbour_agreement(fitted["codes"], near, pairs)},
        fingerprint=fingerprint(description),
        description=description,
        stages=dict(cache.statuses),
        tokenizer=tokenizer.eval(),
        fitted=features.fitted,
        history=history,
        near=near,
        vectors=features.values,
    )


def semantic_ids_fingerprint(config: Settings, dataset: ItemSource, made_with: Mapping[str, int] | None = None) -> str:
    """Return the fingerprint that :func:`learn_semantic_ids` would give, without training a tokenizer.

    Args:
        config: settings.
        dataset: items, interactions and features.
        made_with: description in a saved tokenizer, maybe of another version of this package or another processor;
            None: those here.
    """
    cache, cold = StageCache(config["cache_dir"]), dataset.cold_items()
    if config["sids_file"]:
        return fingerprint(_given_ingredients(config, dataset, cache)[2])
    if cold is None:
        return fingerprint(_as_made(_ingredients(config, dataset, cache)[2], config, made_with))
    features, _, warm = _ingredients(config, ItemSubset(dataset, ~cold), cache)
    warm = _as_made(warm, config, made_with)
    source = item_features(config, ItemSubset(dataset, cold), cache, fitted=features.fitted, few=True).source
    return fingerprint(described_with_cold(warm, config, cold, source))


def _as_made(description: dict[str, Any], config: Settings, made_with: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a description with what settings do not decide as in another: editions, and whether bfloat16 was used."""
    if made_with is None:
        return description
    kept = {key: value for key, value in description.items() if not key.endswith("edition")}
    kept |= {key: value for key, value in made_with.items() if key.endswith("edition")}
    if not _asks_for_bf16(config, kept):
        return kept
    return _with_bf16(kept, bool(made_with["tokenizer"].get("tokenizer_bf16")))


def _asks_for_bf16(config: Settings, description: Mapping[str, Any]) -> bool:
    """Tell whether a tokenizer is trained in bfloat16 if the processor supports it."""
    return "tokenizer_bf16" in description["tokenizer"] and bool(config["tokenizer_bf16"])


def _with_bf16(description: Mapping[str, Any], used: bool) -> dict[str, Any]:
    return {**description, "tokenizer": {**description["tokenizer"], "tokenizer_bf16": used}}


def _given(config: Settings, dataset: ItemSource, cache: StageCache, progress: bool) -> SemanticIDs:
    """Return the Semantic IDs of ``sids_file``; pairs only serve to measure neighbour agreement."""
    given, pairs, description = _given_ingredients(config, dataset, cache, progress)
    codes, sizes, features, encoders = given.codes, given.level_sizes, given.features, given.encoders
    near = embedding_pairs(features.values) if features else None
    return SemanticIDs(
        codes=codes,
        codebook_sizes=sizes,
        quality={**sid_quality(codes, sizes), **neighbour_agreement(codes, near, pairs)},
        fingerprint=fingerprint(description),
        description=description,
        stages={**cache.statuses, "tokenizer": "given"},
        tokenizer=encoders.tokenizer if encoders else None,
        tokenizer_description=encoders.description if encoders else None,
        fitted=encoders.fitted if encoders else {},
        suffix=given.suffix,
        reserved=given.reserved,
        near=near,
        vectors=features.values if features else None,
    )


def _given_ingredients(
    config: Settings, dataset: ItemSource, cache: StageCache, progress: bool = False
) -> tuple[GivenSIDs, ItemPairs, dict[str, Any]]:
    given = given_semantic_ids(config, dataset, cache, progress)
    pairs = collaborative_pairs(config, dataset, cache, progress)
    source = given.features.source if given.features else None
    described = {"given": given.described(), "features": source, "pairs": _pairs_description(config, pairs)}
    return given, pairs, described


def _ingredients(config: Settings, dataset: ItemSource, cache: StageCache, progress: bool = False) -> Ingredients:
    features = item_features(config, dataset, cache, progress)
    pairs = collaborative_pairs(config, dataset, cache, progress)
    settings = tokenizer_settings(config)
    if features.blocks:
        settings["feature_blocks"] = [list(block) for block in features.blocks]
    described = _pairs_description(config, pairs)
    determined_by = {"tokenizer": settings, "edition": EDITION, "features": features.source, "pairs": described}
    description = {**determined_by, **editions(settings, width=features.values.shape[1])}
    if _asks_for_bf16(config, description) and not cache.has("tokenizer", description):
        elsewhere = _with_bf16(description, not settings["tokenizer_bf16"])
        if cache.has("tokenizer", elsewhere):  # by another processor: what was trained on its codes can go on
            return features, pairs, elsewhere
    return features, pairs, description


def collaborative_pairs(config: Settings, dataset: ItemSource, cache: StageCache, progress: bool = False) -> ItemPairs:
    """Return the item pairs that ``pair_source`` finds in the training interactions, or those of ``pair_file``."""
    tokens = dataset.item_tokens()
    if config["pair_source"] == FILE:
        return load_pair_file(dataset.dataset_path() / config["pair_file"], tokens)
    interactions = dataset.training_interactions()
    miner = MINERS[config["pair_source"]]
    settings = {argument: config[key] for argument, key in miner.settings.items()}
    mined_by = {config["pair_source"]: settings, "edition": miner.edition}
    description = {**mined_by, "n_items": len(tokens), "interactions": interactions.digest()}
    kept = cache.unfinished("pairs", description)

    def mine() -> Arrays:
        pairs = miner.mine(interactions, len(tokens), **settings, **miner.extras(config, kept, progress))
        return {"trigger": pairs.trigger, "target": pairs.target, "weight": pairs.weight}

    mined = cache.arrays("pairs", description, mine)
    _forget(kept)
    return ItemPairs(**mined)


def _fit(
    tokenizer: ItemTokenizer, features: ItemFeatures, pairs: ItemPairs, progress: bool, keep: Keep | None
) -> Arrays:
    """Train, and return codes, parameters and the log: the complete result of the stage."""
    values = torch.from_numpy(features.values)
    history: list[tuple[int, dict[str, float]]] = []

    def log(step: int, numbers: dict[str, float]) -> None:
        history.append((step, numbers))

    tokenizer.fit(values, pairs, log=log, progress=progress, keep=keep)
    arrays = {PARAMETER_PREFIX + name: value.numpy() for name, value in tokenizer.state_dict().items()}
    arrays["codes"] = tokenizer.encode(values).numpy()
    arrays["history"] = np.frombuffer(json.dumps(history).encode(), dtype=np.uint8)
    return arrays


def _forget(kept: Path | None) -> None:
    if kept is not None:
        with suppress(OSError):  # a read-only cache
            kept.unlink(missing_ok=True)


def _parameters(fitted: Arrays) -> dict[str, torch.Tensor]:
    return {
        name.removeprefix(PARAMETER_PREFIX): torch.from_numpy(value)
        for name, value in fitted.items()
        if name.startswith(PARAMETER_PREFIX)
    }


def _pairs_description(config: Settings, pairs: ItemPairs) -> str | dict[str, str]:
    digest = array_digest(pairs.trigger, pairs.target, pairs.weight)
    return digest if config["pair_source"] == "swing" else {"source": config["pair_source"], "digest": digest}
