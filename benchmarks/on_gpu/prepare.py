"""Write the real items of Amazon Toys into one small file: codes, features and pairs, for a machine without the data.

python -m benchmarks.on_gpu.prepare --data_path=data --out=prepared
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from benchmarks import toys
from benchmarks.on_gpu.scene import PREPARED


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data_path", type=Path, required=True, help="folder of amazon-toys")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    pairs = toys.pairs(arguments.data_path)
    np.savez(
        arguments.out / PREPARED,
        codes=toys.semantic_ids(arguments.data_path).numpy().astype(np.int16),
        features=toys.features(arguments.data_path).numpy().astype(np.float16),
        trigger=pairs.trigger,
        target=pairs.target,
        weight=pairs.weight,
    )


if __name__ == "__main__":
    main()
