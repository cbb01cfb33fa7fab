"""All retrievals of saved LIGERs, on validation and test: metrics, users per second, the metrics of items that training
did not see, and those of the others with and without such items on offer.

    python -m benchmarks.retrievals --model_files=A/model.safetensors,B/model.safetensors --out=retrievals.jsonl

One trained LIGER supports all: `retrieval`, `hybrid_score` and `new_item_bias` only affect recommending.
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
from recbole_adasid.model.prefix_tree import PrefixTree
from recbole_adasid.model.settings import HEAD
from recbole_adasid.plugin.patches.quick_start import load_data_and_model

WAYS: dict[str, dict[str, Any]] = {
    "dense": {"retrieval": "dense"},
    "generative": {"retrieval": "generative"},
    "hybrid, by dense score": {"retrieval": "hybrid", "hybrid_score": "dense"},
    "hybrid, by the sum": {"retrieval": "hybrid", "hybrid_score": "sum"},
}


def main() -> None:
    """Measure the models one by one, a line for each part of the data and each retrieval."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model_files", required=True, help="a LIGER's model.safetensors, separated by commas")
    parser.add_argument("--beam_size", type=int, help="default: the model's")
    parser.add_argument("--retrievals", default=";".join(WAYS), help="separated by semicolons (default: %(default)s)")
    parser.add_argument("--new_item_biases", type=_biases, help="separated by commas (default: the model's)")
    parser.add_argument("--out", type=Path, required=True, help="file of the lines")
    arguments = parser.parse_args()
    logging.disable(logging.INFO)
    ways = arguments.retrievals.split(";")
    if unknown := [way for way in ways if way not in WAYS]:
        parser.error(f"unknown retrieval {unknown[0]!r}; valid: {'; '.join(WAYS)}")
    for path in arguments.model_files.split(","):
        config, model, _, _, valid, test = load_data_and_model(path, trusted=True)
        model.eval()
        model.beam_size = arguments.beam_size or model.beam_size
        biases = arguments.new_item_biases or [model.tiger.head.new_item_bias]
        for way in ways:
            for bias in biases[:1] if way == "generative" else biases:  # which it does not change
                model.tiger.head.new_item_bias = bias
                for name, value in WAYS[way].items():
                    setattr(model.tiger, name, value)
                about = {name: config[name] for name in ("dataset", "seed", "cold_item_share", "generative_weight")}
                about |= {"beam_size": model.beam_size, "retrieval": way, "new_item_bias": bias}
                for part, data in (("validation", valid), ("test", test)):
                    line = json.dumps({**about, "part": part, **measure(model, data)})
                    print(line, flush=True)
                    append_line(arguments.out, line)


def _biases(text: str) -> list[float]:
    """Return the values of `--new_item_biases`.

    Raises:
        ValueError: if one is none.
    """
    found = [float(part) for part in text.split(",")]
    if not all(map(HEAD["new_item_bias"].fits, found)):
        raise ValueError
    return found


@torch.no_grad()
def measure(model: Any, data: Any) -> dict[str, Any]:
    """Return metrics of all users, of those whose held-out item is new and of the others, and the users per second.

    All and the others come with new items on offer and without.
    """
    trained = model.tiger.content.trained
    begin = time.perf_counter()
    every, held_out = _hits(model, data, None)
    seconds = time.perf_counter() - begin
    new = ~trained[held_out]
    parts: dict[str, Tensor] = {"all": every, "new items": every[new], "others": every[~new]}
    if new.any():
        known = model.tiger.catalogue.tree_of(trained.nonzero()[:, 0])
        without, _ = _hits(model, data, known)
        parts |= {"all, new items not offered": without, "others, new items not offered": without[~new]}
    measured = {name: {"users": len(part), **metrics(part)} for name, part in parts.items() if len(part)}
    return {**measured, "users_per_s": round(len(every) / seconds)}


def _hits(model: Any, data: Any, tree: PrefixTree | None) -> tuple[Tensor, Tensor]:
    """Return which of the K places of each user are hits, bool [U, K], and the held-out items [U]."""
    hits, held = [], []
    for interaction, _, _, held_out in data:
        if tree is None:
            found, _ = model.recommend_topk(interaction, K)
        else:
            history = interaction[model.ITEM_SEQ], interaction[model.ITEM_SEQ_LEN]
            users = interaction[model.USER_ID] if model.n_user_tokens else None
            excluded = history[0] if model.exclude_seen else None
            given = {"k": K, "beam_size": model.beam_size, "tree": tree, "users": users, "excluded": excluded}
            found, _ = model.tiger.recommend(*history, **given)
        hits.append(found == held_out[:, None])
        held.append(held_out)
    return torch.cat(hits), torch.cat(held)


if __name__ == "__main__":
    main()
