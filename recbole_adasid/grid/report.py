"""From the finished cells of a grid to the paper's Tables 2 and 4 and Figure 4, next to the paper's values."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from recbole_adasid.grid.figures import draw_choices, draw_progress
from recbole_adasid.grid.order import order_table
from recbole_adasid.grid.overall import overall
from recbole_adasid.grid.pace import pace_table
from recbole_adasid.grid.paired_tables import paired_recommenders, paired_test
from recbole_adasid.grid.published import PAPER, published_table, why_left_out
from recbole_adasid.grid.records import (
    COMPARED,
    IN_TABLES,
    METRICS,
    PAPER_METRICS,
    TABLES,
    TEST,
    VALID,
    command_of,
    finished_cells,
    given_before,
    is_choice,
    is_cold,
    mean_valid,
    model_of,
    own_label,
    setting_of,
    told_apart,
)
from recbole_adasid.io.array_file import read_arrays
from recbole_adasid.io.markdown import table as markdown_table
from recbole_adasid.model.names import TIGER
from recbole_adasid.plugin.registration import OURS

EARLIER = ", earlier data or settings files"
SLICES, SLICE_METRICS = ("cold", "warm"), ("recall@5", "recall@10", "ndcg@10")


def write_report(out: Path, against: str | None = None) -> None:
    """Write README.md and the figures of choices.

    Args:
        out: the grid's folder.
        against: the cell that others are compared with; None: AdaSID, or the best on validation where there is none.
    """
    parts = ["# TIGER and LIGER on Semantic IDs", "Written by `recbole-adasid grid`."]
    sections = {setting: told_apart(records) for setting, records in by_setting(finished_cells(out)).items()}
    parts += overall(out, [r for setting, records in sections.items() if EARLIER not in setting for r in records])
    for setting, records in sections.items():
        parts += section(out, setting, records, against)
    (out / "README.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def by_setting(records: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return the records by the setting that they share, those of earlier data or settings files apart."""
    found: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        found.setdefault(setting_of(record) + EARLIER * given_before(record, records), []).append(record)
    return found


def section(out: Path, setting: str, records: list[dict[str, Any]], against: str | None) -> list[str]:
    """Return the tables of the cells that share a setting."""
    parts = [f"## {setting}"]
    for title, names in TABLES.items():
        rows = [(name, [r for r in records if r["cell"] == name and not is_choice(r)]) for name in names]
        rows = [(name, runs) for name, runs in rows if runs]
        if len([name for name, _ in rows if name != "pop"]) > 1:
            paper = PAPER.get(records[0]["dataset"], {})
            otherwise = why_left_out([run for _, runs in rows for run in runs]) if paper else []
            parts += [f"### {title}, test", table(rows, TEST, {} if otherwise else paper), *otherwise]
            parts += order_table([(runs[-1].get("label", name), runs) for name, runs in rows])
    own = own_cells(records)
    parts += recommenders(out, records) or other_cells(records, own)
    parts += held_out_items([r for r in records if not is_choice(r)])
    parts += comparisons(out, records, own, against)
    others = [r for r in records if is_choice(r)]
    rows = [(name, [r for r in others if r["cell"] == name]) for name in dict.fromkeys(r["cell"] for r in others)]
    if rows:  # choices are made without looking at the test
        parts += ["### Choices, validation", table(rows, VALID, {})]
        parts += draw_choices(out, setting, others) + draw_progress(out, setting, rows)
    return [*parts, "### Cost and commands", costs(records)]


def own_cells(records: list[dict[str, Any]]) -> list[str]:
    """Return the names of TIGER's cells that are in no table of the paper and serve no choice."""
    found = (r["cell"] for r in records if not is_choice(r) and model_of(r) == TIGER and r["cell"] not in IN_TABLES)
    return list(dict.fromkeys(found))


def other_cells(records: list[dict[str, Any]], own: list[str]) -> list[str]:
    """Return a table of a user's own cells and those of the paper's tables beside them."""
    names = dict.fromkeys(r["cell"] for r in records if r["cell"] in IN_TABLES and not is_choice(r))
    rows = [(name, [r for r in records if r["cell"] == name]) for name in (*names, *own)]
    return ["### All cells, test", table(rows, TEST, {}), *order_table(rows)] if own else []


def comparisons(out: Path, records: list[dict[str, Any]], own: list[str], against: str | None) -> list[str]:
    """Return AdaSID against baselines, ablations and a user's own cells, or another cell against all others."""
    records = [record for record in records if not is_choice(record)]
    cells = {name: [r for r in records if r["cell"] == name] for name in (*IN_TABLES, *own) if name != "pop"}
    there = {name: runs for name, runs in cells.items() if runs}
    if not there:
        return []
    if against not in there:
        against = "adasid" if "adasid" in there else max(there, key=lambda name: mean_valid(there[name]))
    tests = [(against, "cell", [name for name in there if name != against])]
    if against == "adasid":
        tests = [(one, kind, [*names]) for one, families in COMPARED.items() for kind, names in families.items()]
        tests += [(against, "cell", own)]
    return [part for reference, kind, names in tests for part in paired_test(out, records, reference, names, kind)]


