"""The share of matrix products: all of a step are noted, and those computed alone are of the same shapes."""

from __future__ import annotations

import pytest
import torch

pytest.importorskip("benchmarks", reason="the benchmarks lie beside the package: run pytest from a checkout")

from benchmarks import product_share  # noqa: E402
from benchmarks.product_share import Matrix, Product, bare, products_of, shares  # noqa: E402


def step():
    layer = torch.nn.Linear(3, 5)
    x = torch.randn(2, 7, 3, requires_grad=True)
    (layer(x) @ torch.randn(2, 5, 4)).sum().backward()


def test_products_of_both_passes_are_noted():
    # Forwards a map and a batch of products; backwards the gradients of x and of the weight, and of the batch's left.
    found = products_of(step)
    assert sorted(one.operations for one in found) == sorted([2 * 14 * 3 * 5, 2 * 2 * 7 * 5 * 4] * 2 + [2 * 14 * 3 * 5])
    assert {one.name for one in found} <= product_share.PRODUCTS


@pytest.mark.parametrize("name", ["mm", "addmm", "bmm", "mv"])
def test_a_product_alone_has_the_shape_and_layout_of_the_one_it_stands_for(name):
    left = Matrix((4, 2, 3), (6, 3, 1), torch.float32) if name == "bmm" else Matrix((2, 3), (1, 2), torch.float32)
    right = {"bmm": Matrix((4, 3, 5), (15, 5, 1), torch.float32), "mv": Matrix((3,), (1,), torch.float32)}
    one = Product(name, left, right.get(name, Matrix((3, 5), (5, 1), torch.float32)))
    result = one.prepared()()
    assert isinstance(result, torch.Tensor)
    assert one.operations == 2 * result.numel() * 3
    assert left.make().stride() == left.stride


def test_equal_products_are_computed_as_often_as_they_stand_there():
    found = products_of(step)
    assert len(bare(found * 2)()) == 2 * len(found)


def test_shares_of_a_step_add_up_to_one():
    found = shares(step)
    assert sum(found.values()) == pytest.approx(1.0) and found["matrix products"] > 0
