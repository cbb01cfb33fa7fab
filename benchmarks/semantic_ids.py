"""Effects of the tokenizer training choices on Semantic IDs, on real Amazon Toys: one before-and-after page.

    python -m benchmarks.semantic_ids --data_path=data --out=results/tokenizers --parts=kmeans,opq

Each line of measurements.jsonl is one tokenizer; existing lines are not recomputed, so an interrupted run resumes. The
parts include the old behaviour if a setting restores it. The old k-means, RQ-OPQ and gradients are not a setting: put
the folder of an older working copy first in PYTHONPATH and run this file by its path with `--label=before`; both then
appear in one table.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

PARTS = ("kmeans", "opq", "gradients", "start", "draws", "collisions")
SINGLE = ("gradients", "start", "collisions")
"""Parts that train many tokenizers and take the first seed alone."""
TRAINABLE = ("rqvae", "vqgan", "grvq", "rotation", "simrq", "quasid", "adasid")
DRAWS: dict[str, list[dict[str, Any]]] = {
    "rqvae": [{"tokenizer_draw": "pairs"}, {}],
    "adasid": [{}, {"pair_draw_power": 0.5}, {"pair_draw_power": 0.0}],
    "quasid": [{}, {"pair_draw_power": 0.5}, {"pair_draw_power": 0.0}],
}
COLLISIONS: list[dict[str, Any]] = [
    {"collision_weight": 0.0},
    {},
    {"collision_reduction": "per_depth"},
    {"collision_reduction": "per_depth", "relaxation_thresholds": [0.6, 0.8, 1.01]},
    {"load_reference": "depth", "load_saturation": 1.0},
    {"load_region": "codes", "load_reference": "depth", "load_saturation": 1.0},
]


def wanted(parts: list[str], seeds: list[int], label: str) -> Iterator[dict[str, Any]]:
    """Yield what to measure: ``part``, ``tokenizer``, ``changes`` to its settings, ``seed``, ``label``."""
    for part in parts:
        for seed in seeds[: 1 if part in SINGLE else None]:
            for tokenizer, changes in cases(part):
                yield {"part": part, "tokenizer": tokenizer, "changes": changes, "seed": seed, "label": label}
    if "opq" in parts:
        for factor in (0.001, 1000.0):
            yield {"part": "opq", "tokenizer": "rqopq", "changes": {"times": factor}, "seed": seeds[0], "label": label}


def cases(part: str) -> list[tuple[str, dict[str, Any]]]:
    if part == "kmeans":
        return [("rqkmeans", {}), ("faiss", {})]
    if part == "opq":
        return [("rqopq", {})]
    if part == "gradients":
        return [("vqgan", {}), ("rotation", {})]
    if part == "start":
        return [(name, {"quantize_from": start}) for name in TRAINABLE for start in (0, 100)]
    if part == "draws":
        return [(name, changes) for name, several in DRAWS.items() for changes in several]
    return [("adasid", changes) for changes in COLLISIONS]


class Bench:
    """The items of Amazon Toys, and tokenizers trained on them."""

    def __init__(self, data_path: Path, steps: int, proxy_examples: int) -> None:
        from recbole_adasid.features.item_features import item_features
        from recbole_adasid.io.stage_cache import StageCache
        from recbole_adasid.learning.pipeline import collaborative_pairs
        from recbole_adasid.plugin.config.building import build_config
        from recbole_adasid.plugin.datasets.splits import load_splits

        self.steps, self.proxy_examples, self.build_config = steps, proxy_examples, build_config
        self.common = {"dataset": "amazon-toys", "data_path": str(data_path), "cache_dir": None, "state": "ERROR"}
        config = build_config({**self.common, "tokenizer": "rqvae"})
        self.items, self.train, self.valid = load_splits(config)
        self.features = torch.from_numpy(item_features(config, self.items, StageCache(None)).values)
        self.pairs = collaborative_pairs(config, self.items, StageCache(None))

    def measure(self, case: dict[str, Any]) -> dict[str, Any]:
        """Return the figures of one case."""
        if case["tokenizer"] == "faiss":
            return faiss_levels(self.features, case["seed"])
        changes = dict(case["changes"])
        features = self.features * changes.pop("times", 1.0)
        settings = {**self.common, "tokenizer": case["tokenizer"], "seed": case["seed"], "tokenizer_steps": self.steps}
        tokenizer = self.tokenizer({**settings, **changes})
        if case["tokenizer"] in ("rqkmeans", "rqopq"):
            tokenizer.fit(features, None)
            return quality(tokenizer, features)
        return self.trained(case, tokenizer)

    def tokenizer(self, settings: dict[str, Any]) -> Any:
        from recbole_adasid.tokenizer.registry import build_tokenizer, tokenizer_settings

        described = tokenizer_settings(self.build_config(settings))
        return build_tokenizer(described, width=self.features.shape[1])

    def trained(self, case: dict[str, Any], tokenizer: Any) -> dict[str, Any]:
        training = tokenizer.start_training(self.features, self.pairs)
        figures: dict[str, Any] = {"steps": self.steps}
        logged: list[dict[str, float]] = []
        for number in range(self.steps):
            numbers = training.step(number)
            if number >= 0.1 * self.steps:
                logged.append(numbers)
            if number == training.start.step + 19:
                figures["after_20_steps"] = quality(tokenizer, self.features)
        figures |= quality(tokenizer, self.features)
        names = [name for name in logged[-1] if "_of_depth_" in name or name in ("repelled_share", "relaxed_share")]
        figures |= {name: float(np.mean([one[name] for one in logged if name in one])) for name in names}
        if case["part"] in ("draws", "collisions"):
            figures |= {**self.proxy(tokenizer, case["seed"]), "proxy_examples": self.proxy_examples}
        return figures

    def proxy(self, tokenizer: Any, seed: int) -> dict[str, float]:
        from recbole_adasid.scorecard.proxy import ProxySettings, proxy_metrics

        codes, sizes = tokenizer.encode(self.features).numpy(), tokenizer.codebook_sizes
        settings = ProxySettings(training_examples=self.proxy_examples)
        return proxy_metrics(codes, sizes, self.train, self.valid, seed=seed, settings=settings)


def quality(tokenizer: Any, features: Tensor) -> dict[str, Any]:
    """Return perplexities, unique Semantic IDs and the reconstruction error over the features' variance."""
    from recbole_adasid.tokenizer.quality import sid_quality

    codes = tokenizer.encode(features)
    found = sid_quality(codes.numpy(), tokenizer.codebook_sizes)
    latent = tokenizer.latent(features)
    left = (latent - tokenizer.quantized(codes)).square().sum() / (latent - latent.mean(0)).square().sum()
    scale = getattr(tokenizer, "scaler", None) or tokenizer.autoencoder.scaler
    error = ((features - tokenizer.decode(codes)) / scale.scale).square().sum()
    variance = ((features - features.mean(0)) / scale.scale).square().sum()
    return {
        "perplexity": [round(found[f"perplexity_{level}"], 1) for level in range(1, 4)],
        "alone": [int((np.bincount(column) == 1).sum()) for column in codes.numpy().T],
        **{name: found[name] for name in ("unique_sids", "collision_rate", "largest_collision_group")},
        "reconstruction": float(error / variance),
        "quantization": float(left),
    }


