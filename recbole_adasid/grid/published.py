"""What others published for the datasets of a grid."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from recbole_adasid.grid.records import METRICS
from recbole_adasid.io.markdown import table
from recbole_adasid.settings import plain_yaml

_FOLDER = Path(__file__).parent
PAPER: dict[str, dict[str, list[float]]] = plain_yaml.load((_FOLDER / "paper_results.yaml").read_text(encoding="utf-8"))
"""Values of AdaSID's paper, by dataset and cell."""
PUBLISHED: dict[str, dict[str, list[float | None]]] = plain_yaml.load(
    (_FOLDER / "published.yaml").read_text(encoding="utf-8")
)
"""Values of other recommenders, by dataset and label, of ``PUBLISHED_METRICS``."""
_OTHERWISE = (
    *("eval_args", "eval_exclude_seen", "user_inter_num_interval", "item_inter_num_interval", "val_interval"),
    *("rm_dup_inter", "cold_item_share", "eval_examples", "repeatable", "normalize_all", "normalize_field"),
    *("interactions_files", "interactions_table", "config_files"),  # a settings file may hold any of them
)
"""Settings that decide on which interactions figures are measured, and how."""
PUBLISHED_METRICS = ("recall@5", "ndcg@5", "recall@10", "ndcg@10")


def why_left_out(records: Sequence[dict[str, Any]]) -> list[str]:
    """Return a line on why figures measured by others are not put beside some cells; empty if they may be."""
    options = dict.fromkeys(option for record in records for option in record["options"])
    changed = [option for option in options if option[2:].partition("=")[0] in _OTHERWISE]
    if not changed:
        return []
    shown = " ".join(f"`{option}`" for option in changed)
    return [f"Figures measured by others are left out: {shown} may change what is measured here."]


def published_table(dataset: str) -> list[str]:
    """Return a table of what others published for a dataset; empty if nothing is known."""
    if dataset not in PUBLISHED:
        return []
    rows = []
    for label, values in PUBLISHED[dataset].items():
        known = dict(zip(PUBLISHED_METRICS, values))
        rows.append([label, *("" if known.get(metric) is None else f"{known[metric]:.4f}" for metric in METRICS)])
    note = "Published by others for the same reviews, 5-core and split, by their own code; not measured here:"
    return [note, table(["", *METRICS], rows, compact=True)]
