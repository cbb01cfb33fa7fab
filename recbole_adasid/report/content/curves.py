"""Which columns of a run's history are drawn together, and what they mean."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from recbole_adasid.report.content.metrics import metric_title
from recbole_adasid.run_folder.history import PARTS, Columns


@dataclass(frozen=True)
class Curves:
    """Curves over one clock that share a scale."""

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
    """What matches a column's name, and what the curve is called; \\1 stands for what the first bracket matches."""
    from_zero: bool = False


TOKENIZER = (
    _Wanted(
        "Objective", "What the tokenizer minimises; the weights λ change over time, so it may rise.", {"loss": "loss"}
    ),
    _Wanted("Reconstruction", "How far the decoder is from the item's features.", {"reconstruction_loss": "loss"}),
    _Wanted("Quantisation", "How far latents are from the codewords they get.", {"quantization_loss": "loss"}),
    _Wanted(
        "Collision term",
        "The repulsion of overlapping pairs that the regulation does not relax.",
        {"collision_loss": "loss"},
        from_zero=True,
    ),
    _Wanted(
        "Collaborative term",
        "InfoNCE: whether items that people take together are found among the batch's others.",
        {"collaborative_loss": "loss"},
    ),
    _Wanted(
        "Weights of the terms",
        "λ_col of the collision term and λ_cf of the collaborative one: from separation to alignment.",
        {"lambda_col": "λ_col", "lambda_cf": "λ_cf"},
        from_zero=True,
    ),
    _Wanted(
        "Fate of overlapping pairs",
        "Gate rate (share relaxed, being alike enough) and share repelled; the rest is beyond its margin.",
        {"relaxed_share": "relaxed", "repelled_share": "repelled"},
        from_zero=True,
    ),
    _Wanted(
        "Overlaps",
        "Share of a batch's pairs that have a code in common on some level.",
        {"overlap_rate": "overlapping pairs"},
        from_zero=True,
    ),
    _Wanted(
        "Collision rate",
        "Share of a batch's items whose Semantic ID is not theirs alone.",
        {"batch_collision_rate": "items"},
        from_zero=True,
    ),
    _Wanted(
        "Perplexity",
        "How many codewords a batch uses as if evenly, by level; a batch has fewer items than the catalogue.",
        {r"batch_perplexity_(\d+)": r"level \1"},
        from_zero=True,
    ),
)
TRAINING = (_Wanted("Training loss", "Mean loss of an example, by epoch.", {"loss": "recommender"}),)
_OTHER = "Another number of the tokenizer's log."


def tokenizer_curves(history: Mapping[str, Columns]) -> tuple[list[Curves], list[Curves]]:
    """Return the curves of the tokenizer's training: those that everybody looks at, and all others."""
    columns, clock = history["tokenizer"], PARTS["tokenizer"]
    drawn = _drawn(columns, clock, TOKENIZER)
    patterns = [pattern for wanted in TOKENIZER for pattern in wanted.columns]
    rest = [name for name in columns if name != clock and not any(re.fullmatch(one, name) for one in patterns)]
    others = [Curves(name, _OTHER, clock, columns[clock], {name: columns[name]}) for name in rest]
    return drawn, [curves for curves in others if _has_values(curves)]


def network_curves(history: Mapping[str, Columns]) -> list[Curves]:
    """Return the recommender's loss and its validation metrics, one picture for each kind of metric."""
    validation, clock = history["validation"], PARTS["validation"]
    kinds = list(dict.fromkeys(name.partition("@")[0] for name in validation if name != clock))
    wanted = [
        _Wanted(
            f"Validation {metric_title(kind)}",
            "By epoch, at the ks that are evaluated; the best epoch's model is kept.",
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
