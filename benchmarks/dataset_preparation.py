"""Preparing a log for TIGER against RecBole's SequentialDataset: from atomic file to splits, time and memory.

    python -m benchmarks.dataset_preparation

Each preparation runs in a separate process, so that memory can be measured. Reading the file, remapping ids and
filtering are RecBole's in both; the second row excludes them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.measuring import Measurement, peak_memory, reset_peak_memory

ITEMS = 50_000
NAME = "log"
MODELS = ("TIGER", "SASRec")


def write_log(folder: Path, n_interactions: int) -> None:
    """Write NAME.inter: 20 interactions a user on average, in random order of time."""
    random = np.random.default_rng(0)
    users = random.integers(n_interactions // 20, size=n_interactions)
    items = random.integers(ITEMS, size=n_interactions)
    times = random.integers(1_400_000_000, 1_500_000_000, size=n_interactions)
    (folder / NAME).mkdir()
    np.savetxt(
        folder / NAME / f"{NAME}.inter",
        np.stack([users, items, times], axis=1),
        fmt="%d",
        delimiter="\t",
        header="user_id:token\titem_id:token\ttimestamp:float",
        comments="",
    )


def prepare(model: str, folder: Path) -> dict[str, float]:
    """Prepare the log for a model; return seconds and MiB, of the whole and of what follows reading and filtering."""
    from recbole.config import Config
    from recbole.data.utils import create_dataset
    from recbole.utils import init_seed

    import recbole_adasid  # noqa: F401  (makes RecBole run on current numpy, pandas and torch)

    settings = {
        "data_path": str(folder),
        "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
        "eval_args": {"split": {"LS": "valid_and_test"}, "group_by": "user", "order": "TO", "mode": "full"},
        "MAX_ITEM_LIST_LENGTH": 20,
        "train_neg_sample_args": None,
        "show_progress": False,
        "save_dataset": False,
    }
    config = Config(model=model, dataset=NAME, config_dict=settings)
    init_seed(0, True)
    marks: dict[str, float] = {}
    dataset_class = _class_of(config)
    original = dataset_class._change_feat_format

    def marked(self: object) -> None:
        marks["time"], marks["memory"] = time.perf_counter(), reset_peak_memory()
        original(self)

    dataset_class._change_feat_format = marked
    before, started = reset_peak_memory(), time.perf_counter()
    dataset = create_dataset(config)
    highest = peak_memory()
    parts = dataset.build()
    ended, last = time.perf_counter(), peak_memory()
    return {
        "whole seconds": ended - started,
        "own seconds": ended - marks["time"],
        "whole memory": max(highest, last) - before,
        "own memory": max(last, highest) - marks["memory"],
        "examples": len(parts[0]),
    }


def _class_of(config: object) -> type:
    from recbole.data.dataset import SequentialDataset

    if config["model"] != "TIGER":  # type: ignore[index]
        return SequentialDataset
    from recbole_adasid.plugin.datasets.dataset import TIGERDataset

    return TIGERDataset


def main() -> None:
    """Print ratios of time and memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--interactions", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--prepare", choices=MODELS, help="prepare the log in --folder for a model and print the cost")
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    if arguments.prepare:
        print(json.dumps(prepare(arguments.prepare, arguments.folder)))
        return
    costs: dict[str, list[dict[str, float]]] = {model: [] for model in MODELS}
    with tempfile.TemporaryDirectory() as folder:
        write_log(Path(folder), arguments.interactions)
        for _ in range(arguments.rounds):
            for model in MODELS:
                costs[model].append(in_a_process(model, Path(folder)))
    report(costs, arguments.interactions)


def in_a_process(model: str, folder: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.dataset_preparation", "--prepare", model, "--folder", str(folder)]
    finished = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(finished.stdout.splitlines()[-1])


def report(costs: dict[str, list[dict[str, float]]], n_interactions: int) -> None:
    for part, title in (
        ("own", "windows and splits"),
        ("whole", "with RecBole's reading, remapping and filtering"),
    ):
        for kind, target, unit in (("seconds", 10, "s"), ("memory", 5, "MiB")):
            pairs = [(ours[f"{part} {kind}"], theirs[f"{part} {kind}"]) for ours, theirs in zip(*costs.values())]
            Measurement(
                stage=f"dataset preparation, {title}: {'time' if kind == 'seconds' else kind}",
                against="RecBole's SequentialDataset",
                value=statistics.median(theirs / ours for ours, theirs in pairs),
                target=target,
                detail=f"{pairs[0][0]:,.1f} against {pairs[0][1]:,.1f} {unit}, {n_interactions:,} interactions",
            ).print()


if __name__ == "__main__":
    main()
