from __future__ import annotations

import pytest
import torch

from recbole_adasid.model.dropout import Dropout


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("p", [0.1, 0.3, 0.49])
def test_the_expected_share_is_dropped_and_the_rest_scaled(p: float, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    y = Dropout(p=p)(torch.ones(500, 401, dtype=dtype))
    kept = y != 0
    assert 1 - kept.float().mean().item() == pytest.approx(p, abs=0.005)
    torch.testing.assert_close(y[kept], torch.full_like(y[kept], 1 / (1 - p)))


def test_neighbours_in_rows_and_columns_are_dropped_independently() -> None:
    torch.manual_seed(0)
    dropped = (Dropout(p=0.3)(torch.ones(1000, 1000, dtype=torch.bfloat16)) == 0).float()
    for other in (dropped.roll(1, 0), dropped.roll(1, 1), dropped.roll(4, 1)):
        assert (dropped * other).mean().item() == pytest.approx(0.09, abs=0.002)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_gradient_passes_where_the_value_passed(dtype: torch.dtype) -> None:
    x = torch.ones(7, 33, dtype=dtype, requires_grad=True)
    y = Dropout(p=0.4)(x)
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.equal(y.detach())


def test_the_seed_of_pytorch_decides_and_each_call_differs() -> None:
    dropout, x = Dropout(p=0.2), torch.ones(50, 50)
    torch.manual_seed(3)
    first, second = dropout(x), dropout(x)
    torch.manual_seed(3)
    assert dropout(x).equal(first)
    assert not first.equal(second)


def test_nothing_is_dropped_outside_training_or_without_a_probability() -> None:
    x = torch.ones(50, 50)
    assert Dropout(p=0.4).eval()(x) is x
    assert Dropout(p=0.0)(x) is x


def test_a_probability_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match=r"dropout is 0\.5, it must lie between 0 and 0\.49"):
        Dropout(p=0.5)
