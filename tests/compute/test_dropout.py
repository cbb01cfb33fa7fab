from __future__ import annotations

import pytest
import torch

from recbole_adasid.compute.cpu_kernels import random_bits
from recbole_adasid.compute.layers import Dropout


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
    with pytest.raises(ValueError, match=r"dropout is 0\.5, but must be between 0 and 0\.49"):
        Dropout(p=0.5)


def test_adding_to_a_stream_is_the_sum_in_the_type_of_the_stream_in_value_and_gradient() -> None:
    dropout = Dropout(p=0.4)
    stream = torch.randn(7, 33, requires_grad=True)
    x = torch.randn(7, 33).bfloat16().requires_grad_()
    torch.manual_seed(3)
    expected = stream + (dropped := dropout(x))
    torch.manual_seed(3)
    found = dropout.add(stream, x)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected, atol=0.03, rtol=0.01)
    found.sum().backward()
    assert stream.grad is not None and x.grad is not None and x.grad.dtype == torch.bfloat16
    assert stream.grad.equal(torch.ones(7, 33))
    torch.testing.assert_close(x.grad, (dropped != 0) * torch.tensor(1 / 0.6).bfloat16())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.float64])
def test_random_bits_are_of_the_shape_type_and_device_asked_for(dtype: torch.dtype) -> None:
    like = torch.empty(3, 5, dtype=dtype)
    for one in (like, like.to("meta")):
        bits = random_bits(one)
        assert (bits.shape, bits.dtype, bits.device) == (one.shape, one.dtype, one.device)


def test_a_float32_has_16_random_bits_on_a_cpu() -> None:
    torch.manual_seed(0)
    bits = random_bits(torch.empty(1001)).view(torch.int32)
    assert not (bits & 0xFFFF).any() and 980 < len(bits.unique()) <= 1001
    for part in bits.chunk(2):
        shares = ((part[:, None] >> torch.arange(16, 32)) & 1).float().mean(0)
        assert shares.min() > 0.4 and shares.max() < 0.6


def test_each_of_many_calls_has_bits_of_its_own() -> None:
    torch.manual_seed(0)
    assert len({tuple(random_bits(torch.empty(4)).view(torch.int32).tolist()) for _ in range(400)}) == 400
