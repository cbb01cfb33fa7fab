"""Generative, dense and hybrid retrieval of saved LIGERs, on validation and test: metrics, users per second, and the
metrics of items that training did not see.

    python -m benchmarks.retrievals --model_files=A/model.safetensors,B/model.safetensors --out=retrievals.jsonl

One trained LIGER supports all three: `retrieval` and `hybrid_score` only affect recommending.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.seen_items import K, metrics
from recbole_adasid.io.atomic import append_line
from recbole_adasid.plugin.patches.quick_start import load_data_and_model

WAYS = {
    "dense": ("dense", "dense"),
    "generative": ("generative", "dense"),
    "hybrid, by dense score": ("hybrid", "dense"),
    "hybrid, by the sum": ("hybrid", "sum"),
}


def main() -> None:
    """Measure the models one by one, a line for each part of the data and each retrieval."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model_files", required=True, help="a LIGER's model.safetensors, separated by commas")
    parser.add_argument("--beam_size", type=int, help="default: the model's")
    parser.add_argument("--out", type=Path, required=True, help="file of the lines")
    arguments = parser.parse_args()
    logging.disable(logging.INFO)
    for path in arguments.model_files.split(","):
        config, model, _, _, valid, test = load_data_and_model(path, trusted=True)
        model.eval()
        model.beam_size = arguments.beam_size or model.beam_size
        for part, data in (("validation", valid), ("test", test)):
            for way, (retrieval, score) in WAYS.items():
                model.tiger.retrieval, model.tiger.hybrid_score = retrieval, score
                about = {name: config[name] for name in ("dataset", "seed", "cold_item_share")}
                line = json.dumps(
                    {**about, "beam_size": model.beam_size, "part": part, "retrieval": way, **measure(model, data)}
                )
                print(line, flush=True)
                append_line(arguments.out, line)


@torch.no_grad()
def measure(model: Any, data: Any) -> dict[str, Any]:
    """Return metrics of all users and of those whose held-out item is new, and how many are answered a second."""
    hits, held = [], []
    begin = time.perf_counter()
    for interaction, _, _, held_out in data:
        hits.append(model.recommend_topk(interaction, K)[0] == held_out[:, None])
        held.append(held_out)
    seconds = time.perf_counter() - begin
    new = ~model.tiger.content.trained[torch.cat(held)]
    every = torch.cat(hits)
    parts: dict[str, Tensor] = {"all": every, "new items": every[new], "others": every[~new]}
    measured = {name: {"users": len(part), **metrics(part)} for name, part in parts.items() if len(part)}
    return {**measured, "users_per_s": round(len(every) / seconds)}


if __name__ == "__main__":
    main()
