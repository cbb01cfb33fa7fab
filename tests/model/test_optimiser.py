from __future__ import annotations

import pytest
import torch
from torch import nn

from recbole_adasid.model.optimiser import adamw, learning_rate_factor, parameter_groups


def test_only_the_weights_of_linear_maps_decay():
    model = nn.ModuleDict({"table": nn.Embedding(4, 3), "map": nn.Linear(3, 3), "norm": nn.LayerNorm(3)})
    decaying, others = parameter_groups(model, 0.1)
    assert [id(p) for p in decaying["params"]] == [id(model["map"].weight)] and decaying["weight_decay"] == 0.1
    assert len(others["params"]) == 4 and others["weight_decay"] == 0


def test_the_optimiser_makes_a_step():
    model = nn.Linear(2, 1)
    before = model.weight.detach().clone()
    optimiser = adamw(model, learning_rate=0.1, weight_decay=0.0)
    assert optimiser.defaults["fused"] is True
    model(torch.ones(1, 2)).sum().backward()
    optimiser.step()
    torch.testing.assert_close(model.weight.detach(), before - 0.1)


def test_the_rate_rises_linearly_and_falls_as_a_cosine_to_zero():
    factors = [learning_rate_factor(step, total_steps=100, warmup_fraction=0.1) for step in range(100)]
    assert factors[:10] == pytest.approx([0.1 * step for step in range(1, 11)])
    assert factors[10] == 1 and factors[55] == pytest.approx(0.5) and 0 < factors[99] < 0.001
    assert factors[10:] == sorted(factors[10:], reverse=True)


def test_a_training_of_one_step_without_warm_up_uses_the_peak_rate():
    assert learning_rate_factor(0, total_steps=1, warmup_fraction=0.0) == 1


@pytest.mark.parametrize("warmup_fraction", [0.0, 0.5, 0.9])
def test_behind_the_last_step_the_rate_is_zero(warmup_fraction):
    assert learning_rate_factor(10, total_steps=10, warmup_fraction=warmup_fraction) == pytest.approx(0, abs=1e-12)
