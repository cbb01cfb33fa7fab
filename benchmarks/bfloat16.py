"""Matrix products in bfloat16 against float32, and whether training takes the faster of the two.

python -m benchmarks.bfloat16
"""

from __future__ import annotations

import argparse

import torch

from benchmarks.measuring import Measurement, median_ratio
from recbole_adasid.compute.precision import has_bfloat16

SHAPES = ((2048, 768, 512), (2048, 512, 256), (5120, 128, 1024))
"""Rows, inner and outer width: the tokenizer's first layers and TIGER's feed-forward."""


def main() -> None:
    """Print how many times as fast the products are that training computes with."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    factors = [(torch.randn(rows, inner), torch.randn(inner, outer)) for rows, inner, outer in SHAPES]
    halves = [(a.bfloat16(), b.bfloat16()) for a, b in factors]
    ratio, half_s, full_s = median_ratio(lambda: products(halves), lambda: products(factors), arguments.rounds)
    chosen, other, value = (
        ("bfloat16", "float32", ratio) if has_bfloat16(torch.device("cpu")) else (("float32", "bfloat16", 1 / ratio))
    )
    operations = sum(2 * rows * inner * outer for rows, inner, outer in SHAPES)
    detail = f"{operations / half_s / 1e9:,.0f} GFLOP/s in bfloat16, {operations / full_s / 1e9:,.0f} in float32"
    Measurement(f"matrix products in {chosen}, which training takes here", other, value, 1.0, detail=detail).print()


def products(factors: list[tuple[torch.Tensor, torch.Tensor]]) -> None:
    for a, b in factors:
        a @ b


if __name__ == "__main__":
    main()
