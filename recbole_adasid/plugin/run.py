"""The main job, from settings to a run folder: Semantic IDs, TIGER, and RecBole's metrics."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.data.item_labels import labels_of, write_labels
from recbole_adasid.distributed.joining import joined
from recbole_adasid.distributed.world import world
from recbole_adasid.evaluation.breakdown import breakdown
from recbole_adasid.evaluation.intervals import told_by_ranks
from recbole_adasid.evaluation.record import Record
from recbole_adasid.features.item_features import ItemContents, write_fitted
from recbole_adasid.plugin.about_run import about_run
from recbole_adasid.plugin.config import build_config
from recbole_adasid.plugin.item_vectors import keep_item_vectors
from recbole_adasid.plugin.logs import silence, start_logging, stop_logging
from recbole_adasid.plugin.peers.names import is_tiger, own_class
from recbole_adasid.plugin.peers.run import run_peer
from recbole_adasid.plugin.results import by_popularity, by_training, judged, write_report
from recbole_adasid.plugin.run_settings import run_folder, sids_name, training_key, writable
from recbole_adasid.run_folder.folder import RunFolder
from recbole_adasid.run_folder.history import run_history, write_history
from recbole_adasid.run_folder.model_file import tokens_digest
from recbole_adasid.run_folder.results_table import results_table
from recbole_adasid.settings.errors import SettingsError
from recbole_adasid.settings.reading import Paths

logger = logging.getLogger(__name__)

UNFINISHED = "training.safetensors"
"""Within the run folder: TIGER's training between two epochs, until the run ends."""


def run(settings: Mapping[str, Any], config_files: Paths = ()) -> dict[str, Any]:
    """Do the whole job: learn Semantic IDs, train TIGER on them, test the best epoch, write the run folder.

    With another `model` of RecBole that one is trained and tested on the same data, without Semantic IDs.
    Several processes that torchrun started do it together; rank 0 writes, and all return the same.

    Args:
        settings: keys of `props/` and of RecBole, such as `dataset`, `tokenizer`, `epochs`.
        config_files: YAML files of settings, or one; `settings` win over them.

    Returns:
        `best_valid` and `test` (metric → value), `run_folder` (Path) and `semantic_ids` (what was learned, or None).

    Raises:
        SettingsError: for a setting or a dataset that has to be put right.
        InUse: if another process works in the same run folder.
        CannotWrite: if the disk takes no more; what was written before is intact.
        PeerFailed: if another process of the job failed.
    """
    with joined():
        config = build_config(settings, config_files, peers=True)
        _refuse_what_is_not_done(config)
        run_model = _run if is_tiger(config) else run_peer
        path = world().from_main(lambda: run_folder(config))
        config["run_folder"] = config["checkpoint_dir"] = str(path)
        if world().is_main:
            with _at_work(RunFolder(path), config):
                return run_model(config, path)
        config["checkpoint_dir"] = "."  # RecBole makes it, though only rank 0 saves anything
        with silence():
            return _run(config, path)


def _refuse_what_is_not_done(config: Any) -> None:
    if "checkpoint_dir" in config.external_config_dict:
        raise SettingsError(
            "checkpoint_dir is where RecBole's own command keeps models; here the model is in the run folder: set "
            "run_folder or run_root instead."
        )
    if world().size > 1 and not is_tiger(config):
        raise SettingsError(f"{config['model']} is trained by RecBole in one process: leave nproc and torchrun out.")


@contextmanager
def _at_work(folder: RunFolder, config: Any) -> Iterator[None]:
    """Keep others out of the run folder, and a log in it, for the length of the block."""
    with folder.in_use():
        log_file = start_logging(folder.path, config["state"])
        try:
            logger.info(f"Run folder: {folder.path}")
            folder.write_config(writable(config))
            yield
        except KeyboardInterrupt:
            how = "goes on from the last step or epoch kept" if is_tiger(config) else "starts anew"
            logger.info(f"Stopped. The same command with --run_folder={folder.path} {how}.")
            raise
        except BaseException:
            # The caller tells the user; where it happened belongs into the log alone.
            log_file.handle(logging.makeLogRecord({"levelname": "ERROR", "msg": traceback.format_exc()}))
            raise
        finally:
            stop_logging()


def _run(config: Any, path: Path) -> dict[str, Any]:
    from recbole.data import create_dataset, data_preparation
    from recbole.utils import init_seed

    from recbole_adasid.plugin.trainer import TIGERTrainer

    init_seed(config["seed"], config["reproducibility"])
    dataset = create_dataset(config)
    # Of a dataset that was made just now, the columns that the defaults name are known only since.
    world().from_main(lambda: RunFolder(path).write_config(writable(config)))
    logger.info(dataset)
    train_data, valid_data, test_data = data_preparation(config, dataset)
    loaders = {"train": train_data, "valid": valid_data, "test": test_data}
    parts = {name: loader._dataset for name, loader in loaders.items()}
    items = parts["train"].training_items()
    world().require_same("data", lambda: [tokens_digest([items.item_tokens()]), items.training_interactions().digest()])

    model = own_class(config["model"])(config, parts["train"]).to(config["device"])
    world().from_main(lambda: _write_beginning(RunFolder(path), config, model, parts))

    trainer = TIGERTrainer(config, model)
    key = training_key(config, model.semantic_ids.fingerprint, items.training_interactions().digest())
    world().require_same("settings", lambda: key)
    trainer.keep_training(path / UNFINISHED, key)
    show_progress = bool(config["show_progress"])
    best_valid = trainer.fit(train_data, valid_data, show_progress=show_progress)[1] or {}
    test: dict[str, float] = trainer.evaluate(test_data, show_progress=show_progress) or {}
    record = trainer.record.take()  # empty unless exactly one item a user is held out
    results = {"best_valid": best_valid, "test": test}
    world().from_main(lambda: _write_results(RunFolder(path), config, model, trainer, parts, results, record))
    return {**results, "run_folder": path, "semantic_ids": model.semantic_ids}


