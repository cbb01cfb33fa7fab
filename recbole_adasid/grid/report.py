"""From the finished cells of a grid to the paper's Tables 2 and 4 and Figure 4, next to the paper's values."""

from __future__ import annotations

import json
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from recbole_adasid.evaluation.comparison import difference, holm
from recbole_adasid.evaluation.intervals import gains
from recbole_adasid.grid.order import order_table
from recbole_adasid.grid.pace import pace_table
from recbole_adasid.io.array_file import read_arrays
from recbole_adasid.plugin.peers.names import OURS, TIGER
from recbole_adasid.settings import plain_yaml

SEEDLESS = ("Pop",)
"""Deterministic models: one cell counts for all seeds."""

PAPER = plain_yaml.load((Path(__file__).parent / "paper_results.yaml").read_text(encoding="utf-8"))
PAPER_METRICS = ["recall@3", "ndcg@3", "recall@5", "ndcg@5"]
SLICES, SLICE_METRICS = ("cold", "warm"), ("recall@5", "recall@10", "ndcg@10")
METRICS = [*PAPER_METRICS, "recall@10", "ndcg@10"]
BASELINES = ("rqopq", "rqvae", "rqvae-infonce", "vqgan", "grvq", "rotation", "simrq", "rqkmeans", "quasid")
TABLES = {
    "Table 2: tokenizers": ("pop", *BASELINES, "adasid"),
    "Table 4: ablations": (
        *("adasid", "adasid-no-sear", "adasid-no-par", "adasid-no-las"),
        *("adasid-no-collision", "rqvae-infonce"),
    ),
}
IN_TABLES = {name for names in TABLES.values() for name in names}
VALID, TEST = "best_valid", "test"
PAIRED_METRICS = ("recall@5", "ndcg@5", "recall@10", "ndcg@10")


