"""What others published for the datasets of a grid."""

from __future__ import annotations

from pathlib import Path

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
PUBLISHED_METRICS = ("recall@5", "ndcg@5", "recall@10", "ndcg@10")


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
