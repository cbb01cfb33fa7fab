"""The main job, from settings to a run folder: Semantic IDs, TIGER, and RecBole's metrics."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.artefacts import RunFolder, results_table
from recbole_adasid.cache import array_digest, fingerprint
from recbole_adasid.evaluation.breakdown import breakdown
from recbole_adasid.evaluation.intervals import told_by_ranks
from recbole_adasid.evaluation.record import Record
from recbole_adasid.history import run_history, write_history
from recbole_adasid.host.about_run import about_run
from recbole_adasid.host.checkpoint import to_plain
from recbole_adasid.host.config import build_config, known_settings
from recbole_adasid.host.logs import start_logging, stop_logging
from recbole_adasid.host.results import by_popularity, by_training, judged, write_report
from recbole_adasid.item_features import ItemContents, write_fitted
from recbole_adasid.item_labels import labels_of, write_labels

logger = logging.getLogger(__name__)


def run(settings: Mapping[str, Any], config_files: Iterable[str | Path] = ()) -> dict[str, Any]:
    """Do the whole job: learn Semantic IDs, train TIGER on them, test the best epoch, write the run folder.

    Args:
        settings: keys of `props/` and of RecBole, such as `dataset`, `tokenizer`, `epochs`.
        config_files: YAML files of settings; `settings` win over them.

    Returns:
        `best_valid` and `test` (metric → value), `run_folder` (Path) and `semantic_ids` (what was learned).

    Raises:
        SettingsError: for a setting or a dataset that has to be put right.
        InUse: if another process works in the same run folder.
        CannotWrite: if the disk takes no more; what was written before is intact.
    """
    config = build_config(settings, config_files)
    folder = RunFolder(config["run_folder"] or _new_folder(config))
    config["run_folder"] = config["checkpoint_dir"] = str(folder.path)
    with folder.in_use():
        log_file = start_logging(folder.path, config["state"])
        try:
            return _run(config, folder)
        except KeyboardInterrupt:
            logger.info(
                f"Stopped. The same command with --run_folder={folder.path} goes on from the last step or epoch kept."
            )
            raise
        except BaseException:
            # The caller tells the user; where it happened belongs into the log alone.
            log_file.handle(logging.makeLogRecord({"levelname": "ERROR", "msg": traceback.format_exc()}))
            raise
        finally:
            stop_logging()


def _run(config: Any, folder: RunFolder) -> dict[str, Any]:
    from recbole.data import create_dataset, data_preparation
    from recbole.utils import init_seed

    from recbole_adasid.host.recommender import TIGER
    from recbole_adasid.host.trainer import TIGERTrainer

    logger.info(f"Run folder: {folder.path}")
    folder.write_config(_writable(config))
    init_seed(config["seed"], config["reproducibility"])
    dataset = create_dataset(config)
    logger.info(dataset)
    train_data, valid_data, test_data = data_preparation(config, dataset)
    loaders = {"train": train_data, "valid": valid_data, "test": test_data}
    parts = {name: loader._dataset for name, loader in loaders.items()}

    model = TIGER(config, parts["train"]).to(config["device"])
    _write_sids(folder, model, parts["train"])
    _write_labels(folder, config, parts["train"].training_items())
    n_parameters = sum(p.numel() for p in model.parameters())
    logger.info(f"TIGER: {n_parameters:,} parameters on {config['device']}")
    folder.write_about(about_run(config, parts, n_parameters))

    trainer = TIGERTrainer(config, model)
    unfinished = folder.path / "training.safetensors"
    trainer.keep_training(unfinished, _training_key(config, model.semantic_ids.fingerprint))
    show_progress = bool(config["show_progress"])
    _, best_valid = trainer.fit(train_data, valid_data, show_progress=show_progress)
    test = trainer.evaluate(test_data, show_progress=show_progress)
    record = trainer.record.take()  # empty unless exactly one item a user is held out
    results: dict[str, Any] = {"best_valid": best_valid or {}, "test": test or {}}
    _, item_rows = parts["train"].training_items().training_interactions()
    popularity = np.bincount(item_rows + 1, minlength=parts["train"].item_num)
    for name, ranks in (("best_valid", trainer.best_valid_record), ("test", record)):
        results |= judged(name, ranks, results[name])
        found = _breakdown(ranks, model, popularity, told_by_ranks(results[name])) if ranks else {}
        results |= by_training(name, found)
    if record:
        folder.write_record(record)
        folder.write_evaluation(found, f"Test of {_sids_name(config)} on {config['dataset']}")
        metrics = told_by_ranks(results["test"])
        results["test_by_popularity"] = by_popularity(parts["test"], record, popularity, metrics)
    write_history(
        folder.history_path, run_history(model.semantic_ids.history, trainer.train_loss_dict, trainer.valid_results)
    )
    unfinished.unlink(missing_ok=True)
    done = _finish(folder, model, results)
    if config["report"]:
        write_report(folder, config, model.semantic_ids, parts["test"], record, popularity)
    return done


def _breakdown(record: Record, model: Any, popularity: NDArray[np.int64], metrics: list[str]) -> dict[str, Any]:
    codes = model.tiger.catalogue.semantic_ids[1:].cpu().numpy()
    _, group, sizes = np.unique(codes, axis=0, return_inverse=True, return_counts=True)
    return breakdown(record, np.r_[0, sizes[group.reshape(-1)]], popularity, metrics)


def _write_sids(folder: RunFolder, model: Any, dataset: Any) -> None:
    learned, catalogue = model.semantic_ids, model.tiger.catalogue
    items = dataset.training_items()
    info = {
        "fingerprint": learned.fingerprint,
        "collision": catalogue.collision,
        "quality": learned.quality,
        "training_interactions": array_digest(*items.training_interactions()),
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


def _finish(folder: RunFolder, model: Any, results: dict[str, Any]) -> dict[str, Any]:
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
    return {"best_valid": best_valid, "test": test, "run_folder": folder.path, "semantic_ids": learned}


def _training_key(config: Any, semantic_ids: str) -> str:
    """Return the fingerprint of what training depends on: settings but for places and display, and Semantic IDs."""
    elsewhere = {"data_path", "run_root", "cache_dir", "gpu_id", "show_progress", "state", "log_wandb", "download"}
    elsewhere |= {"reviews_url", "reviews_sha256", "metadata_url", "metadata_sha256"}
    elsewhere |= {"interactions_table", "items_table", "interactions_columns", "items_columns", "table_time_unit"}
    elsewhere |= {"title_field", "category_field", "sids_file", "report"}
    settings = {key: to_plain(value) for key, value in _writable(config).items() if key not in elsewhere}
    return fingerprint({"settings": settings, "semantic_ids": semantic_ids, "dataset": str(config["dataset"])})


def _sids_name(config: Any) -> str:
    """Return what the Semantic IDs are called: by the tokenizer, or by the bundle they are taken from."""
    return Path(config["sids_file"]).resolve().name if config["sids_file"] else config["tokenizer"]


def _new_folder(config: Any) -> Path:
    name = f"{config['dataset']}-{_sids_name(config)}-{datetime.now():%Y%m%d-%H%M%S}"
    wanted = Path(config["run_root"]) / name
    others = (wanted.with_name(f"{name}-{number}") for number in range(2, 1000))
    return wanted if not wanted.exists() else next(path for path in others if not path.exists())


def _writable(config: Any) -> dict[str, Any]:
    """Return the settings that a later run can be given: without what RecBole derives from them."""
    derived = {"run_folder", "checkpoint_dir", "data_path", "valid_metric_bigger", "local_rank"}
    kept = known_settings() - derived
    settings = {key: value for key, value in config.final_config_dict.items() if key in kept}
    # RecBole spells "no negatives" in a way that it would not accept itself.
    settings["train_neg_sample_args"] = None
    if config["sids_file"]:
        settings["sids_file"] = str(Path(config["sids_file"]).resolve())
    return {**settings, "data_path": str(Path(config["data_path"]).resolve().parent)}
