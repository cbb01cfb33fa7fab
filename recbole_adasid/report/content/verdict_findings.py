"""Whether a run is healthy, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recbole_adasid.report.content.metrics import MetricRow
from recbole_adasid.run_folder.history import Columns
from recbole_adasid.tokenizer.quality import collapsed_levels
from recbole_adasid.tokenizer.regulation import REGULATIONS
from recbole_adasid.tokenizer.regulation.base import Regulation

GOOD, NOTE, WARNING = "good", "note", "warning"
# Thresholds of the findings. They are choices, see docs/report.md.
SOME_COLLISIONS, MANY_COLLISIONS = 0.1, 0.2
MANY_DEAD = 0.1
WEAK_AGREEMENT = 0.55
WIDE_INTERVAL = 0.2
FEW_PLACES_MISSING = 0.001
SID_ADVANTAGE = 0.1
RULE_OF_THREE = 3
"""What equally befell all of n cases befalls at least 1 − 3/n of all, with 95% confidence: resampling cannot tell."""
SMALLER_IS_BETTER = ("averagepopularity", "giniindex")  # of RecBole's top-k metrics


@dataclass(frozen=True)
class Finding:
    """One thing to know, and what may help."""

    kind: str
    """`good`, `note` or `warning`."""
    title: str
    text: str


def on_levels(quality: Mapping[str, float], sizes: Sequence[int], n_items: int) -> list[Finding]:
    """Say whether levels have collapsed, and whether many codewords are dead."""
    found = [
        Finding(
            WARNING,
            f"Level {level} has collapsed",
            f"Its {sizes[level - 1]} codewords have a perplexity of only {quality[f'perplexity_{level}']:.1f}. "
            "More tokenizer_steps, feature_scaling=standardise or another quantizer may help.",
        )
        for level in collapsed_levels(quality, sizes, n_items)
    ]
    for level, size in enumerate(sizes, start=1):
        dead = round((1 - quality[f"usage_{level}"]) * size)
        if dead > MANY_DEAD * min(size, n_items):
            found.append(Finding(NOTE, f"Level {level} has dead codewords", f"{dead} of {size} belong to no item."))
    if not found:
        lowest = min(range(1, len(sizes) + 1), key=lambda level: quality[f"perplexity_{level}"] / sizes[level - 1])
        found.append(
            Finding(
                GOOD,
                "All levels are in use",
                f"The least even, level {lowest}, has a perplexity of {quality[f'perplexity_{lowest}']:.0f} "
                f"with {sizes[lowest - 1]} codewords.",
            )
        )
    return found


def on_collisions(quality: Mapping[str, float], sizes: Sequence[int]) -> list[Finding]:
    """Say how many items share a Semantic ID."""
    rate, largest = quality["collision_rate"], int(quality["largest_collision_group"])
    text = f"{rate:.1%} of the items share their codes with another item"
    text += f"; the largest group has {largest} items." if rate else "."
    if rate > MANY_COLLISIONS or largest > max(sizes):
        help_ = " A larger codebook_size, a longer sid_length or other item features may help."
        return [Finding(WARNING, "Many items share a Semantic ID", text + help_)]
    if rate > SOME_COLLISIONS:
        return [Finding(NOTE, "Some items share a Semantic ID", text)]
    return [Finding(GOOD, "Few items share a Semantic ID" if rate else "Every item has its own Semantic ID", text)]


def on_regulation(tokenizer: Columns, regulation: str) -> list[Finding]:
    """Say whether the overlap regulation ever acted; nothing if there is none."""
    if regulation == "none":
        return []
    repelled = [value for value in tokenizer.get("repelled_share", []) if value is not None]
    if not repelled:
        return [Finding(NOTE, "The regulation was switched off", "Its collision term took no part in training.")]
    if max(repelled) == 0:
        remedy = REGULATIONS.get(regulation, Regulation).REMEDY
        text = f"No overlapping pair was repelled at any logged step. {remedy}"
        return [Finding(WARNING, "The regulation was idle", text)]
    text = f"On average {sum(repelled) / len(repelled):.0%} of the overlapping pairs were repelled"
    relaxed = [value for value in tokenizer.get("relaxed_share", []) if value is not None]
    text += f" and {sum(relaxed) / len(relaxed):.0%} relaxed as similar enough." if relaxed else "."
    return [Finding(GOOD, "The regulation acted", text)]


def on_neighbours(quality: Mapping[str, float]) -> list[Finding]:
    """Say whether similar items have similar codes."""
    agreement = quality.get("embedding_agreement")
    if agreement is None:
        return []
    text = (
        f"With probability {agreement:.2f}, an item shares more leading codes with one of its nearest items by "
        "embedding than with a random item; meaningless codes score 0.5."
    )
    if agreement < WEAK_AGREEMENT:
        return [Finding(NOTE, "Codes hardly reflect item similarity", text)]
    return [Finding(GOOD, "Codes reflect item similarity", text)]


def on_floor(row: MetricRow, users: int) -> list[Finding]:
    """Say how the test of ``users`` compares with recommending the most popular items to everybody."""
    if row.test is None or row.popularity is None:
        return []
    text = f"Test {row.title} is {row.test:.4f}; recommending the most popular items scores {row.popularity:.4f}."
    low, high = row.test_interval or (0.0, 1.0)
    if low == high:  # all users fared alike
        low, high = low - RULE_OF_THREE / max(users, 1), high + RULE_OF_THREE / max(users, 1)
    if low <= row.popularity <= high and row.test_interval != (low, high):
        text += " With so few tested users, the difference may be chance."
        return [Finding(NOTE, "Too few users to compare with popularity", text)]
    if high < row.popularity:
        return [Finding(WARNING, "Below popularity", f"{text} More epochs or more data may help.")]
    if low <= row.popularity:
        text += " The test interval includes that score, so the two cannot be told apart. More epochs may help."
        kind, title = (WARNING, "Not above") if row.test < row.popularity else (NOTE, "Not clearly above")
        return [Finding(kind, f"{title} popularity", text)]
    return [Finding(GOOD, "Above popularity", text)]


def on_width(row: MetricRow) -> list[Finding]:
    """Say how precise the test metric is."""
    if not row.test or not row.test_interval:
        return []
    low, high = row.test_interval
    half = (high - low) / 2 / row.test
    text = f"The 95% interval of test {row.title} is {low:.4f} to {high:.4f}, about ± {half:.0%} of its value"
    if half > WIDE_INTERVAL:
        more = ": it cannot tell closer runs apart. Compare runs user by user, over seeds."
        return [Finding(NOTE, "The interval is wide", text + more)]
    return [Finding(GOOD, "The interval is narrow", f"{text}.")]


def on_epochs(validation: Columns, metric: str) -> list[Finding]:
    """Say whether training ended while validation still rose."""
    if metric.lower().startswith(SMALLER_IS_BETTER):
        return []
    values = next((column for name, column in validation.items() if name.lower() == metric.lower()), [])
    known = [value for value in values if value is not None]
    if len(known) < 2 or known[-1] < max(known) or known[-1] == min(known):
        return []
    text = f"The last validation has the best {metric} ({known[-1]:.4f}): more epochs may give a better model."
    return [Finding(NOTE, "Validation was still rising", text)]


def on_sid_hits(row: MetricRow) -> list[Finding]:
    """Say whether hits on Semantic IDs would inflate the metrics."""
    if not row.test or row.test_by_sid is None or row.test_by_sid <= (1 + SID_ADVANTAGE) * row.test:
        return []
    text = (
        f"If a hit on the Semantic ID were enough, {row.title} would be {row.test_by_sid:.4f} instead of "
        f"{row.test:.4f}: compare with other work by item only."
    )
    return [Finding(NOTE, "Shared Semantic IDs would inflate the metrics", text)]


def on_missing(evaluation: Mapping[str, Any]) -> list[Finding]:
    """Say whether the beam filled the lists."""
    missing = (evaluation.get("rates") or {}).get("missing") or 0
    if missing <= FEW_PLACES_MISSING:
        return []
    text = f"{missing:.1%} of the lists have empty places: raise beam_size."
    return [Finding(NOTE, "The beam is short", text)]
