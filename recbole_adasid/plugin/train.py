"""The main job end to end: dataset, Semantic IDs, model, training, test, and run folder."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from recbole_adasid.distributed.world import world
from recbole_adasid.io.digests import array_digest
from recbole_adasid.plugin.config.run_settings import training_key, writable
from recbole_adasid.plugin.learn import learn
from recbole_adasid.plugin.logs import write_metrics
from recbole_adasid.plugin.output.earlier_run import write_first_settings
from recbole_adasid.plugin.output.run_outputs import write_beginning, write_results
from recbole_adasid.plugin.peers.names import own_class
from recbole_adasid.run_folder.folder import RunFolder
from recbole_adasid.run_folder.model_file import tokens_digest

logger = logging.getLogger(__name__)


def train(config: Any, path: Path) -> dict[str, Any]:
    """Train and test TIGER or LIGER on a dataset, and write the results to the run folder at ``path``.

    Returns:
        See :func:`~recbole_adasid.plugin.run.run`.
    """
    from recbole.data import data_preparation
    from recbole.utils import init_seed

    from recbole_adasid.plugin.trainer import TIGERTrainer

    show_progress = bool(config["show_progress"])
    init_seed(config["seed"], config["reproducibility"])
    dataset = _dataset(config, path)
    loaders = dict(zip(("train", "valid", "test"), data_preparation(config, dataset)))
    parts = {name: loader._dataset for name, loader in loaders.items()}
    interactions = _agreed_interactions(parts["train"].training_items())

    semantic_ids = learn(config, parts["train"])
    model = own_class(config["model"])(config, parts["train"], semantic_ids).to(config["device"])

    trainer = TIGERTrainer(config, model)
    trainer.check_before_training()
    keys = _keys(config, semantic_ids.fingerprint, interactions, parts)
    world().require_same("settings", lambda: keys[0])
    world().from_main(lambda: write_beginning(RunFolder(path), config, model, parts, keys))
    trainer.keep_training(RunFolder(path).training_path, keys)
    results = {
        "best_valid": trainer.fit(loaders["train"], loaders["valid"], show_progress=show_progress)[1] or {},
        "test": trainer.evaluate(loaders["test"], show_progress=show_progress) or {},
    }
    write_metrics(trainer.tensorboard, "test", results["test"], max(trainer.train_loss_dict, default=0))
    record = trainer.record.take()  # empty without a test, or if a list has several held-out items
    world().from_main(lambda: write_results(RunFolder(path), config, model, trainer, parts, results, record))
    return {**results, "run_folder": path, "semantic_ids": semantic_ids}


def _dataset(config: Any, path: Path) -> Any:
    from recbole.data import create_dataset

    dataset = create_dataset(config)
    # For a dataset made just now, the default columns are only known from here on.
    world().from_main(lambda: write_first_settings(RunFolder(path), writable(config)))
    logger.info(dataset)
    return dataset


def _keys(config: Any, semantic_ids: str, interactions: str, parts: Mapping[str, Any]) -> tuple[str, str]:
    """Return the key of this training, and that of earlier versions, without what epochs are compared on."""
    validated = training_key(config, semantic_ids, interactions, validation_digest(config, parts))
    return validated, training_key(config, semantic_ids, interactions)


def validation_digest(config: Any, parts: Mapping[str, Any]) -> str:
    """Return the digest of what epochs are compared on: the users and items of the validation and, if these decide how
    often candidates are drawn, of the test.
    """
    by_popularity = config["eval_args"]["mode"]["valid"].startswith("pop")
    used = [parts[name].inter_feat for name in ("valid", "test")[: 1 + by_popularity]]
    fields = parts["valid"].uid_field, parts["valid"].iid_field
    return array_digest(*(rows[field].numpy() for rows in used for field in fields))


def _agreed_interactions(items: Any) -> str:
    """Return the digest of the training interactions, after checking that all processes of the job agree on it."""
    interactions = items.training_interactions().digest()
    world().require_same("data", lambda: [tokens_digest([items.item_tokens()]), interactions])
    return interactions
