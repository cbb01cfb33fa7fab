"""Semantic IDs of a large catalogue on disk, as a share of what this machine's float32 matrix products allow.

python -m benchmarks.assignment --items=10000000        (writes 15 GB into a temporary folder)
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch

from benchmarks.measuring import Measurement, peak_memory, reset_peak_memory, seconds
from recbole_adasid.settings.presets import read_props
from recbole_adasid.tokenizer.autoencoder_tokenizer import AutoencoderTokenizer
from recbole_adasid.tokenizer.bulk.blocks import ROWS_AT_ONCE, assign_semantic_ids
from recbole_adasid.tokenizer.registry import build_tokenizer

WIDTH, BLOCK_ROWS = 768, 250_000


def write_features(path: Path, n_items: int) -> None:
    """Write float16 features [N, 768], one random block over and over."""
    block = np.random.default_rng(0).normal(size=(min(n_items, BLOCK_ROWS), WIDTH)).astype(np.float16)
    stored = np.lib.format.open_memmap(path, mode="w+", dtype=np.float16, shape=(n_items, WIDTH))
    for start in range(0, n_items, BLOCK_ROWS):
        stored[start : start + BLOCK_ROWS] = block[: n_items - start]
    stored.flush()


def multiplications(tokenizer: AutoencoderTokenizer) -> list[tuple[int, int]]:
    """Return the shapes [in, out] of all matrix products that an item passes through."""
    weights = [m.weight for m in tokenizer.autoencoder.encoder.modules() if isinstance(m, torch.nn.Linear)]
    levels = [(level.dim, level.n_codewords) for level in tokenizer.autoencoder.quantizer.quantizers()]
    return [(weight.shape[1], weight.shape[0]) for weight in weights] + levels


def product_seconds(shapes: list[tuple[int, int]], rows: int, repeats: int = 10) -> float:
    """Return the least seconds that bare matrix products of these shapes take for ``rows`` rows."""
    operands = [(torch.randn(rows, inner), torch.randn(inner, outer)) for inner, outer in shapes]
    results = [torch.empty(rows, outer) for _, outer in shapes]

    def multiply() -> None:
        for (left, right), result in zip(operands, results):
            torch.mm(left, right, out=result)

    return min(seconds(multiply) for _ in range(repeats))


def main() -> None:
    """Print the share and the memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, default=None, help="where to write the features; default: temporary")
    arguments = parser.parse_args()
    settings = {**read_props("tokenizers.yaml"), **read_props("tokenizer/adasid.yaml"), "seed": 0}
    tokenizer = build_tokenizer(settings, width=WIDTH).eval()
    assert isinstance(tokenizer, AutoencoderTokenizer)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        path = Path(folder) / "features.npy"
        write_features(path, arguments.items)
        least = product_seconds(multiplications(tokenizer), ROWS_AT_ONCE)
        reset_peak_memory()
        spent = seconds(lambda: assign_semantic_ids(tokenizer, path))
        memory = peak_memory()
        least = min(least, product_seconds(multiplications(tokenizer), ROWS_AT_ONCE))
    stage = f"SID assignment, {arguments.items:,} items of {WIDTH} columns, float16 on disk"
    limit = least * arguments.items / ROWS_AT_ONCE
    detail = f"{arguments.items / spent:,.0f} items/s, the products alone {arguments.items / limit:,.0f}"
    Measurement(stage, "time of the float32 products alone", 100 * limit / spent, 50, unit="%", detail=detail).print()
    Measurement(stage, "resident memory", memory / 1024, 2.0, at_least=False, unit=" GiB").print()


if __name__ == "__main__":
    main()
