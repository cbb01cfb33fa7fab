"""A run's results in addition to the metrics, and its report."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from recbole.utils import ModelType

from recbole_adasid.evaluation.breakdown import COLD, WARM, breakdown
from recbole_adasid.evaluation.candidates import sampled_mode, uses_beam
from recbole_adasid.evaluation.metric_intervals import bootstrap_intervals, mean_gains, told_by_ranks
from recbole_adasid.evaluation.popularity import popularity_ranks
from recbole_adasid.evaluation.record import Record
from recbole_adasid.learning.semantic_ids import SemanticIDs
from recbole_adasid.plugin.output.held_out import earlier_interactions, example_rows
from recbole_adasid.plugin.output.shown_examples import item_examples, user_examples
from recbole_adasid.report import warn_on_failure
from recbole_adasid.run_folder.folder import RunFolder

_USERS_AT_ONCE = 50_000


def write_evaluated(
    folder: RunFolder,
    title: str,
    parts: dict[str, Any],
    metrics: dict[str, dict[str, float]],
    records: dict[str, Record],
    group_sizes: NDArray[np.int64] | None,
) -> tuple[dict[str, Any], NDArray[np.int64]]:
    """Write the test's ranks and breakdown; return all results, and how often training has each item [N + 1].

    ``metrics`` and ``records`` are of ``best_valid`` and ``test``; a record is empty without a test, or if a list has
    several held-out items. ``group_sizes`` is that of :func:`~recbole_adasid.evaluation.breakdown.breakdown`.
    """
    results: dict[str, Any] = dict(metrics)
    interactions = parts["train"].training_items().training_interactions()
    popularity = np.r_[0, interactions.counts(parts["train"].item_num - 1)]
    for name in ("best_valid", "test"):
        record, told = records[name], told_by_ranks(results[name])
        results |= judged(name, record, results[name])
        found = breakdown(record, group_sizes, popularity, told) if record else {}
        results |= by_training(name, found)
    if record:
        folder.write_record(record)
        settings = {key: parts["test"].config[key] for key in ("model", "retrieval", "eval_args")}
        folder.write_evaluation(found, title, sampled=sampled_mode(settings), beam=uses_beam(settings))
        results["test_by_popularity"] = by_popularity(parts["test"], record, popularity, told)
    return results, popularity


def judged(name: str, record: Record, metrics: dict[str, float]) -> dict[str, Any]:
    """Return the intervals of a part's metrics, and the metrics if a hit on the Semantic ID counted; empty if items
    have no Semantic IDs.
    """
    known = told_by_ranks(metrics) if record else []
    return {
        f"{name}_intervals": bootstrap_intervals(record["rank"], known, users=record["user"]) if record else {},
        f"{name}_by_semantic_ids": mean_gains(record["sid_rank"], known) if "sid_rank" in record else {},
    }


def by_training(name: str, found: dict[str, Any]) -> dict[str, Any]:
    """Return a part's metrics and their intervals for items never trained on (``cold``) and for the others.

    Args:
        name: name of the part.
        found: its :func:`~recbole_adasid.evaluation.breakdown.breakdown`, or empty.
    """
    slices = {"cold": COLD, "warm": WARM} if found else {}
    return {
        f"{name}_slices": {short: found["slices"][whole] for short, whole in slices.items()},
        f"{name}_slice_intervals": {short: found["intervals"][whole] for short, whole in slices.items()},
    }


def by_popularity(part: Any, record: Record, popularity: NDArray[np.int64], metrics: list[str]) -> dict[str, float]:
    """Return the score of recommending the most popular items; empty if only sampled items are ranked."""
    if part.config["eval_args"]["mode"]["test"] != "full":
        return {}
    examples, ranks = example_rows(part, record), []
    for start in range(0, len(examples), _USERS_AT_ONCE):
        some = slice(start, start + _USERS_AT_ONCE)
        had = _not_recommended(part, examples[some], record["item"][some])
        ranks.append(popularity_ranks(record["item"][some], popularity, *had))
    return mean_gains(np.concatenate(ranks), metrics)


def _not_recommended(
    part: Any, examples: NDArray[np.int64], held_out: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return rows of examples and items that evaluation keeps from their lists: those seen before, or none.

    Sequential models leave out what they read, with `eval_exclude_seen`; RecBole keeps all earlier items but the
    held-out one from the lists of its other models, unless `repeatable` is set.
    """
    config = part.config
    if config["eval_exclude_seen"]:
        return earlier_interactions(part, examples, config["MAX_ITEM_LIST_LENGTH"])
    if config["MODEL_TYPE"] != ModelType.SEQUENTIAL and not config["repeatable"]:
        rows, items = earlier_interactions(part, examples)
        other = items != held_out[rows]
        return rows[other], items[other]
    return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)


def write_report(
    folder: RunFolder, config: Any, learned: SemanticIDs, part: Any, record: Record, popularity: NDArray[np.int64]
) -> None:
    """Write the report and its examples."""
    with warn_on_failure("The run"):
        from recbole_adasid.report.run_report import write_run_report

        tokens = [str(token) for token in part.field2id_token[part.iid_field][1:]]
        items = item_examples(learned.near, popularity[1:], tokens)
        users = user_examples(part, record, config["MAX_ITEM_LIST_LENGTH"]) if record else []
        folder.write_examples({"items": items, "users": users})
        write_run_report(folder.path)
