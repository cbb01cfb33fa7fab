"""The share of a one-pass training step that its matrix products alone would take.

    python -m benchmarks.product_share

The products of one step, forward and backward, are recorded with their shapes. Steps then alternate with these products
alone, on random matrices of the same shapes, layouts and types, written to preallocated memory: their time divided by a
step's is the share of the bare products' rate that training reaches. PyTorch's profiler breaks down the rest.
"""

from __future__ import annotations

import argparse
import functools
import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from unittest import mock

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile, record_function
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks import one_pass
from benchmarks.measuring import Measurement, median_ratio
from recbole_adasid.compute import cpu_kernels

TARGET = 50.0  # per cent
PRODUCTS = {"mm", "bmm", "addmm", "mv", "addmv"}
KINDS = {
    "matrix products": PRODUCTS | {"addmv_"},
    "random bits of dropout": {"random bits"},
    "dropout and ReLU by these bits": {"threshold_backward", "relu_", "bitwise_and", "bitwise_left_shift"},
    "copies and conversions": {"copy_", "clone", "_to_copy", "cat", "constant_pad_nd"},
    "sums, differences, factors": {"add", "add_", "mul", "mul_", "sub", "div", "div_", "addcmul", "neg"},
    "sums over rows and columns": {"sum", "mean", "linalg_vector_norm"},
    "softmax and cross-entropy": {
        *("_softmax", "_softmax_backward_data", "_log_softmax", "_log_softmax_backward_data"),
        *("nll_loss_forward", "nll_loss_backward"),
    },
    "rows picked and put back": {
        *("index", "index_put_", "_index_put_impl_", "embedding", "embedding_dense_backward", "index_select"),
        *("_embedding_bag", "_embedding_bag_dense_backward", "_embedding_bag_backward", "gather", "nonzero"),
        *("index_add_", "masked_fill_", "scatter_"),
    },
    "memory given out and filled": {"empty", "empty_strided", "empty_like", "new_empty", "fill_", "zero_", "zeros"},
    "Python between operations": {
        *("step", "_Attend", "_AttendBackward", "_RMSNorm", "_RMSNormBackward", "_Drop", "_DropBackward"),
        *("_DropReLU", "_DropReLUBackward", "_SplitHeads", "_SplitHeadsBackward"),
    },
    "optimiser": {"_fused_adamw_", "_foreach_norm", "_foreach_mul_", "_foreach_add_", "Optimizer.step#AdamW.step"},
}
"""What a step consists of, by PyTorch's names of operations; others are "the rest"."""


class Matrix(NamedTuple):
    """A matrix, or a batch of them, as a product got it."""

    shape: tuple[int, ...]
    stride: tuple[int, ...]
    dtype: torch.dtype

    def make(self) -> Tensor:
        """Return a random one of the same layout."""
        extent = 1 + sum((size - 1) * step for size, step in zip(self.shape, self.stride))
        return torch.randn(extent).to(self.dtype).as_strided(self.shape, self.stride)


class Product(NamedTuple):
    """A product as it was asked for."""

    name: str
    left: Matrix
    right: Matrix

    @property
    def operations(self) -> int:
        """Multiplications and additions."""
        columns = self.right.shape[-1] if len(self.right.shape) > 1 else 1
        return 2 * math.prod(self.left.shape) * columns

    def prepared(self) -> Callable[[], object]:
        """Return what computes it on random matrices, into memory of its own."""
        left, right = self.left.make(), self.right.make()
        if self.name == "bmm":
            return functools.partial(torch.bmm, left, right, out=torch.bmm(left, right))
        if right.dim() == 1:
            return functools.partial(torch.mv, left, right, out=torch.mv(left, right))
        return functools.partial(torch.mm, left, right, out=torch.mm(left, right))


class Products(TorchDispatchMode):
    """Notes the products that run inside of it, in ``found``."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Product] = []

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Note a product and go on."""
        name = function.overloadpacket.__name__
        if name in PRODUCTS:
            left, right = (Matrix(tuple(m.shape), m.stride(), m.dtype) for m in args[name.startswith("add") :][:2])
            self.found.append(Product(name, left, right))
        return function(*args, **(kwargs or {}))


def products_of(step: Callable[[], object]) -> list[Product]:
    """Return the matrix products of a step, in order."""
    with Products() as noted:
        step()
    return noted.found


def bare(products: list[Product]) -> Callable[[], object]:
    """Return what computes nothing but these products, as often as they stand there; equal ones share their memory."""
    ready: dict[Product, Callable[[], object]] = {one: one.prepared() for one in set(products)}
    order = [ready[one] for one in products]
    return lambda: [one() for one in order]


@contextmanager
def _visible_random_bits() -> Iterator[None]:
    """Let a profiler see what draws random bits, most of which is no operation of PyTorch."""
    plain = cpu_kernels.random_bits

    def seen(like: Tensor) -> Tensor:
        with record_function("random bits"):
            return plain(like)

    with mock.patch.object(cpu_kernels, "random_bits", seen):
        yield


def shares(step: Callable[[], object]) -> dict[str, float]:
    """Return what a step's time on the CPU is spent on, in shares that add up to 1, the largest first."""
    with _visible_random_bits(), profile(activities=[ProfilerActivity.CPU]) as found, record_function("step"):
        step()
    kinds = {operation: kind for kind, operations in KINDS.items() for operation in operations}
    spent: dict[str, float] = defaultdict(float)
    for event in found.key_averages():
        spent[kinds.get(event.key.replace("aten::", ""), "the rest")] += event.self_cpu_time_total
    total = sum(spent.values())
    return {kind: time / total for kind, time in sorted(spent.items(), key=lambda item: -item[1])}


def measure(size: str, arguments: argparse.Namespace) -> None:
    """Print the share of one size and what the rest is."""
    step, examples = one_pass.round_of(next(iter(one_pass.WAYS)), size, arguments.batches)
    step()
    products = products_of(step)
    ratio, products_s, step_s = median_ratio(bare(products), step, arguments.rounds)
    operations = sum(one.operations for one in products)
    rates = f"{operations / step_s / 1e9:,.1f} against {operations / products_s / 1e9:,.1f} GFLOP/s"
    detail = f"{rates}, {operations / examples / 1e6:,.1f} MFLOP an example, {len(set(products))} different products"
    Measurement(
        stage=f"TIGER training in one pass, {size} size",
        against="its matrix products alone",
        value=100 / ratio,
        target=TARGET,
        unit="%",
        detail=detail,
    ).print()
    for kind, share in shares(step).items():
        print(f"{size}: {share:5.1%} {kind}", flush=True)


def main() -> None:
    """Print the shares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, default=5, help="batches in a round")
    parser.add_argument("--size", action="append", choices=("tiny", "small", "paper"), help="default: small and paper")
    arguments = parser.parse_args()
    for size in arguments.size or ["small", "paper"]:
        measure(size, arguments)


if __name__ == "__main__":
    main()
