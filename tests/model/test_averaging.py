from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from recbole_adasid.model.averaging import average_weights, swap_weights
from recbole_adasid.model.optimiser import adamw


def trained(horizon: float, steps: int) -> tuple[nn.Linear, torch.optim.Optimizer, list[torch.Tensor]]:
    torch.manual_seed(0)
    model, seen = nn.Linear(3, 2), []
    optimizer = adamw(model, learning_rate=0.1, weight_decay=0.0)
    for step in range(steps):
        optimizer.zero_grad()
        model(torch.randn(4, 3)).square().mean().backward()
        optimizer.step()
        average_weights(optimizer, step, horizon=horizon)
        seen.append(model.weight.detach().clone())
    return model, optimizer, seen


@pytest.mark.parametrize("horizon", [0.2, 1.0, 4.0, 50.0])
def test_the_mean_moves_by_one_step_of_the_horizon_and_first_by_one_of_those_so_far(horizon: float) -> None:
    model, optimizer, seen = trained(horizon, 9)
    mean = torch.zeros(2, 3)
    for step, weight in enumerate(seen):
        rate = 1 / min(max(horizon, 1), step + 1)
        mean = (1 - rate) * mean + rate * weight
    swap_weights(optimizer)
    torch.testing.assert_close(model.weight.detach(), mean)
    if horizon == 50.0:
        torch.testing.assert_close(model.weight.detach(), torch.stack(seen).mean(0))
    swap_weights(optimizer)
    assert model.weight.equal(seen[-1])


def test_weights_without_a_gradient_have_no_mean() -> None:
    model, optimizer, _ = trained(3.0, 0)
    model(torch.randn(4, 3).detach()).sum().backward()
    model.bias.grad = None
    optimizer.step()
    average_weights(optimizer, 0, horizon=3.0)
    bias, weight = model.bias.detach().clone(), model.weight.detach().clone()
    assert "mean" in optimizer.state[model.weight] and not optimizer.state.get(model.bias)
    model.weight.data.zero_()
    swap_weights(optimizer)
    assert model.bias.equal(bias) and model.weight.equal(weight) and not optimizer.state[model.weight]["mean"].any()


def test_the_mean_goes_with_the_optimisers_state() -> None:
    model, optimizer, _ = trained(4.0, 5)
    again, other, _ = trained(4.0, 2)
    other.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for one in (optimizer, other):
        swap_weights(one)
    assert again.weight.equal(model.weight)