def faiss_levels(features: Tensor, seed: int) -> dict[str, Any]:
    """Return the same of residual k-means by faiss."""
    import faiss

    residual, codes = features.numpy().copy(), []
    for _level in range(3):
        peer = faiss.Kmeans(residual.shape[1], 256, niter=50, seed=seed)
        peer.train(residual)
        codes.append(peer.index.search(residual, 1)[1][:, 0])
        residual -= peer.centroids[codes[-1]]
    counts = [np.bincount(column, minlength=256) for column in codes]
    shares = [count[count > 0] / count.sum() for count in counts]
    groups = np.unique(np.stack(codes, 1), axis=0, return_counts=True)[1]
    centred = features - features.mean(0)
    return {
        "perplexity": [round(float(np.exp(-(share * np.log(share)).sum())), 1) for share in shares],
        "alone": [int((count == 1).sum()) for count in counts],
        "unique_sids": len(groups) / len(features),
        "collision_rate": float(groups[groups > 1].sum() / len(features)),
        "largest_collision_group": float(groups.max()),
        "reconstruction": float(np.square(residual).sum() / centred.square().sum()),
    }


def main() -> None:
    """Measure what is not there yet, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data_path", type=Path, required=True, help="folder of amazon-toys")
    parser.add_argument("--out", type=Path, required=True, help="folder for README.md and measurements.jsonl")
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--tokenizers", default=None, help="some of those of the parts; without it, all")
    parser.add_argument("--seeds", default="0,1,2", help="parts that train many tokenizers take the first alone")
    parser.add_argument("--steps", type=int, default=1000, help="of trainable tokenizers")
    parser.add_argument("--proxy_examples", type=int, default=300_000)
    parser.add_argument("--label", default="after", help="which code this is: after, or before")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    lines, seeds = arguments.out / "measurements.jsonl", [int(seed) for seed in arguments.seeds.split(",")]
    bench = None
    for case in wanted(arguments.parts.split(","), seeds, arguments.label):
        if arguments.tokenizers and case["tokenizer"] not in arguments.tokenizers.split(","):
            continue
        if any(all(one[key] == case[key] for key in case) for one in read(lines)):
            continue
        bench = bench or Bench(arguments.data_path, arguments.steps, arguments.proxy_examples)
        started = time.process_time()
        found = {**case, **bench.measure(case), "cpu_s": round(time.process_time() - started)}
        print(json.dumps(found), flush=True)
        with lines.open("a", encoding="utf-8") as file:
            file.write(json.dumps(found) + "\n")
    if arguments.label == "after":
        from benchmarks.semantic_ids_page import page

        (arguments.out / "README.md").write_text(page(read(lines)), encoding="utf-8")


def read(lines: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.read_text(encoding="utf-8").splitlines()] if lines.exists() else []


if __name__ == "__main__":
    main()