def write_report(out: Path) -> None:
    """Write README.md, and figure4-….png if there are cells of Figure 4."""
    records = finished_cells(out)
    parts = ["# TIGER and LIGER on Semantic IDs", "Written by `recbole-adasid grid`."]
    for setting in dict.fromkeys(setting_of(record) for record in records):
        parts += section(out, setting, [record for record in records if setting_of(record) == setting])
    (out / "README.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def finished_cells(out: Path) -> list[dict[str, Any]]:
    """Return the records of the finished cells; an incomplete line, left by a kill, is ignored."""
    path, found = out / "cells.jsonl", []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        if not line.startswith("{"):
            raise ValueError(f"{path} holds a line that is not a cell, {line[:40]!r}: restore the original file")
        with suppress(json.JSONDecodeError):
            found.append(json.loads(line))
    return found


def setting_of(record: dict[str, Any]) -> str:
    """Return the dataset and the options that all cells of a comparison share."""
    return " ".join([record["dataset"], *record["common"]])


def section(out: Path, setting: str, records: list[dict[str, Any]]) -> list[str]:
    """Return the tables of the cells that share a setting."""
    parts = [f"## {setting}"]
    for title, names in TABLES.items():
        rows = [(name, [r for r in records if r["cell"] == name]) for name in names]
        rows = [(name, runs) for name, runs in rows if runs]
        if len([name for name, _ in rows if name != "pop"]) > 1:
            parts += [f"### {title}, test", table(rows, TEST, PAPER.get(records[0]["dataset"], {}))]
            parts += order_table([(runs[-1].get("label", name), runs) for name, runs in rows])
    parts += recommenders(out, records)
    parts += held_out_items(records)
    parts += paired_test(out, records)
    others = [r for r in records if is_choice(r)]
    rows = [(name, [r for r in others if r["cell"] == name]) for name in dict.fromkeys(r["cell"] for r in others)]
    if rows:  # choices are made without looking at the test
        parts += ["### Choices, validation", table(rows, VALID, {})]
        parts += figure4(out, setting, others)
    return [*parts, "### Cost and commands", costs(records)]


def is_choice(record: dict[str, Any]) -> bool:
    """Tell whether a cell serves to choose a setting: one of a group, or a TIGER that is in no table."""
    return "group" in record or (record["cell"] not in IN_TABLES and model_of(record) == TIGER)


def model_of(record: dict[str, Any]) -> str:
    """Return the recommender of a cell; older cells do not name it."""
    model: str = record.get("model", "Pop" if record["cell"] == "pop" else TIGER)
    return model


def table(rows: list[tuple[str, list[dict[str, Any]]]], split: str, paper: dict[str, list[float]]) -> str:
    """Return mean ± standard deviation over seeds and, in brackets, the paper's value."""
    lines = ["| | seeds | " + " | ".join(METRICS) + " |", "|" + "---|" * (len(METRICS) + 2)]
    for name, runs in rows:
        values = pd.DataFrame([run[split] for run in runs])
        printed = dict(zip(PAPER_METRICS, paper.get(name, [])))
        cells = []
        for metric in METRICS:
            spread = f" ± {values[metric].std(ddof=1):.4f}" if len(runs) > 1 else ""
            theirs = f" ({printed[metric]:.4f})" if metric in printed else ""
            cells.append(f"{values[metric].mean():.4f}{spread}{theirs}")
        lines.append(f"| {runs[-1].get('label', name)} | {len(runs)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


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
    users = next((n for runs in cells.values() for n in map(partial(tested_users, out), runs) if n), None)
    parts = ["### Recommenders, test", table([*others.items(), *ours.items()], TEST, {})]
    return [*parts, *paired_recommenders(out, ours, others), *pace_table(rows, users)]


def own_label(run: dict[str, Any]) -> str:
    """Return a label that includes the model."""
    model, label = model_of(run), run.get("label", run["cell"])
    return label if label.startswith(model) else f"{model}, {label}"


def tested_users(out: Path, run: dict[str, Any]) -> int | None:
    """Return the number of tested users of a run, if their ranks are saved."""
    path = out / "ranks" / run.get("ranks", "nowhere")
    return len(read_arrays(path, "user")["user"]) if path.is_file() else None


def paired_recommenders(
    out: Path, ours: dict[str, list[dict[str, Any]]], others: dict[str, list[dict[str, Any]]]
) -> list[str]:
    """Compare our cell with the best validation NDCG@10 with each other recommender, user by user."""
    seeds = {name: ranked(out, runs, name) for name, runs in (*ours.items(), *others.items())}
    candidates = [name for name in ours if seeds[name]]
    if not candidates:
        return []
    best = max(candidates, key=lambda name: np.mean([r[VALID]["ndcg@10"] for r in seeds[name].values()]))
    lines = []
    for name in others:
        runs = seeds[name]
        if runs and all(model_of(run) in SEEDLESS for run in runs.values()):
            runs = dict.fromkeys(seeds[best], next(iter(runs.values())))
        shared = sorted(runs.keys() & seeds[best].keys())
        for metric in PAIRED_METRICS if shared else ():
            own, theirs = ([one[seed] for seed in shared] for one in (seeds[best], runs))
            cells, p = paired_cells(out, own, theirs, metric)
            lines.append(f"| {runs[shared[0]].get('label', name)} | {shared} | {metric} | {cells} | {p:.2g} |")
    if not lines:
        return []
    label = next(iter(seeds[best].values())).get("label", best)
    about = [f"{label}, the best of ours by validation NDCG@10, against each recommender"]
    about += ["over users and trainings (`evaluation/comparison.py`), by the seeds that both have:", ""]
    about += ["| recommender | seeds | metric | ours | recommender | difference, 95% interval | p |", "|" + "---|" * 7]
    return ["\n".join([*about, *lines])]


def ranked(out: Path, records: list[dict[str, Any]], name: str) -> dict[int, dict[str, Any]]:
    """Return, by seed, the runs of a cell with saved user ranks."""
    kept = (r for r in records if r["cell"] == name and "ranks" in r)
    return {record["seed"]: record for record in kept if (out / "ranks" / record["ranks"]).exists()}


def paired_cells(
    out: Path, our_runs: list[dict[str, Any]], their_runs: list[dict[str, Any]], metric: str
) -> tuple[str, float]:
    """Return means, difference and its interval over users and trainings, as cells of a table, and p.

    Raises:
        ValueError: if the runs tested different users.
    """
    tested = [np.sort(read_arrays(out / "ranks" / r["ranks"], "user")["user"]) for r in (*our_runs, *their_runs)]
    if any(not np.array_equal(users, tested[0]) for users in tested):
        raise ValueError(f"{our_runs[0]['cell']} and {their_runs[0]['cell']} tested different users: run them again")
    ours, theirs = per_user(out, our_runs, metric), per_user(out, their_runs, metric)
    found = difference(ours, theirs)
    interval = f"{found.value:+.4f} [{found.low:+.4f}, {found.high:+.4f}]"
    return f"{ours.mean():.4f} | {theirs.mean():.4f} | {interval}", found.p


def held_out_items(records: list[dict[str, Any]]) -> list[str]:
    """Return the runs' metrics on items held out of training and on the others, if any were held out."""
    if not any(option.startswith("--cold_item_share=") for option in records[0]["common"]):
        return []
    heads = [f"{metric}, {name}" for name in SLICES for metric in SLICE_METRICS]
    lines = ["| | seeds | cold users | " + " | ".join(heads) + " |", "|" + "---|" * (len(heads) + 3)]
    for name in dict.fromkeys(record["cell"] for record in records if "test_slices" in record):
        runs = [record for record in records if record["cell"] == name]
        cells = [slice_cell(runs, part, metric) for part in SLICES for metric in SLICE_METRICS]
        users = sum(run["test_slices"]["cold"]["users"] for run in runs) / len(runs)
        lines.append(f"| {runs[-1].get('label', name)} | {len(runs)} | {users:.0f} | " + " | ".join(cells) + " |")
    note = "In brackets the 95% interval over users, where there is one seed; ± is the deviation between seeds."
    return ["### Items held out of training, test", note, "\n".join(lines)]


def slice_cell(runs: list[dict[str, Any]], part: str, metric: str) -> str:
    """Return a metric on a part of the items: with its interval, or with the deviation between seeds."""
    values = [run["test_slices"][part][metric] for run in runs]
    if len(runs) > 1:
        return f"{np.mean(values):.4f} ± {np.std(values, ddof=1):.4f}"
    low, high = runs[0]["test_slice_intervals"][part][metric]
    return f"{values[0]:.4f} [{low:.4f}, {high:.4f}]"


def paired_test(out: Path, records: list[dict[str, Any]]) -> list[str]:
    """Compare AdaSID with each baseline, user by user, and name the baseline of the best validation NDCG@10."""
    seeds = {name: ranked(out, records, name) for name in ("adasid", *BASELINES)}
    shared = {name: sorted(seeds[name].keys() & seeds["adasid"].keys()) for name in BASELINES}
    candidates = [name for name in BASELINES if shared[name]]
    if not candidates:
        return []
    best = max(candidates, key=lambda name: np.mean([r[VALID]["ndcg@10"] for r in seeds[name].values()]))
    lines = [f"AdaSID against {label_of(seeds[best])}, the baseline of the best validation NDCG@10, and each of the"]
    lines += ["others, by the seeds that both have, over users and trainings (`evaluation/comparison.py`); p in"]
    lines += [f"brackets is Holm's, corrected for {len(candidates)} baselines:", ""]
    lines += ["| baseline | seeds | metric | AdaSID | baseline | difference, 95% interval | p |", "|" + "---|" * 7]
    for metric in PAIRED_METRICS:
        cells = {}
        for name in candidates:
            ours, theirs = ([seeds[one][seed] for seed in shared[name]] for one in ("adasid", name))
            cells[name] = paired_cells(out, ours, theirs, metric)
        corrected = dict(zip(cells, holm([p for _, p in cells.values()])))
        for name in sorted(candidates, key=lambda name: name != best):
            about = f"{label_of(seeds[name])} | {len(shared[name])} | {metric}"
            lines.append(f"| {about} | {cells[name][0]} | {cells[name][1]:.2g} ({corrected[name]:.2g}) |")
    return ["\n".join(lines)]


def label_of(runs: dict[int, dict[str, Any]]) -> str:
    """Return the label of a cell's runs by seed."""
    run = next(iter(runs.values()))
    return str(run.get("label", run["cell"]))


def per_user(out: Path, records: list[dict[str, Any]], metric: str) -> np.ndarray:
    """Return each test user's metric after each run: [A, U], users in one order."""
    values = []
    for record in records:
        stored = read_arrays(out / "ranks" / record["ranks"], "user", "rank")
        values.append(gains(stored["rank"][np.argsort(stored["user"])], metric))
    return np.stack(values)


def figure4(out: Path, setting: str, records: list[dict[str, Any]]) -> list[str]:
    """Draw validation NDCG@10 from weak to strong, one panel per component; empty without such cells or matplotlib."""
    groups = list(dict.fromkeys(record["group"] for record in records if "group" in record))
    if not groups:
        return []
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, panels = plt.subplots(1, len(groups), figsize=(4.5 * len(groups), 4), sharey=True, squeeze=False)
    for panel, group in zip(panels[0], groups):
        table = pd.DataFrame(
            [{"label": r["label"], "value": r[VALID]["ndcg@10"]} for r in records if r.get("group") == group]
        )
        found = table.groupby("label", sort=False)["value"]
        panel.errorbar(range(found.ngroups), found.mean(), yerr=found.std().fillna(0), marker="o", capsize=3)
        panel.set_xticks(range(found.ngroups), list(found.groups), rotation=20)
        panel.set_title(group)
        panel.grid(alpha=0.3)
    panels[0][0].set_ylabel("NDCG@10, validation")
    name = f"figure4-{setting.replace(' ', '').replace('--', '-').replace('=', '_')}.png"
    figure.tight_layout()
    figure.savefig(out / name, dpi=130)
    plt.close(figure)
    return [f"![Figure 4]({name})"]


def costs(records: list[dict[str, Any]]) -> str:
    """Return each cell's cost and command."""
    lines = ["| | seed | minutes | CPU minutes | peak memory, GiB | unique SIDs | command |", "|" + "---|" * 7]
    for r in records:
        unique = r.get("semantic_ids", {}).get("unique_sids")
        cpu = f"{r['cpu_seconds'] / 60:.1f}" if "cpu_seconds" in r else ""
        cells = [r.get("label", r["cell"]), r["seed"], f"{r['seconds'] / 60:.1f}", cpu, r["peak_memory_gib"]]
        cells += ["" if unique is None else f"{unique:.3f}", f"`{r['command']}`"]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)
