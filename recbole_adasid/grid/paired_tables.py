"""From the saved ranks of a grid's cells to paired comparisons, user by user."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from recbole_adasid.evaluation.metric_intervals import gains
from recbole_adasid.evaluation.significance import difference, holm
from recbole_adasid.evaluation.users import count_users
from recbole_adasid.grid.records import TEST, is_seedless, mean_valid
from recbole_adasid.io.array_file import read_arrays
from recbole_adasid.io.markdown import table

PAIRED_METRICS = ("recall@5", "ndcg@5", "recall@10", "ndcg@10")
USERS_ONLY = ", users only"
ONE_SEED = "With one seed, interval and p cover users only, not the variation between trainings."


def paired_recommenders(
    out: Path, ours: dict[str, list[dict[str, Any]]], others: dict[str, list[dict[str, Any]]]
) -> list[str]:
    """Compare our cell with the best validation NDCG@10 with each other recommender, user by user."""
    seeds = {name: ranked(out, runs, name) for name, runs in (*ours.items(), *others.items())}
    candidates = [name for name in ours if seeds[name]]
    if not candidates:
        return []
    best = max(candidates, key=lambda name: mean_valid(seeds[name].values()))
    rows, apart = [], []
    for name in others:
        runs = seeds[name]
        if runs and all(map(is_seedless, runs.values())):
            runs = dict.fromkeys(seeds[best], next(iter(runs.values())))
        shared = sorted(runs.keys() & seeds[best].keys())
        own, theirs = ([one[seed] for seed in shared] for one in (seeds[best], runs))
        if shared and not have_same_test(out, [*own, *theirs]):
            apart.append(runs[shared[0]].get("label", name))
            continue
        for metric in measured(PAIRED_METRICS, [*own, *theirs]) if shared else ():
            cells, p = paired_cells(out, own, theirs, metric)
            label = runs[shared[0]].get("label", name)
            rows.append([label, shared, metric, *cells, f"{p:.2g}{USERS_ONLY * (len(shared) == 1)}"])
    if not rows:
        return left_out(apart)
    label = next(iter(seeds[best].values())).get("label", best)
    about = [f"{label}, the best of ours by validation NDCG@10, against each recommender,"]
    about += ["over users and trainings (`evaluation/significance.py`), using the seeds that both have."]
    about += [ONE_SEED] * any(USERS_ONLY in p for *_, p in rows) + left_out(apart) + [""]
    head = ["recommender", "seeds", "metric", "ours", "recommender", "difference, 95% interval", "p"]
    return ["\n".join([*about, table(head, rows, compact=True)])]


def ranked(out: Path, records: Sequence[dict[str, Any]], name: str) -> dict[int, dict[str, Any]]:
    """Return, by seed, the runs of a cell with saved ranks of two users or more: one has no spread to compare by."""
    kept = (r for r in records if r["cell"] == name and "ranks" in r and (out / "ranks" / r["ranks"]).exists())
    return {record["seed"]: record for record in kept if count_users(users_of(out, record)) > 1}


def have_same_test(out: Path, runs: Sequence[dict[str, Any]]) -> bool:
    """Tell whether runs were tested on the same users and items: others are never paired.

    Users and items are RecBole's numbers, which differ between logs. Early ranks lack the items.
    """
    first: dict[str, np.ndarray] = {}
    for run in runs:
        stored = read_arrays(out / "ranks" / run["ranks"])
        order = np.lexsort((stored.get("item", stored["user"]), stored["user"]))
        for name in ("user", "item"):
            if name in stored and not np.array_equal(first.setdefault(name, stored[name][order]), stored[name][order]):
                return False
    return True


def measured(metrics: Sequence[str], runs: Sequence[dict[str, Any]]) -> list[str]:
    """Return the metrics that the saved ranks of all runs suffice for: ranks end at the run's largest `topk`."""
    places = [int(name.partition("@")[2] or 0) for name in metrics]
    longest = min(max((int(name.partition("@")[2] or 0) for name in run[TEST]), default=0) for run in runs)
    return [metric for metric, place in zip(metrics, places) if place <= longest]


def left_out(labels: Sequence[str]) -> list[str]:
    """Return a line about cells that cannot be paired."""
    told = "Left out, because they were tested on different users or items: "
    return [f"{told}{', '.join(labels)}."] if labels else []


