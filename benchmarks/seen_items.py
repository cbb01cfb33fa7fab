"""Test metrics of saved models with all items ranked, and again with history items excluded.

    python -m benchmarks.seen_items --model_files=A/model.pth,B/model.safetensors --out=seen_items.jsonl

If nobody takes an item twice, as in reviews, recommending history items wastes places. This measures how much: part of
one model's lead over another may come from not doing so. Models must score all items.
"""

from __future__ import annotations

import argparse
import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import torch

from recbole_adasid.evaluation.full_ranking import first_places
from recbole_adasid.io.atomic import append_line
from recbole_adasid.plugin.patches.quick_start import load_data_and_model

K = 10


def main() -> None:
    """Measure the models one by one, a line each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model_files", required=True, help="model.pth or model.safetensors, separated by commas")
    parser.add_argument("--out", type=Path, required=True, help="file of a line for each model")
    arguments = parser.parse_args()
    logging.disable(logging.INFO)
    for path in arguments.model_files.split(","):
        line = json.dumps(measure(path))
        print(line, flush=True)
        append_line(arguments.out, line)


def measure(path: str) -> dict[str, Any]:
    """Return the metrics of a saved model of one's own, both ways, and how many of its places seen items take."""
    config, model, _, _, _, test = load_data_and_model(path, trusted=True)
    model.eval()
    every, without, seen = [], [], []
    with torch.no_grad():
        for interaction, _, _, held_out in test:
            scores = model.full_sort_predict(interaction).view(len(interaction), -1)
            scores[:, 0] = -torch.inf
            history = interaction[config["ITEM_ID_FIELD"] + config["LIST_SUFFIX"]]
            found = first_places(scores, held_out, K)
            every.append(found == held_out[:, None])
            seen.append((found[:, :, None] == history[:, None, :]).any(2).float().mean(1))
            again = (history == held_out[:, None]) & (history > 0)
            left = scores.scatter(1, history.masked_fill(again, 0), -torch.inf)  # what is held out stays
            without.append(first_places(left, held_out, K) == held_out[:, None])
    return {
        "model": config["model"],
        "dataset": config["dataset"],
        "seed": config["seed"],
        "users": len(torch.cat(seen)),
        "all items": metrics(torch.cat(every)),
        "without those seen": metrics(torch.cat(without)),
        "share of places with items seen": round(float(torch.cat(seen).mean()), 4),
    }


def metrics(hits: torch.Tensor) -> dict[str, float]:
    """Return Recall and NDCG at 10 of hits [users, 10]; at most one a user."""
    gains = hits.numpy() / np.log2(np.arange(2, K + 2))
    return {"recall@10": round(float(hits.any(1).float().mean()), 4), "ndcg@10": round(float(gains.sum(1).mean()), 4)}


if __name__ == "__main__":
    main()