def _write_beginning(folder: RunFolder, config: Any, model: Any, parts: dict[str, Any]) -> None:
    """Write what is known before TIGER is trained."""
    items = parts["train"].training_items()
    _write_sids(folder, model, items)
    _write_labels(folder, config, items)
    n_parameters = sum(p.numel() for p in model.parameters())
    ranks = f", {world().size} processes" if world().size > 1 else ""
    logger.info(f"{config['model']}: {n_parameters:,} parameters on {config['device']}{ranks}")
    folder.write_about(about_run(config, parts, n_parameters, model.semantic_ids.description["features"]))


def _write_results(
    folder: RunFolder,
    config: Any,
    model: Any,
    trainer: Any,
    parts: dict[str, Any],
    metrics: dict[str, dict[str, float]],
    record: Record,
) -> None:
    """Write and log what came out; the training that could be gone on from is not needed any more."""
    results: dict[str, Any] = dict(metrics)
    interactions = parts["train"].training_items().training_interactions()
    popularity = np.r_[0, interactions.counts(parts["train"].item_num - 1)]
    for name, ranks in (("best_valid", trainer.best_valid_record), ("test", record)):
        results |= judged(name, ranks, results[name])
        found = _breakdown(ranks, model, popularity, told_by_ranks(results[name])) if ranks else {}
        results |= by_training(name, found)
    if record:
        folder.write_record(record)
        folder.write_evaluation(found, f"Test of {sids_name(config)} on {config['dataset']}")
        told = told_by_ranks(results["test"])
        results["test_by_popularity"] = by_popularity(parts["test"], record, popularity, told)
    write_history(
        folder.history_path, run_history(model.semantic_ids.history, trainer.train_loss_dict, trainer.valid_results)
    )
    (folder.path / UNFINISHED).unlink(missing_ok=True)
    keep_item_vectors(folder.path, model, parts["train"].training_items(), config["model"])
    _finish(folder, model, results)
    if config["report"]:
        write_report(folder, config, model.semantic_ids, parts["test"], record, popularity)


def _breakdown(record: Record, model: Any, popularity: NDArray[np.int64], metrics: list[str]) -> dict[str, Any]:
    codes = model.tiger.catalogue.semantic_ids[1:].cpu().numpy()
    _, group, sizes = np.unique(codes, axis=0, return_inverse=True, return_counts=True)
    return breakdown(record, np.r_[0, sizes[group.reshape(-1)]], popularity, metrics)


def _write_sids(folder: RunFolder, model: Any, items: Any) -> None:
    learned, catalogue = model.semantic_ids, model.tiger.catalogue
    info = {
        "fingerprint": learned.fingerprint,
        "collision": catalogue.collision,
        "quality": learned.quality,
        "training_interactions": items.training_interactions().digest(),
        "given": learned.description.get("given"),
        "cold_items": None if items.cold is None else int(items.cold.sum()),
    }
    if learned.tokenizer is not None:
        learned.tokenizer.save(folder.tokenizer_path, learned.description)
        if learned.fitted:
            write_fitted(folder.fitted_path, learned.fitted)
    folder.write_sids(
        items.item_tokens(), catalogue.tokens[1:].cpu().numpy(), level_sizes=catalogue.level_sizes, info=info
    )


def _write_labels(folder: RunFolder, config: Any, items: ItemContents) -> None:
    try:
        table = items.item_table()
    except ValueError as error:  # a table that nothing but the labels is taken from
        logger.warning("items.json has no titles: %s", error)
        table = None
    tokens, fields = items.item_tokens(), {key: config[key] for key in ("title_field", "category_field")}
    write_labels(folder.labels_path, tokens, labels_of(table, tokens, **fields))


def _finish(folder: RunFolder, model: Any, results: dict[str, Any]) -> None:
    learned, best_valid, test = model.semantic_ids, results["best_valid"], results["test"]
    folder.write_metrics({**results, "semantic_ids": learned.quality, "stages": learned.stages})
    apart = {
        f"{name} {part}": found
        for part, key in (("valid", "best_valid_slices"), ("test", "test_slices"))
        for name, found in results.get(key, {}).items()
    }
    shown = apart if learned.description.get("cold") else None
    table = results_table(best_valid, test, results["test_intervals"], results["test_by_semantic_ids"], shown)
    logger.info("Result\n" + table)
    logger.info(f"Settings, Semantic IDs, metrics and model are in {folder.path}")
