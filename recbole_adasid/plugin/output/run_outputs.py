"""What a run leaves in its folder: at the start, and after the test."""

from __future__ import annotations

import logging
import shutil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.data.item_labels import labels_of, write_labels
from recbole_adasid.distributed.world import world
from recbole_adasid.evaluation.candidates import told_of_sampled
from recbole_adasid.evaluation.record import Record
from recbole_adasid.evaluation.users import told_of_repeated
from recbole_adasid.features.fitted_state import write_fitted
from recbole_adasid.features.item_source import ItemContents
from recbole_adasid.learning.semantic_ids import SemanticIDs
from recbole_adasid.plugin.config.run_settings import sids_name, writable
from recbole_adasid.plugin.output.about_run import about_run
from recbole_adasid.plugin.output.earlier_run import take_over
from recbole_adasid.plugin.output.item_vectors import keep_item_vectors
from recbole_adasid.plugin.output.results import write_evaluated, write_report
from recbole_adasid.run_folder.folder import RunFolder
from recbole_adasid.run_folder.history import run_history, write_history
from recbole_adasid.run_folder.results_table import results_table

logger = logging.getLogger(__name__)


def write_beginning(folder: RunFolder, config: Any, model: Any, parts: dict[str, Any], keys: tuple[str, ...]) -> None:
    """Write what is known before TIGER is trained; ``keys`` are of states that its training resumes from."""
    items, catalogue = parts["train"].training_items(), model.tiger.catalogue
    semantic_ids = items.item_tokens(), catalogue.tokens[1:].cpu().numpy()
    take_over(folder, writable(config), semantic_ids, reads_features=model.content_width is not None, keys=keys)
    _write_sids(folder, model, items)
    _write_labels(folder, config, items)
    n_parameters = sum(p.numel() for p in model.parameters())
    ranks = f", {world().size} processes" if world().size > 1 else ""
    logger.info(f"{config['model']}: {n_parameters:,} parameters on {config['device']}{ranks}")
    folder.write_about(about_run(config, parts, n_parameters, model.semantic_ids.description["features"]))


def write_results(
    folder: RunFolder,
    config: Any,
    model: Any,
    trainer: Any,
    parts: dict[str, Any],
    metrics: dict[str, dict[str, float]],
    record: Record,
) -> None:
    """Write and log the results; the saved training state is no longer needed."""
    title = f"Test of {sids_name(config)} on {config['dataset']}"
    records = {"best_valid": trainer.best_valid_record, "test": record}
    results, popularity = write_evaluated(folder, title, parts, metrics, records, _group_sizes(model))
    write_history(
        folder.history_path, run_history(model.semantic_ids.history, trainer.train_loss_dict, trainer.valid_results)
    )
    folder.training_path.unlink(missing_ok=True)
    keep_item_vectors(folder.path, model, parts["train"].training_items(), config["model"])
    about_test = [told_of_sampled({"eval_args": config["eval_args"]}), told_of_repeated(record)]
    _finish(folder, model, results, about_test)
    if config["report"]:
        write_report(folder, config, model.semantic_ids, parts["test"], record, popularity)


def _group_sizes(model: Any) -> NDArray[np.int64]:
    """Return how many items share each one's Semantic ID, [N + 1]; none for padding."""
    codes = model.tiger.catalogue.semantic_ids[1:].cpu().numpy()
    _, group, sizes = np.unique(codes, axis=0, return_inverse=True, return_counts=True)
    return np.r_[0, sizes[group.reshape(-1)]]


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
    remove_earlier(folder)
    if learned.tokenizer is not None:
        learned.tokenizer.save(folder.tokenizer_path, learned.tokenizer_description or learned.description)
        if learned.fitted:
            write_fitted(folder.fitted_path, learned.fitted)
    _write_reserved(folder, learned)
    folder.write_sids(
        items.item_tokens(), catalogue.tokens[1:].cpu().numpy(), level_sizes=catalogue.level_sizes, info=info
    )


def remove_earlier(folder: RunFolder) -> None:
    """Remove what an earlier run in this folder encoded new items with: it may not fit this run's Semantic IDs."""
    shutil.rmtree(folder.tokenizer_path, ignore_errors=True)
    for path in (folder.fitted_path, folder.reserved_path):
        path.unlink(missing_ok=True)


def _write_reserved(folder: RunFolder, learned: SemanticIDs) -> None:
    if learned.reserved is not None:
        folder.write_reserved(learned.reserved.tokens, learned.reserved.sequences)


def _write_labels(folder: RunFolder, config: Any, items: ItemContents) -> None:
    try:
        table = items.item_table()
    except ValueError as error:  # a table used only for labels
        logger.warning("items.json has no titles: %s", error)
        table = None
    tokens, fields = items.item_tokens(), {key: config[key] for key in ("title_field", "category_field")}
    write_labels(folder.labels_path, tokens, labels_of(table, tokens, **fields))


def _finish(folder: RunFolder, model: Any, results: dict[str, Any], about_test: list[str]) -> None:
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
    for about in filter(None, about_test):
        logger.info(about)
    logger.info(f"Settings, Semantic IDs, metrics and model are in {folder.path}")
