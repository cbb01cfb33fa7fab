"""Swing against plain Python on Amazon Toys; on synthetic logs, time by number of co-occurrences, and memory.

python -m benchmarks.swing --data_path=data --users=1000000
"""

from __future__ import annotations

import argparse
import functools
from collections import defaultdict
from itertools import combinations
from pathlib import Path

import numpy as np

from benchmarks import toys
from benchmarks.measuring import Measurement, median_ratio, peak_memory, reset_peak_memory, seconds
from recbole_adasid.pairs.swing import swing_pairs

INTERACTIONS_PER_USER = 10
SAMPLED = 50  # the usual way takes minutes: it is timed on a part of the items
CAP = 1000  # the default of swing_max_user_items and swing_max_item_users


def index(users: np.ndarray, items: np.ndarray) -> tuple[dict[int, set[int]], dict[int, set[int]], dict[int, float]]:
    """Return the items of each user, the users of each item, and the users' weights."""
    items_of: dict[int, set[int]] = defaultdict(set)
    users_of: dict[int, set[int]] = defaultdict(set)
    for user, item in zip(users.tolist(), items.tolist()):
        items_of[user].add(item)
        users_of[item].add(user)
    return items_of, users_of, {user: len(bought) ** -0.5 for user, bought in items_of.items()}


def over_item_pairs(users: np.ndarray, items: np.ndarray, alpha: float = 1.0) -> dict[tuple[int, int], float]:
    """Return s(i, j), i < j, as Swing is usually written, for every SAMPLED-th i: all j, all pairs of common users."""
    items_of, users_of, weight = index(users, items)
    ordered, score = sorted(users_of), {}
    for place in range(0, len(ordered), SAMPLED):
        first = ordered[place]
        for second in ordered[place + 1 :]:
            buyers = users_of[first] & users_of[second]
            if len(buyers) > 1:
                score[first, second] = sum(
                    weight[u] * weight[v] / (alpha + len(items_of[u] & items_of[v])) for u, v in combinations(buyers, 2)
                )
    return score


def over_user_pairs(users: np.ndarray, items: np.ndarray, alpha: float = 1.0) -> dict[tuple[int, int], float]:
    """Return the same the quickest way that plain Python allows: only users who meet on an item."""
    items_of, users_of, weight = index(users, items)
    score: dict[tuple[int, int], float] = defaultdict(float)
    for item, buyers in users_of.items():
        for first, second in combinations(buyers, 2):
            common = items_of[first] & items_of[second]
            if len(common) > 1:
                similarity = weight[first] * weight[second] / (alpha + len(common))
                for other in common:
                    if other > item:
                        score[item, other] += similarity
    return score


def synthetic_log(n_users: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Return users, items [I] and the number of items of a log with Zipf-like popularity, and groups of like taste."""
    random = np.random.default_rng(0)
    n_items = n_users // 5
    users = np.repeat(np.arange(n_users), INTERACTIONS_PER_USER)
    popular = (n_items ** random.random(len(users))).astype(np.int64) - 1  # density 1 / rank
    taste = random.integers(max(1, n_items // 50), size=n_users)[users]
    shared = taste * 50 + random.integers(50, size=len(users))
    return users, np.where(random.random(len(users)) < 0.5, popular, shared) % n_items, n_items


def co_occurrences(users: np.ndarray, items: np.ndarray) -> float:
    """Return how many pairs of users meet on an item, busy items capped."""
    buyers = np.bincount(np.unique(np.stack([items, users]), axis=1)[0]).clip(max=CAP)
    return float((buyers * (buyers - 1) / 2).sum())


def main() -> None:
    """Print ratios, memory and growth."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data_path", type=Path, default=None, help="folder of amazon-toys; without it, random items")
    parser.add_argument("--users", type=int, default=1_000_000, help="of the large synthetic log, 10 interactions each")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    name, (users, items, n_items) = "a synthetic log", synthetic_log(20_000)
    if arguments.data_path is not None:
        name, (users, items), n_items = "Amazon Toys", toys.interactions(arguments.data_path), toys.N_ITEMS
    for peer, against, target, share in (
        (over_item_pairs, f"plain Python over item pairs, timed on one item in {SAMPLED}", 100, SAMPLED),
        (over_user_pairs, "plain Python over users who meet, the quickest found", 1, 1),
    ):
        ours, theirs = functools.partial(swing_pairs, users, items, n_items), functools.partial(peer, users, items)
        ratio, ours_s, peer_s = median_ratio(ours, theirs, arguments.rounds)
        detail = f"{ours_s:.2f} against {peer_s * share:.1f} s, {len(users):,} interactions"
        Measurement(f"Swing on {name}", against, ratio * share, target, detail=detail).print()

    rates = []
    for n_users in (arguments.users // 10, arguments.users):
        users, items, n_items = synthetic_log(n_users)
        met = co_occurrences(users, items)
        resident = reset_peak_memory()
        spent = seconds(functools.partial(swing_pairs, users, items, n_items))
        rates.append(met / spent)
        detail = f"{spent:.1f} s, {met:,.0f} co-occurrences, {met / spent:,.0f}/s, {resident:,.0f} MiB held before"
        stage = f"Swing on {len(users):,} interactions of {n_users:,} users"
        Measurement(stage, "peak memory", peak_memory() / 1024, 4.0, at_least=False, unit=" GiB", detail=detail).print()
    Measurement("Swing, co-occurrences a second", "a tenth of the log", rates[1] / rates[0], 0.9).print()


if __name__ == "__main__":
    main()
