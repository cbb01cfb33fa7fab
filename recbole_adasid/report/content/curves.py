"""Which columns of a run's history share a chart, and what they mean."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from recbole_adasid.report.content.metrics import metric_title
from recbole_adasid.run_folder.history import PARTS, Columns


@dataclass(frozen=True)
class Curves:
    """Curves that share a clock and a scale."""

    title: str
    meaning: str
    clock: str
    at: Sequence[int]
    values: dict[str, Sequence[float | None]] = field(default_factory=dict)
    """By name."""
    from_zero: bool = False


@dataclass(frozen=True)
class _Wanted:
    title: str
    meaning: str
    columns: dict[str, str]
    """Pattern of a column's name, and the curve's name, where \\1 is the pattern's first group."""
    from_zero: bool = False


TOKENIZER = (
    _Wanted(
        "Objective", "The tokenizer's total loss; the weights λ change over time, so it may rise.", {"loss": "loss"}
    ),
    _Wanted("Reconstruction", "Distance between decoded and original features.", {"reconstruction_loss": "loss"}),
    _Wanted("Quantisation", "Distance between latents and their codewords.", {"quantization_loss": "loss"}),
    _Wanted(
        "Collision term",
        "Repulsion of overlapping pairs that the regulation does not relax.",
        {"collision_loss": "loss"},
        from_zero=True,
    ),
    _Wanted(
        "Collaborative term",
        "InfoNCE: how well items used together are told from the rest of the batch.",
        {"collaborative_loss": "loss"},
    ),
    _Wanted(
        "Weights of the terms",
        "λ_col of the collision term, λ_cf of the collaborative term: from separation to alignment.",
        {"lambda_col": "λ_col", "lambda_cf": "λ_cf"},
        from_zero=True,
    ),
    _Wanted(
        "Fate of overlapping pairs",
        "Gate rate (share relaxed as similar enough) and share repelled; the rest are beyond the margin.",
        {"relaxed_share": "relaxed", "repelled_share": "repelled"},
        from_zero=True,
    ),
    _Wanted(
        "Overlaps",
        "Share of the batch's pairs with the same code on at least one level.",
        {"overlap_rate": "overlapping pairs"},
        from_zero=True,
    ),
    _Wanted(
        "Collision rate",
        "Share of the batch's items whose Semantic ID is not unique.",
        {"batch_collision_rate": "items"},
        from_zero=True,
    ),
    _Wanted(
        "Perplexity",
        "Effective number of codewords that a batch uses, by level; a batch is smaller than the catalogue.",
        {r"batch_perplexity_(\d+)": r"level \1"},
        from_zero=True,
    ),
)
TRAINING = (_Wanted("Training loss", "Mean loss per example, by epoch.", {"loss": "recommender"}),)
_OTHER = "Another value from the tokenizer's log."


def tokenizer_curves(history: Mapping[str, Columns]) -> tuple[list[Curves], list[Curves]]:
    """Return the curves of the tokenizer's training: the main ones, and all others."""
    columns, clock = history["tokenizer"], PARTS["tokenizer"]
    drawn = _drawn(columns, clock, TOKENIZER)
    patterns = [pattern for wanted in TOKENIZER for pattern in wanted.columns]
    rest = [name for name in columns if name != clock and not any(re.fullmatch(one, name) for one in patterns)]
    others = [Curves(name, _OTHER, clock, columns[clock], {name: columns[name]}) for name in rest]
    return drawn, [curves for curves in others if _has_values(curves)]


def network_curves(history: Mapping[str, Columns]) -> list[Curves]:
    """Return the recommender's loss and its validation metrics, one chart per kind of metric."""
    validation, clock = history["validation"], PARTS["validation"]
    kinds = list(dict.fromkeys(name.partition("@")[0] for name in validation if name != clock))
    wanted = [
        _Wanted(
            f"Validation {metric_title(kind)}",
            "By epoch, at each evaluated k; the best epoch's model is kept.",
            {rf"{re.escape(kind)}(@\d+)?": f"{metric_title(kind)}\\1"},
            from_zero=True,
        )
        for kind in kinds
    ]
    return [*_drawn(history["training"], PARTS["training"], TRAINING), *_drawn(validation, clock, wanted)]


def _drawn(columns: Columns, clock: str, wanted: Sequence[_Wanted]) -> list[Curves]:
    found = []
    for one in wanted:
        values: dict[str, Sequence[float | None]] = {
            match.expand(name): columns[column]
            for pattern, name in one.columns.items()
            for column in columns
            if column != clock and (match := re.fullmatch(pattern, column))
        }
        found.append(Curves(one.title, one.meaning, clock, columns[clock], values, one.from_zero))
    return [curves for curves in found if _has_values(curves)]


def _has_values(curves: Curves) -> bool:
    return any(value is not None for values in curves.values.values() for value in values)