def table(rows: list[tuple[str, list[dict[str, Any]]]], split: str, paper: dict[str, list[float]]) -> str:
    """Return mean ± standard deviation over seeds and, in brackets, the paper's value."""
    shown = []
    for name, runs in rows:
        values = pd.DataFrame([run[split] for run in runs])
        printed = dict(zip(PAPER_METRICS, paper.get(name, [])))
        cells = []
        for metric in METRICS:
            if metric not in values:
                cells.append("")
                continue
            spread = f" ± {values[metric].std(ddof=1):.4f}" if len(runs) > 1 else ""
            theirs = f" ({printed[metric]:.4f})" if metric in printed else ""
            cells.append(f"{values[metric].mean():.4f}{spread}{theirs}")
        shown.append([runs[-1].get("label", name), len(runs), *cells])
    return markdown_table(["", "seeds", *METRICS], shown, compact=True)


def recommenders(out: Path, records: list[dict[str, Any]]) -> list[str]:
    """Return TIGER and LIGER next to RecBole's recommenders, if there are any besides TIGER and the floor."""
    records = [record for record in records if not is_choice(record)]
    cells = {name: [r for r in records if r["cell"] == name] for name in dict.fromkeys(r["cell"] for r in records)}
    ours = {
        name: [{**run, "label": own_label(run)} for run in runs]
        for name, runs in cells.items()
        if model_of(runs[0]) in OURS
    }
    others = {name: runs for name, runs in cells.items() if model_of(runs[0]) not in OURS}
    if all(model_of(run) in (TIGER, "Pop") for runs in cells.values() for run in runs):
        return []
    rows = [(runs[-1].get("label", name), runs) for name, runs in (*others.items(), *ours.items())]
    users = next((n for runs in cells.values() for n in map(partial(validated_users, out), runs) if n), None)
    parts = ["### Recommenders, test", table([*others.items(), *ours.items()], TEST, {})]
    if not any(map(is_cold, records)):
        published = published_table(records[0]["dataset"])
        parts += published and (why_left_out(records) or published)
    return [*parts, *paired_recommenders(out, ours, others), *pace_table(rows, users)]


def validated_users(out: Path, run: dict[str, Any]) -> int | None:
    """Return the number of validated users of a run; in early records, of tested ones, if their ranks are saved."""
    if parts := run.get("best_valid_slices"):
        return round(sum(part["users"] for part in parts.values()))
    path = out / "ranks" / run.get("ranks", "nowhere")
    return len(read_arrays(path, "user")["user"]) if path.is_file() else None


def held_out_items(records: list[dict[str, Any]]) -> list[str]:
    """Return the runs' metrics on items held out of training and on the others, if any were held out."""
    records = [one for one in records if is_cold(one) and one.get("test_slices")]  # others had no test, or no ranks
    if not records:
        return []
    heads = [f"{metric}, {name}" for name in SLICES for metric in SLICE_METRICS]
    rows = []
    for name in dict.fromkeys(record["cell"] for record in records):
        runs = [record for record in records if record["cell"] == name]
        cells = [slice_cell(runs, part, metric) for part in SLICES for metric in SLICE_METRICS]
        users = sum(run["test_slices"]["cold"]["users"] for run in runs) / len(runs)
        rows.append([runs[-1].get("label", name), len(runs), f"{users:.0f}", *cells])
    note = "In brackets: the 95% interval over users, for a single seed; ± is the standard deviation over seeds."
    shown = markdown_table(["", "seeds", "cold users", *heads], rows, compact=True)
    return ["### Items held out of training, test", note, shown]


def slice_cell(runs: list[dict[str, Any]], part: str, metric: str) -> str:
    """Return a metric on a part of the items: with its interval, if it has one, or with the deviation over seeds;
    empty if a run tested none of them, or did not measure it.
    """
    values = [run["test_slices"][part].get(metric) for run in runs]
    if any(value is None for value in values):
        return ""
    if len(runs) > 1:
        return f"{np.mean(values):.4f} ± {np.std(values, ddof=1):.4f}"
    bounds = runs[0]["test_slice_intervals"][part].get(metric)  # none of one user
    return f"{values[0]:.4f}" + (f" [{bounds[0]:.4f}, {bounds[1]:.4f}]" if bounds else "")


def costs(records: list[dict[str, Any]]) -> str:
    """Return each cell's cost and command."""
    rows = []
    for r in records:
        unique = r.get("semantic_ids", {}).get("unique_sids")
        cpu = f"{r['cpu_seconds'] / 60:.1f}" if "cpu_seconds" in r else ""
        minutes = f"{r['seconds'] / 60:.1f}{' since it was resumed' * r.get('resumed', False)}"
        cells = [r.get("label", r["cell"]), r["seed"], minutes, cpu, r.get("peak_memory_gib", "")]
        rows.append([*cells, "" if unique is None else f"{unique:.3f}", f"`{command_of(r)}`"])
    head = ["", "seed", "minutes", "CPU minutes", "peak memory, GiB", "unique SIDs", "command"]
    return markdown_table(head, rows, compact=True)
