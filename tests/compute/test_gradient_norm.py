from __future__ import annotations

import math

import pytest
import torch

from recbole_adasid.compute.gradient_norm import gradient_norm


def test_the_norm_is_that_of_all_entries_together() -> None:
    parameters = [torch.zeros(2, 2), torch.zeros(3), torch.zeros(1)]
    parameters[0].grad, parameters[1].grad = torch.tensor([[1.0, -2], [3, 4]]), torch.tensor([0.5, 0, 5])
    assert float(gradient_norm(parameters)) == pytest.approx(math.sqrt(1 + 4 + 9 + 16 + 0.25 + 25))
    assert float(gradient_norm([parameters[2]])) == 0


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_one_entry_that_is_not_finite_shows(bad: float) -> None:
    parameter = torch.zeros(3)
    parameter.grad = torch.tensor([1.0, bad, 2.0])
    assert not gradient_norm([torch.zeros(1), parameter]).isfinite()
