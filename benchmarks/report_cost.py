"""Time and size of a run's report if the run had more items: synthetic ones, in a copy of the run.

    python -m benchmarks.report_cost --run_folder=runs/… --items=100,1000000

The Semantic IDs are drawn from a steep distribution over three levels of 256 codewords. The section on users is
omitted, because the model was trained on other items. Prints seconds, bytes and peak memory for each number of items.
"""

from __future__ import annotations

import argparse
import json
import logging
import resource
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np

from recbole_adasid.data.item_labels import ItemLabel, write_labels
from recbole_adasid.io.json_file import read_json
from recbole_adasid.report.run_report import write_run_report
from recbole_adasid.run_folder.folder import RunFolder

SIZES = [256, 256, 256]


def main() -> None:
    """Measure each number of items, the smallest first."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run_folder", type=Path, required=True)
    parser.add_argument("--items", default="100,10000,1000000", help="numbers, separated by commas")
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)  # of the section that is left out
    write_run_report(arguments.run_folder)  # imports and compiles
    for count in sorted(map(int, arguments.items.split(","))):
        with tempfile.TemporaryDirectory() as folder:
            run = Path(shutil.copytree(arguments.run_folder, Path(folder) / "run"))
            make_up(RunFolder(run), count)
            started = time.perf_counter()
            page = write_run_report(run)
            seconds = time.perf_counter() - started
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
            print(f"{count:,} items: {seconds:.1f} s, {page.stat().st_size / 1e6:.1f} MB, at most {memory:.2f} GiB")


def make_up(folder: RunFolder, count: int) -> None:
    """Give a run's folder other items."""
    random = np.random.default_rng(0)
    codes = np.minimum(random.geometric(0.02, size=(count, len(SIZES))) - 1, 255)
    tokens = [f"B00{number:07}" for number in range(count)]
    about = {**read_json(folder.path / "sids.info.json"), "collision": "shared"}
    folder.write_sids(tokens, codes, level_sizes=SIZES, info={**about, "level_sizes": SIZES, "items": count})
    labels = [
        ItemLabel(
            f"A product with a title of usual length, number {n}", f"Toys > Kind {n % 300} | Gifts > Kind {n % 7}"
        )
        for n in range(count)
    ]
    write_labels(folder.labels_path, tokens, labels)
    examples = read_json(folder.path / "examples.json")
    for example in examples["items"]:
        example["item"], *example["nearest"] = (tokens[row] for row in random.integers(count, size=11))
    (folder.path / "examples.json").write_text(json.dumps(examples), encoding="utf-8")


if __name__ == "__main__":
    main()
