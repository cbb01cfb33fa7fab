"""InfoNCE against a loop over triggers and targets."""

from __future__ import annotations

import math

import torch

from recbole_adasid.tokenizer.contrastive import info_nce


def literal_info_nce(trigger, target, trigger_items, target_items, temperature):
    total = 0.0
    for i in range(len(trigger)):
        own, others = None, []
        for j in range(len(target)):
            cosine = float(trigger[i] @ target[j] / (trigger[i].norm() * target[j].norm()))
            if j == i:
                own = math.exp(cosine / temperature)
            elif target_items[j] not in (target_items[i], trigger_items[i]):
                others.append(math.exp(cosine / temperature))
        total -= math.log(own / (own + sum(others)))
    return total / len(trigger)


def test_info_nce_equals_the_loop_and_skips_repeated_items():
    generator = torch.Generator().manual_seed(1)
    trigger, target = torch.randn(2, 9, 5, generator=generator)
    trigger_items, target_items = torch.randint(6, (2, 9), generator=generator)
    assert len(set(target_items.tolist())) < 9  # repeated targets are part of the case
    ours = info_nce(trigger, target, trigger_items, target_items, temperature=0.3)
    literal = literal_info_nce(trigger, target, trigger_items.tolist(), target_items.tolist(), 0.3)
    torch.testing.assert_close(float(ours), literal, rtol=1e-5, atol=1e-6)


def test_the_gradient_is_that_of_finite_differences():
    generator = torch.Generator().manual_seed(2)
    trigger, target = torch.randn(2, 7, 4, generator=generator, dtype=torch.float64).requires_grad_()
    trigger_items, target_items = torch.randint(5, (2, 7), generator=generator)

    def loss(trigger, target):
        return info_nce(trigger, target, trigger_items, target_items, temperature=0.2)

    assert len(set(target_items.tolist())) < 7
    assert torch.autograd.gradcheck(loss, (trigger.detach().requires_grad_(), target.detach().requires_grad_()))


def test_distant_pairs_at_a_low_temperature_stay_finite():
    pair = torch.nn.functional.normalize(torch.randn(2, 4), dim=1)
    loss = info_nce(pair, -pair, torch.tensor([0, 1]), torch.tensor([2, 3]), temperature=0.001)
    assert torch.isfinite(loss)


def test_a_single_pair_has_no_negative_and_costs_nothing():
    pair = torch.randn(1, 5)
    assert info_nce(pair, -pair, torch.tensor([1]), torch.tensor([2]), temperature=0.1).item() == 0