def paired_cells(
    out: Path, our_runs: list[dict[str, Any]], their_runs: list[dict[str, Any]], metric: str
) -> tuple[list[str], float]:
    """Return means, difference and its interval over users and trainings, as cells of a table, and p.

    Means are over held-out items, as in the other tables; a user with several of them counts once in the error.
    """
    tested = np.sort(users_of(out, our_runs[0]))
    ours, theirs = per_user(out, our_runs, metric), per_user(out, their_runs, metric)
    found = difference(ours, theirs, users=tested)
    interval = f"{found.value:+.4f} [{found.low:+.4f}, {found.high:+.4f}]"
    return [f"{ours.mean():.4f}", f"{theirs.mean():.4f}", interval], found.p


def paired_test(
    out: Path, records: Sequence[dict[str, Any]], reference: str, names: Sequence[str], kind: str
) -> list[str]:
    """Compare a cell with others, user by user, and name the one with the best validation NDCG@10 among these.

    Args:
        out: the grid's folder.
        records: finished cells.
        reference: name of the cell that is compared.
        names: names of the others, a family for Holm's correction.
        kind: what the others are called, such as `baseline`.
    """
    seeds = {name: ranked(out, records, name) for name in (reference, *names)}
    shared = {name: sorted(seeds[name].keys() & seeds[reference].keys()) for name in names}
    pairs = {
        name: tuple([seeds[one][seed] for seed in shared[name]] for one in (reference, name))
        for name in names
        if shared[name]
    }
    candidates = [name for name, (ours, theirs) in pairs.items() if have_same_test(out, [*ours, *theirs])]
    apart = left_out([label_of(seeds[name]) for name in pairs if name not in candidates])
    if not candidates:
        return apart
    best = max(candidates, key=lambda name: mean_valid(seeds[name].values()))
    several = [name for name in candidates if len(shared[name]) > 1]
    own = label_of(seeds[reference])
    others = f", the {kind} with the best validation NDCG@10, and each of the\nothers" * (len(candidates) > 1)
    about = [f"{own} against {label_of(seeds[best])}{others}, using the seeds that both have, "]
    about[0] += "over users and trainings (`evaluation/significance.py`)."
    if len(several) > 1:
        about += [f"In brackets: Holm's p, corrected for the {len(several)} {kind}s with several seeds."]
    about += [ONE_SEED] * (len(several) < len(candidates)) + apart + [""]
    rows = []
    known = {name: measured(PAIRED_METRICS, [*pairs[name][0], *pairs[name][1]]) for name in candidates}
    for metric in PAIRED_METRICS:
        there = [name for name in candidates if metric in known[name]]
        cells = {name: paired_cells(out, pairs[name][0], pairs[name][1], metric) for name in there}
        family = [name for name in several if name in there]
        corrected = dict(zip(family, holm([cells[name][1] for name in family]))) if len(family) > 1 else {}
        for name in sorted(there, key=lambda name: name != best):
            shown, p = cells[name]
            told = f" ({corrected[name]:.2g})" if name in corrected else USERS_ONLY * (name not in several)
            rows.append([label_of(seeds[name]), len(shared[name]), metric, *shown, f"{p:.2g}{told}"])
    head = [kind, "seeds", "metric", own, kind, "difference, 95% interval", "p"]
    return ["\n".join([*about, table(head, rows, compact=True)])] if rows else apart


def per_user(out: Path, records: list[dict[str, Any]], metric: str) -> np.ndarray:
    """Return the metric of each held-out item after each run, [A, R], ordered by user.

    A user's items are in the order of the file, which need not be one order: only a user's sum is compared.
    """
    values = []
    for record in records:
        stored = read_arrays(out / "ranks" / record["ranks"], "user", "rank")
        values.append(gains(stored["rank"][np.argsort(stored["user"], kind="stable")], metric))
    return np.stack(values)


def users_of(out: Path, record: dict[str, Any]) -> np.ndarray:
    """Return the user of each saved rank of a run [R]."""
    return read_arrays(out / "ranks" / record["ranks"], "user")["user"]


def label_of(runs: dict[int, dict[str, Any]]) -> str:
    """Return the label of a cell's runs by seed."""
    run = next(iter(runs.values()))
    return str(run.get("label", run["cell"]))
