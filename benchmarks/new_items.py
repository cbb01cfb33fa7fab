"""New items in a large catalogue: time and memory of adding and removing them, and of the next recommendation.

    python -m benchmarks.new_items --items=1000000 --changes=10000

The catalogue has random codes, the encoder is AdaSID's with codebooks from k-means, TIGER is untrained. With --kinds=20
the new items are variations of 20, so most find their codes taken and have to be moved: the worst case. The run folder
is first written to a temporary folder, which takes half a minute.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from benchmarks.measuring import Measurement, peak_memory, reset_peak_memory, seconds
from recbole_adasid.data.item_labels import ItemLabel, write_labels
from recbole_adasid.io.tensor_file import write_tensors
from recbole_adasid.model.catalogue import Catalogue
from recbole_adasid.model.network.settings import network_settings
from recbole_adasid.model.network.tiger_network import TIGERNetwork
from recbole_adasid.model.tiger import TIGERModel
from recbole_adasid.run_folder.folder import RunFolder
from recbole_adasid.run_folder.model_file import KIND, tokens_digest
from recbole_adasid.serving.recommender import Recommender
from recbole_adasid.settings.presets import plugin_defaults
from recbole_adasid.tokenizer.autoencoder_tokenizer import AutoencoderTokenizer
from recbole_adasid.tokenizer.registry import build_tokenizer, tokenizer_settings

WIDTH, TRAINED_ON = 768, 20_000
TARGET = 5  # seconds


def write_run(folder: RunFolder, n_items: int) -> None:
    """Write what a run on ``n_items`` items leaves behind, as far as recommending and new items need it."""
    torch.manual_seed(0)
    settings = plugin_defaults({"seed": 0, "data_path": str(folder.path)}, "made-up") | {"data_path": str(folder.path)}
    settings |= {"model": "TIGER", "dataset": "made-up", "learner": "adam"}  # as RecBole's own settings would
    catalogue = Catalogue(torch.randint(256, (n_items, 3)), [256] * 3)
    network = TIGERNetwork(level_sizes=catalogue.level_sizes, **network_settings(settings))
    weights = TIGERModel(network=network, catalogue=catalogue).state_dict()
    tokens = [f"B{number:09d}" for number in range(n_items)]
    about = {
        "config": {"settings": settings, "categories": {}},
        "data": {"dataset": "made-up", "items": n_items, "digest": tokens_digest([tokens])},
        "sid_level_sizes": catalogue.level_sizes,
        **{"epoch": 0, "cur_step": 0, "best_valid_score": 0.0, "optimizer_numbers": {}},
    }
    write_tensors(folder.model_path, KIND, {f"model/tiger.{name}": value for name, value in weights.items()}, about)
    folder.write_sids(tokens, catalogue.tokens[1:].numpy(), level_sizes=catalogue.level_sizes)
    write_labels(folder.labels_path, tokens, [ItemLabel("a title of some words", "Toys > Puzzles")] * n_items)
    described = tokenizer_settings({**settings, "seed": 0})
    tokenizer = build_tokenizer(described, width=WIDTH)
    assert isinstance(tokenizer, AutoencoderTokenizer)
    tokenizer.start_training(torch.randn(TRAINED_ON, WIDTH), None)
    tokenizer.save(folder.tokenizer_path, {"tokenizer": described, "features": None, "pairs": None})


def new_features(n_changes: int, kinds: int | None) -> np.ndarray:
    """Return features of new items [A, d]: all different, or variations of some ``kinds``."""
    random = np.random.default_rng(0)
    varied = random.normal(size=(n_changes, WIDTH))
    if kinds is not None:
        varied = random.normal(size=(kinds, WIDTH))[random.integers(kinds, size=n_changes)] + 0.01 * varied
    return varied.astype(np.float32)


def steps(folder: RunFolder, items: int, changes: int, kinds: int | None) -> dict[str, Callable[[], Any]]:
    """Return what is timed, in order, by name."""
    new, features = [f"N{number:09d}" for number in range(changes)], new_features(changes, kinds)
    gone = [f"B{number:09d}" for number in range(0, items, items // changes)][:changes]
    history, found = ["B000000001", "B000000002"], {}

    def load() -> None:
        found["recommender"] = Recommender.load(folder.path)

    def recommend() -> None:
        found["recommender"].recommend(history, 10)

    def add() -> None:
        labels = [ItemLabel("new", "Toys > Puzzles")] * changes
        arrival = found["recommender"].add_items(new, features=features, labels=labels)
        print(f"{len(arrival.moved):,} of {changes:,} new items find their place taken")

    return {
        "load the run": load,
        "a recommendation": recommend,
        f"add {changes:,}": add,
        "the first recommendation after it": recommend,
        "save the additions": lambda: found["recommender"].save(),
        f"remove {changes:,}": lambda: found["recommender"].remove_items(gone),
        "the first recommendation then": recommend,
        "save the removals": lambda: found["recommender"].save(),
        "load the run with its changes": load,
    }


def main() -> None:
    """Print a table of seconds and memory, and the measurements for `python -m benchmarks`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--changes", type=int, default=10_000)
    parser.add_argument("--kinds", type=int, help="new items are variations of so many; default: all differ")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = RunFolder(temporary)
        write_run(folder, arguments.items)
        print("| step | seconds | peak memory, MiB | of it held before |\n|---|---|---|---|")
        for name, step in steps(folder, **vars(arguments)).items():
            before = reset_peak_memory()
            spent, most = seconds(step), peak_memory()
            print(f"| {name} | {spent:.2f} | {most:,.0f} | {before:,.0f} |", flush=True)
            if name.startswith(("add", "remove")):
                stage = f"{name} items, catalogue of {arguments.items:,}"
                detail = f"peak memory {most:,.0f} MiB, {before:,.0f} held before"
                Measurement(stage, "nothing", spent, TARGET, at_least=False, unit=" s", detail=detail).print()


if __name__ == "__main__":
    main()
