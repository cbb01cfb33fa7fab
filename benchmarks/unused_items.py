"""What can replace the behaviour of items that nobody used yet? Semantic IDs under several imputations.

    python -m benchmarks.unused_items --dataset=amazon-toys --data_path=data

A twentieth of the items lose their behaviour vectors. RQ-KMeans learns from all others, on text (128 principal
components) and behaviour (64 columns of co-occurrence) with equal weight, as in
props/variant/rqkmeans-behaviour.yaml. These items are then encoded with imputed behaviour, and their codes are compared
with those from their own behaviour.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from recbole_adasid.features.behaviour_modality import behaviour_features
from recbole_adasid.features.item_features import item_features
from recbole_adasid.features.preparation import Preparation, Prepared
from recbole_adasid.features.stand_in_vectors import anchors_of, filled
from recbole_adasid.features.vectors import ItemFeatures
from recbole_adasid.io.stage_cache import StageCache
from recbole_adasid.tokenizer.clustering.rq_kmeans import RQKMeansTokenizer
from recbole_adasid.tokenizer.scaling import FeatureScaler

HIDDEN, WIDTH, NEIGHBOURS = 0.05, 128, 10
COLUMNS = ("same first code", "same two codes", "alike in text", "alike in behaviour")


class Data(NamedTuple):
    """Items [N], of which some are `hidden`."""

    text: NDArray[np.float64]
    behaviour: NDArray[np.float64]
    hidden: NDArray[np.bool_]
    known: NDArray[np.bool_]
    """Those that have a behaviour vector and are not hidden."""


def load(dataset: str, data_path: str) -> Data:
    """Return text and behaviour as they are fused, the statistics those of the items that are not hidden."""
    from recbole.data import create_dataset

    from recbole_adasid.plugin.config.building import build_config

    config = build_config({"dataset": dataset, "data_path": data_path, "cache_dir": None})
    items = create_dataset(config).build()[0].training_items()
    cache = StageCache(None)
    text = item_features(config, items, cache)
    used = {name: config[f"behaviour_{name}"] for name in ("negatives", "window", "max_user_items")}
    asked = {"behaviour": "cooccurrence", "width": 64, **{f"behaviour_{name}": value for name, value in used.items()}}
    behaviour = behaviour_features(asked, items, cache)
    there = behaviour.values.any(axis=1)
    hidden = there & (np.random.default_rng(0).random(len(there)) < HIDDEN)
    known = there & ~hidden
    prepare = Preparation(balanced=True)
    learnt = prepare(ItemFeatures(behaviour.values, {}, known)).learnt
    own = prepare(ItemFeatures(behaviour.values, {}, there), learnt).values
    return Data(Preparation(width=WIDTH, balanced=True)(text).values, own, hidden, known)


def answers(data: Data) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Yield what may stand in, by name: a behaviour vector [H, d] for each hidden item."""
    yield "their own behaviour", data.behaviour[data.hidden]
    yield "the mean of all", np.zeros_like(data.behaviour[data.hidden])
    given = np.c_[data.text, np.ones(len(data.text))]
    gram = given[data.known].T @ given[data.known]
    gram += 0.01 * np.trace(gram) / len(gram) * np.eye(len(gram))
    linear = np.linalg.solve(gram, given[data.known].T @ data.behaviour[data.known])
    yield "a ridge regression on the text", given[data.hidden] @ linear
    wanted = Prepared(np.where(data.known[:, None], data.behaviour, 0), data.known, {})
    anchors = anchors_of(wanted, data.text)
    for count in (1, 3, 5, 10, 20):
        yield f"the mean of the {count} nearest by text", filled(wanted, data.text, anchors, count)[data.hidden]


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="amazon-toys")
    parser.add_argument("--data_path", required=True)
    arguments = parser.parse_args()
    data = load(arguments.dataset, arguments.data_path)
    fused = np.c_[data.text, data.behaviour].astype(np.float32)
    scaler = FeatureScaler(width=fused.shape[1], mode="none")
    tokenizer = RQKMeansTokenizer(scaler=scaler, width=fused.shape[1], codebook_sizes=[256] * 3, iterations=20, seed=0)
    tokenizer.fit(torch.from_numpy(fused[data.known]), None)
    first = tokenizer.encode(torch.from_numpy(fused[data.known]))[:, 0].numpy()
    near = [_nearest(vectors, data) for vectors in (data.text, data.behaviour)]
    print(
        f"{data.hidden.sum()} of {len(fused)} items without behaviour; the last two columns are the share of an item's"
    )
    print(f"{NEIGHBOURS} nearest by its text, or by its own behaviour, that have its first code\n")
    print("| what stands in | " + " | ".join(COLUMNS) + " |\n|" + " --- |" * (1 + len(COLUMNS)))
    own: NDArray[np.int64] | None = None
    for name, vectors in answers(data):
        given = np.c_[data.text[data.hidden], vectors].astype(np.float32)
        codes = tokenizer.encode(torch.from_numpy(given)).numpy()
        own = codes if own is None else own
        same = [(codes[:, :depth] == own[:, :depth]).all(axis=1).mean() for depth in (1, 2)]
        alike = [(first[rows] == codes[:, :1]).mean() for rows in near]
        print(f"| {name} | " + " | ".join(f"{value:.3f}" for value in (*same, *alike)) + " |", flush=True)


def _nearest(vectors: NDArray[np.float64], data: Data) -> NDArray[np.int64]:
    """Return the nearest of the known items for each hidden one [H, NEIGHBOURS], by cosine."""
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return np.argsort(-(unit[data.hidden] @ unit[data.known].T), axis=1)[:, :NEIGHBOURS]


if __name__ == "__main__":
    main()
