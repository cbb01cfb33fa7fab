"""The main job for RecBole's other recommenders: trained, tested and saved like TIGER."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from recbole_adasid.compute.out_of_memory import is_out_of_memory
from recbole_adasid.evaluation.candidates import told_of_sampled
from recbole_adasid.evaluation.users import told_of_repeated
from recbole_adasid.io.atomic import CannotWrite
from recbole_adasid.io.one_line import typed_line
from recbole_adasid.plugin.config.run_settings import writable
from recbole_adasid.plugin.logs import write_metrics
from recbole_adasid.plugin.output.about_run import about_run
from recbole_adasid.plugin.output.earlier_run import take_over
from recbole_adasid.plugin.output.item_vectors import keep_item_vectors
from recbole_adasid.plugin.output.results import write_evaluated
from recbole_adasid.plugin.saved_data import refuse_saved_data
from recbole_adasid.run_folder.folder import RunFolder
from recbole_adasid.run_folder.history import run_history, write_history
from recbole_adasid.run_folder.results_table import results_table
from recbole_adasid.settings.errors import SettingsError

logger = logging.getLogger(__name__)


def run_peer(config: Any, path: Path) -> dict[str, Any]:
    """Train and test the model that a Config names, and write its run folder.

    Args:
        config: of :func:`~recbole_adasid.plugin.config.building.build_config` with `peers`.
        path: run folder.

    Returns:
        `best_valid` and `test` (metric → value), `run_folder`, and None as `semantic_ids`.

    Raises:
        SettingsError: for an invalid dataset or setting.
    """
    from recbole.utils import init_seed

    from recbole_adasid.plugin.peers.loaders import PHASES, load_parts
    from recbole_adasid.plugin.peers.names import peer_class
    from recbole_adasid.plugin.peers.trainer import peer_trainer

    refuse_saved_data(config)
    init_seed(config["seed"], config["reproducibility"])
    train, valid, test = loaders = load_parts(config)
    parts = {name: loader._dataset for name, loader in zip(PHASES, loaders)}
    with _told(config["model"], "cannot be built with these settings on this dataset"):
        init_seed(config["seed"] + config["local_rank"], config["reproducibility"])
        model = peer_class(config["model"])(config, parts["train"]).to(config["device"])
    n_parameters = sum(p.numel() for p in model.parameters())
    logger.info(f"{config['model']}: {n_parameters:,} parameters on {config['device']}")
    trainer, show_progress = peer_trainer(config, model), bool(config["show_progress"])
    folder = RunFolder(path)
    take_over(folder, writable(config))
    folder.write_about(about_run(config, parts, n_parameters))

    with _told(config["model"], "failed with these settings on this dataset"):
        best_valid = trainer.fit(train, valid, show_progress=show_progress)[1] or {}
        found = {"best_valid": best_valid, "test": trainer.evaluate(test, show_progress=show_progress) or {}}
    write_metrics(trainer.tensorboard, "test", found["test"], max(trainer.train_loss_dict, default=0))
    _write(folder, config, trainer, parts, {name: dict(metrics) for name, metrics in found.items()})
    return {**found, "run_folder": path, "semantic_ids": None}


@contextmanager
def _told(model: str, what: str) -> Iterator[None]:
    """Turn a RecBole model's failure within into one sentence: its own settings were not checked.

    Raises:
        SettingsError: for anything but a shortage of memory or disk.
    """
    try:
        yield
    except (CannotWrite, FloatingPointError, SettingsError):
        raise
    except (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        if is_out_of_memory(error):
            raise
        raise SettingsError(f"RecBole's {model} {what} ({typed_line(error)}).") from error


def _write(
    folder: RunFolder, config: Any, trainer: Any, parts: dict[str, Any], metrics: dict[str, dict[str, float]]
) -> None:
    """Write and log the results: the same files as TIGER's, without those about Semantic IDs."""
    title = f"Test of {config['model']} on {config['dataset']}"
    record = trainer.record.take()  # empty without a test, or if a list has several held-out items
    records = {"best_valid": trainer.best_valid_record, "test": record}
    results, _ = write_evaluated(folder, title, parts, metrics, records, None)
    keep_item_vectors(folder.path, trainer.model, parts["train"].training_items(), config["model"])
    write_history(folder.history_path, run_history([], trainer.train_loss_dict, trainer.valid_results))
    folder.write_metrics(results)
    logger.info("Result\n" + results_table(results["best_valid"], results["test"], results["test_intervals"]))
    for about in filter(None, [told_of_sampled({"eval_args": config["eval_args"]}), told_of_repeated(record)]):
        logger.info(about)
    logger.info(f"Settings, metrics and model are in {folder.path}")
