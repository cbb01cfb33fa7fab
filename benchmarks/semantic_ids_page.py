"""The page that `benchmarks.semantic_ids` writes: the measurements, part by part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Record = Mapping[str, Any]

HEADINGS = {
    "kmeans": "RQ-KMeans beside faiss",
    "opq": "RQ-OPQ at three scales of the features",
    "gradients": "How gradients pass the lookup of Improved VQGAN and the Rotation Trick",
    "start": "Where trainable tokenizers start",
    "draws": "What is drawn while they train",
    "collisions": "AdaSID's collision term",
}
NOTES = {
    "kmeans": "`before`: seeds on points, empty centroids on the worst represented ones (commit 5eee95c).",
    "opq": "`before`: axes dealt out by logarithms of variances that are below 1 (commit 5eee95c).",
    "gradients": "`before`: Improved VQGAN's gradient went around its projections, which the reconstruction did not "
    "train; the Rotation Trick had one rotation, from the latent to the sum of the codewords (commit 427ef89).",
    "start": "`quantize_from` 0 puts codebooks on the untrained encoder's output, as it was before. The default of 100 "
    "stands for a tenth of the steps, if that is less.",
    "draws": "`tokenizer_draw=pairs` is how tokenizers without a pair loss were trained before; "
    "`pair_draw_power` 1 is the default. With 100,000 examples the proxy has hardly begun to learn: its NDCG@10 tells "
    "nothing then.",
    "collisions": "Weight and a: means over training of the share of the term's weight, and of the load's factor, at "
    "overlaps of depth 1, 2 and 3; 3 are equal Semantic IDs. As above, the proxy of 100,000 examples tells nothing.",
}


def page(records: Sequence[Record]) -> str:
    """Return the page in Markdown."""
    parts = [
        "# What choices of tokenizer training do to Semantic IDs",
        "Amazon Toys, 11,924 items, three levels of 256 codewords. Written by `python -m benchmarks.semantic_ids`. "
        "Perplexity by level: 256 if all codewords are used alike. Alone: codewords of each level that a single item "
        "has. Error: squared, of the features that codes decode to, over the features' variance.",
    ]
    for part, heading in HEADINGS.items():
        own = [record for record in records if record["part"] == part]
        if own:
            parts += [f"## {heading}", NOTES[part], _table(part, own)]
    minutes = sum(record["cpu_s"] for record in records) / 60
    parts.append(f"All of it took {minutes:.0f} core minutes.")
    return "\n\n".join(parts) + "\n"


def _table(part: str, records: Sequence[Record]) -> str:
    rows = [_row(part, record) for record in records]
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [" | ".join(names), " | ".join("---" for _ in names)]
    lines += [" | ".join(row.get(name, "") for name in names) for row in rows]
    return "\n".join(f"| {line} |" for line in lines)


def _row(part: str, record: Record) -> dict[str, str]:
    changes = ", ".join(f"{key} {value}" for key, value in record["changes"].items())
    row = {"tokenizer": record["tokenizer"], "with": changes, "seed": str(record["seed"])}
    if "steps" in record:
        row["steps"] = f"{record['steps']:,}"
    if part in ("kmeans", "opq", "gradients"):
        row["code"] = "" if record["tokenizer"] == "faiss" else record["label"]
    if "after_20_steps" in record:
        early = record["after_20_steps"]
        row |= {"perplexity 20 steps on": _numbers(early["perplexity"]), "unique then": f"{early['unique_sids']:.4f}"}
    row |= {
        "perplexity": _numbers(record["perplexity"]),
        "alone": _numbers(record["alone"]),
        "unique SIDs": f"{record['unique_sids']:.4f}",
        "items in collisions": f"{record['collision_rate']:.4f}",
        "largest group": f"{record['largest_collision_group']:.0f}",
        "error": f"{record['reconstruction']:.4f}",
    }
    if part == "collisions":
        row |= {"weight": _by_depth(record, "weight_share"), "a": _by_depth(record, "load_factor")}
    if "proxy_ndcg@10" in record:
        row["proxy NDCG@10"] = f"{record['proxy_ndcg@10']:.4f}"
        row["its examples"] = f"{record['proxy_examples']:,}"
    return row


def _by_depth(record: Record, name: str) -> str:
    found = [record.get(f"{name}_of_depth_{depth}") for depth in (1, 2, 3)]
    return " / ".join("" if value is None else f"{value:.3f}" for value in found)


def _numbers(values: Sequence[float]) -> str:
    return " / ".join(f"{value:.0f}" for value in values)
