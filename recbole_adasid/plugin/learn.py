"""Semantic IDs of a RecBole dataset, learned once for all processes of a job."""

from __future__ import annotations

import logging
from typing import Any

from recbole_adasid.distributed.world import world
from recbole_adasid.learning.pipeline import learn_semantic_ids
from recbole_adasid.learning.semantic_ids import SemanticIDs
from recbole_adasid.plugin.logs import tokenizer_log

logger = logging.getLogger(__name__)


def learn(config: Any, dataset: Any) -> SemanticIDs:
    """Return the Semantic IDs of a dataset's training part, as configured, and log their quality."""
    learned = world().from_main(lambda: _learn(config, dataset))
    stages = ", ".join(f"{stage} {how}" for stage, how in learned.stages.items())
    quality = ", ".join(f"{name} {value:.4g}" for name, value in learned.quality.items())
    logger.info(f"Semantic IDs ({stages}): {quality}")
    return learned


def _learn(config: Any, dataset: Any) -> SemanticIDs:
    with tokenizer_log(config) as log:
        return learn_semantic_ids(config, dataset.training_items(), log=log, progress=bool(config["show_progress"]))
