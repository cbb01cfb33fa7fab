"""TIGER's training data from a large log: read by RecBole into a table, or sorted in files.

    python -m benchmarks.log_training --folder=FOLDER --way=files

FOLDER holds the log as Parquet shards in log/, and for --way=table as data/log/log.inter. Prints the cost of preparing
the log and of drawing every batch of an epoch, without a model. `python -m benchmarks.catalogue_scale --part=log`
generates the log and compares both ways.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

from benchmarks.measuring import Watch, private_memory

NAME = "log"
WAYS = ("table", "files")
BATCH = 256
MEMORY = 0.5
"""GiB that reading and sorting may take."""


def settings(folder: Path, way: str) -> dict[str, Any]:
    """Return the settings of a run, as far as they concern the dataset."""
    files = {"interactions_files": str(folder / NAME), "interactions_memory": MEMORY} if way == "files" else {}
    shared = {
        "dataset": NAME,
        "data_path": str(folder / "data"),
        "cache_dir": str(folder / "cache"),
        "show_progress": False,
    }
    return {**shared, "train_batch_size": BATCH, **files}


def prepare(folder: Path, way: str) -> Any:
    """Return the loader of the training part, the training interactions looked at once."""
    from recbole.data import create_dataset, data_preparation

    from recbole_adasid.plugin.config.building import build_config

    config = build_config(settings(folder, way))
    train, _, _ = data_preparation(config, create_dataset(config))
    train._dataset.training_items().training_interactions().digest()
    return train


def draw(train: Any) -> int:
    """Draw the batches of an epoch and return how many examples it has."""
    from recbole_adasid.plugin.datasets.batches import LengthBuckets

    buckets = LengthBuckets(train._dataset.history_lengths(), batch_size=BATCH, seed=0, epoch=0)
    for rows in buckets:
        train.collate_fn(rows)
    return len(train._dataset)


def measure(folder: Path, way: str) -> dict[str, float]:
    """Return seconds and GiB of preparing and of drawing batches."""
    import recbole_adasid.plugin.trainer  # noqa: F401  (what every run loads)

    before = private_memory(os.getpid())
    preparing, drawing = Watch(), Watch()
    with preparing.watching():
        train = prepare(folder, way)
    with drawing.watching():
        examples = draw(train)
    return {
        "prepared in": preparing.seconds,
        "memory": max(preparing.driver, drawing.driver) - before,
        "batches in": drawing.seconds,
        "examples": examples,
    }


def main() -> None:
    """Print the measurements of one way as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--way", choices=WAYS, required=True)
    arguments = parser.parse_args()
    print(json.dumps(measure(arguments.folder, arguments.way)))


if __name__ == "__main__":
    main()
