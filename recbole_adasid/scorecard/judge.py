"""Evaluate one tokenizer: learn its Semantic IDs and compute every figure of the scorecard."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.data.training_examples import Examples
from recbole_adasid.features.item_source import ItemSource
from recbole_adasid.io.digests import fingerprint
from recbole_adasid.learning.pipeline import learn_semantic_ids, semantic_ids_fingerprint
from recbole_adasid.scorecard.proxy import ProxySettings, proxy_metrics
from recbole_adasid.settings.lookup import Settings
from recbole_adasid.tokenizer.quality import landscape


def cell_fingerprint(
    config: Settings, items: ItemSource, train: Examples, valid: Examples, proxy: ProxySettings
) -> str:
    """Return the fingerprint of everything that determines the result of :func:`judge`, which takes the same."""
    examples = {"train": train.digest(), "valid": valid.digest()}
    semantic_ids = semantic_ids_fingerprint(config, items)
    return fingerprint({"semantic_ids": semantic_ids, "examples": examples, "proxy": asdict(proxy)})


def judge(
    config: Settings, items: ItemSource, train: Examples, valid: Examples, proxy: ProxySettings
) -> tuple[NDArray[np.int64], dict[str, float]]:
    """Return codes [N, L] and the figures, by name: quality, agreement, landscape and proxy.

    Args:
        config: settings of one tokenizer and seed.
        items: the data it may learn from.
        train, valid: examples for the proxy.
        proxy: its size and budget.
    """
    learned = learn_semantic_ids(config, items, progress=bool(config["show_progress"]))
    figures = {**learned.quality, **landscape(learned.codes, learned.codebook_sizes)}
    seed = config["seed"]
    figures |= proxy_metrics(learned.codes, learned.codebook_sizes, train, valid, seed=seed, settings=proxy)
    return learned.codes, figures
