"""From the saved ranks of a grid's cells to paired comparisons, user by user."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from recbole_adasid.evaluation.comparison import difference, holm
from recbole_adasid.evaluation.intervals import gains
from recbole_adasid.evaluation.users import count_users
from recbole_adasid.grid.records import BASELINES, SEEDLESS, holds_out_items, mean_valid, model_of
from recbole_adasid.io.array_file import read_arrays

PAIRED_METRICS = ("recall@5", "ndcg@5", "recall@10", "ndcg@10")
USERS_ONLY = ", users only"
ONE_SEED = "Of one seed, interval and p are over users only: they do not tell how much another training would differ."


def paired_recommenders(
    out: Path, ours: dict[str, list[dict[str, Any]]], others: dict[str, list[dict[str, Any]]]
) -> list[str]:
    """Compare our cell with the best validation NDCG@10 with each other recommender, user by user."""
    seeds = {name: ranked(out, runs, name) for name, runs in (*ours.items(), *others.items())}
    candidates = [name for name in ours if seeds[name]]
    if not candidates:
        return []
    best = max(candidates, key=lambda name: mean_valid(seeds[name].values()))
    lines = []
    for name in others:
        runs = seeds[name]
        if runs and all(model_of(run) in SEEDLESS and not holds_out_items(run["options"]) for run in runs.values()):
            runs = dict.fromkeys(seeds[best], next(iter(runs.values())))
        shared = sorted(runs.keys() & seeds[best].keys())
        for metric in PAIRED_METRICS if shared else ():
            own, theirs = ([one[seed] for seed in shared] for one in (seeds[best], runs))
            cells, p = paired_cells(out, own, theirs, metric)
            label = runs[shared[0]].get("label", name)
            lines.append(f"| {label} | {shared} | {metric} | {cells} | {p:.2g}{USERS_ONLY * (len(shared) == 1)} |")
    if not lines:
        return []
    label = next(iter(seeds[best].values())).get("label", best)
    about = [f"{label}, the best of ours by validation NDCG@10, against each recommender"]
    about += ["over users and trainings (`evaluation/comparison.py`), by the seeds that both have."]
    about += [ONE_SEED] * any(USERS_ONLY in line for line in lines) + [""]
    about += ["| recommender | seeds | metric | ours | recommender | difference, 95% interval | p |", "|" + "---|" * 7]
    return ["\n".join([*about, *lines])]


def ranked(out: Path, records: list[dict[str, Any]], name: str) -> dict[int, dict[str, Any]]:
    """Return, by seed, the runs of a cell with saved ranks of two users or more: one has no spread to compare by."""
    kept = (r for r in records if r["cell"] == name and "ranks" in r and (out / "ranks" / r["ranks"]).exists())
    return {record["seed"]: record for record in kept if count_users(_users(out, record)) > 1}


def paired_cells(
    out: Path, our_runs: list[dict[str, Any]], their_runs: list[dict[str, Any]], metric: str
) -> tuple[str, float]:
    """Return means, difference and its interval over users and trainings, as cells of a table, and p.

    Means are over held-out items, as in the other tables; a user with several of them counts once in the error.

    Raises:
        ValueError: if the runs tested different users, or other numbers of their items.
    """
    tested = [np.sort(_users(out, run)) for run in (*our_runs, *their_runs)]
    if any(not np.array_equal(users, tested[0]) for users in tested):
        raise ValueError(f"{our_runs[0]['cell']} and {their_runs[0]['cell']} tested different users: run them again")
    ours, theirs = per_user(out, our_runs, metric), per_user(out, their_runs, metric)
    found = difference(ours, theirs, users=tested[0])
    interval = f"{found.value:+.4f} [{found.low:+.4f}, {found.high:+.4f}]"
    return f"{ours.mean():.4f} | {theirs.mean():.4f} | {interval}", found.p


def paired_test(out: Path, records: list[dict[str, Any]]) -> list[str]:
    """Compare AdaSID with each baseline, user by user, and name the baseline of the best validation NDCG@10."""
    seeds = {name: ranked(out, records, name) for name in ("adasid", *BASELINES)}
    shared = {name: sorted(seeds[name].keys() & seeds["adasid"].keys()) for name in BASELINES}
    candidates = [name for name in BASELINES if shared[name]]
    if not candidates:
        return []
    best = max(candidates, key=lambda name: mean_valid(seeds[name].values()))
    several = [name for name in candidates if len(shared[name]) > 1]
    lines = [f"AdaSID against {label_of(seeds[best])}, the baseline of the best validation NDCG@10, and each of the"]
    lines += ["others, by the seeds that both have, over users and trainings (`evaluation/comparison.py`)."]
    if several:
        lines += [f"In brackets Holm's p, corrected for the {len(several)} baselines with several seeds."]
    lines += [ONE_SEED] * (len(several) < len(candidates)) + [""]
    lines += ["| baseline | seeds | metric | AdaSID | baseline | difference, 95% interval | p |", "|" + "---|" * 7]
    for metric in PAIRED_METRICS:
        cells = {}
        for name in candidates:
            ours, theirs = ([seeds[one][seed] for seed in shared[name]] for one in ("adasid", name))
            cells[name] = paired_cells(out, ours, theirs, metric)
        corrected = dict(zip(several, holm([cells[name][1] for name in several])))
        for name in sorted(candidates, key=lambda name: name != best):
            about = f"{label_of(seeds[name])} | {len(shared[name])} | {metric}"
            holms = f" ({corrected[name]:.2g})" if name in corrected else USERS_ONLY
            lines.append(f"| {about} | {cells[name][0]} | {cells[name][1]:.2g}{holms} |")
    return ["\n".join(lines)]


def per_user(out: Path, records: list[dict[str, Any]], metric: str) -> np.ndarray:
    """Return the metric of each held-out item after each run, [A, R], ordered by user.

    A user's items are in the order of the file, which need not be one order: only a user's sum is compared.
    """
    values = []
    for record in records:
        stored = read_arrays(out / "ranks" / record["ranks"], "user", "rank")
        values.append(gains(stored["rank"][np.argsort(stored["user"], kind="stable")], metric))
    return np.stack(values)


def _users(out: Path, record: dict[str, Any]) -> np.ndarray:
    return read_arrays(out / "ranks" / record["ranks"], "user")["user"]


def label_of(runs: dict[int, dict[str, Any]]) -> str:
    """Return the label of a cell's runs by seed."""
    run = next(iter(runs.values()))
    return str(run.get("label", run["cell"]))
