"""The report of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from recbole_adasid.evaluation.candidates import sampled_mode, told_of_sampled, uses_beam
from recbole_adasid.io.atomic import write_atomically
from recbole_adasid.report.content.categories import agreement_by_prefix
from recbole_adasid.report.content.curves import network_curves, tokenizer_curves
from recbole_adasid.report.content.groups import collision_groups
from recbole_adasid.report.content.left_out import LeftOut
from recbole_adasid.report.content.metrics import metric_rows, slice_table
from recbole_adasid.report.content.neighbours import neighbours
from recbole_adasid.report.content.recommendations import recommendations
from recbole_adasid.report.content.settings import what_was_run
from recbole_adasid.report.content.tree import prefix_tree
from recbole_adasid.report.content.verdict import verdict
from recbole_adasid.report.finished_run import FinishedRun
from recbole_adasid.report.view.chart import curves_chart, usage_chart
from recbole_adasid.report.view.interval_chart import intervals_svg
from recbole_adasid.report.view.page import Section, render_page, shown_sections
from recbole_adasid.tokenizer.usage import code_usage


def write_run_report(run_folder: str | Path, *, keep_fuller: bool = False) -> Path:
    """Write report.html into the folder of a finished run and return its path.

    Only the folder is read, and the same folder gives the same page.

    Args:
        run_folder: run folder.
        keep_fuller: keep the present page if it has sections that fail now.

    Raises:
        FileNotFoundError: if there is no such folder, or it is not a run's.
        ValueError: if the present page is kept.
        SettingsError: if its settings are damaged.
        CannotWrite: if the disk is full.
    """
    run = FinishedRun(run_folder)
    title = f"{run.name} on {run.dataset}"
    page = render_page(title, "Semantic IDs and the recommender trained on them", SECTIONS, run)
    path = run.folder.report_path
    if keep_fuller and path.is_file():
        present = shown_sections(path.read_text(encoding="utf-8", errors="replace"))
        if lost := [name for name in present if name not in shown_sections(page)]:
            raise ValueError(
                f"{path} was not replaced: a new page would lack its sections {', '.join(lost)}. Fix the problems "
                "named above, or remove the page to write one without them"
            )
    return write_atomically(path, page)


def _metrics(run: FinishedRun) -> dict[str, Any]:
    rows = metric_rows(run.metrics)
    if not rows:
        raise LeftOut("the run has neither validation nor test metrics")
    known = run.evaluation if (run.folder.path / "evaluation.json").is_file() else {}
    names, slices = slice_table(known)
    return {
        "rows": rows,
        "drawing": intervals_svg(rows),
        "evaluation": known,
        "sampled": run.sampled,
        "modes": "" if run.sampled == sampled_mode(run.settings, "valid") else told_of_sampled(run.settings),
        "beam": uses_beam(run.settings),
        "repeated": known.get("interactions", known.get("users")) != known.get("users"),
        "slice_metrics": names,
        "slices": slices,
    }


def _training(run: FinishedRun) -> dict[str, Any]:
    if not run.folder.history_path.is_file():
        raise LeftOut("the run has no history.json")
    main, others = tokenizer_curves(run.history)
    return {
        "tokenizer": [curves_chart(one) for one in main],
        "others": [curves_chart(one) for one in others],
        "network": [curves_chart(one) for one in network_curves(run.history)],
    }


def _usage(run: FinishedRun) -> dict[str, Any]:
    sids = run.bundle.sids
    return {"charts": [usage_chart(level) for level in code_usage(sids.codes, sids.level_sizes)]}


def _tree(run: FinishedRun) -> dict[str, Any]:
    codes = run.bundle.codes
    return {
        "tree": prefix_tree(codes, run.titles, run.categories),
        "agreement": agreement_by_prefix(codes, run.categories),
        "levels": codes.shape[1],
    }


def _groups(run: FinishedRun) -> dict[str, Any]:
    return {"groups": collision_groups(run.bundle.codes, run.titles), "collision": run.bundle.sids.collision}


def _neighbours(run: FinishedRun) -> dict[str, Any]:
    return {"items": neighbours(run)}


def _users(run: FinishedRun) -> dict[str, Any]:
    share = run.settings.get("cold_list_share")
    return {"users": recommendations(run), "sampled": run.sampled, "cold_share": share}


SECTIONS: list[Section[FinishedRun]] = [
    Section("verdict", "Verdict", "Verdict", lambda run: {"verdict": verdict(run)}),
    Section("metrics", "How good are the recommendations?", "Metrics", _metrics),
    Section("tree", "What do the codes mean?", "Codes", _tree),
    Section("usage", "Are the codewords used?", "Usage", _usage),
    Section("groups", "Which items share a Semantic ID?", "Collisions", _groups),
    Section("neighbours", "Are neighbours kept?", "Neighbours", _neighbours),
    Section("users", "What is recommended?", "Users", _users),
    Section("training", "How did training go?", "Training", _training),
    Section("settings", "What was run?", "Settings", lambda run: {"run": what_was_run(run)}),
]
"""Sections of a run's report."""
