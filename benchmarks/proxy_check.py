"""Does the scorecard's proxy rank tokenizers as TIGER does? Both results side by side, and their rank correlation.

    python -m benchmarks.proxy_check --scorecard=results/scorecard/amazon-toys --grid=results/grid --dataset=amazon-toys

Reads the output of `recbole-adasid scorecard` and `recbole-adasid grid`; runs with extra options (other epochs,
another size) are skipped. TIGER's validation metric is used, because choices are made on validation.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pandas as pd
from scipy import stats

METRIC = "ndcg@10"
PROXY = f"proxy_{METRIC}"


def compare(scorecard: Path, grid: Path, dataset: str) -> pd.DataFrame:
    """Return tokenizers that both have, by TIGER's validation: ``tiger`` and ``proxy``, means over seeds."""
    table = pd.read_json(scorecard / "table.json").set_index("name")
    lines = (grid / "cells.jsonl").read_text(encoding="utf-8").splitlines()
    records = [record for record in map(json.loads, lines) if record["dataset"] == dataset and not record["common"]]
    tiger = pd.Series(
        [record["best_valid"][METRIC] for record in records], index=[record["cell"] for record in records]
    )
    found = tiger.groupby(level=0).mean().rename("tiger").to_frame()
    found["proxy"] = table[PROXY]
    found["title"] = table["title"]
    return found.dropna().sort_values("tiger", ascending=False)


def markdown(found: pd.DataFrame, dataset: str) -> str:
    lines = [
        f"# The proxy against TIGER on {dataset}",
        "Written by `python -m benchmarks.proxy_check`. Validation NDCG@10, means over the seeds there are.",
        "| tokenizer | TIGER | proxy |\n|---|---|---|\n"
        + "\n".join(f"| {row.title} | {row.tiger:.4f} | {row.proxy:.4f} |" for row in found.itertuples()),
    ]
    if len(found) > 2:
        spearman = stats.spearmanr(found["tiger"], found["proxy"]).statistic
        pearson = stats.pearsonr(found["tiger"], found["proxy"]).statistic
        lines.append(f"Rank correlation (Spearman) {spearman:.2f}, linear correlation (Pearson) {pearson:.2f}.")
    return "\n\n".join(lines) + "\n"


def main() -> None:
    """Print the table and write it beside the scorecard as proxy.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scorecard", type=Path, required=True)
    parser.add_argument("--grid", type=Path, required=True)
    parser.add_argument("--dataset", required=True)
    arguments = parser.parse_args()
    text = markdown(compare(arguments.scorecard, arguments.grid, arguments.dataset), arguments.dataset)
    (arguments.scorecard / "proxy.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
