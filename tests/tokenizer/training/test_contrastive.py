"""InfoNCE against a loop over triggers and targets."""

from __future__ import annotations

import math

import pytest
import torch

from recbole_adasid.tokenizer.training.contrastive import info_nce


def literal_info_nce(vectors, trigger, target, temperature, spared=()):
    total = 0.0
    for i, (a, b) in enumerate(zip(trigger, target)):
        own, others = None, []
        for j, c in enumerate(target):
            cosine = float(vectors[a] @ vectors[c] / (vectors[a].norm() * vectors[c].norm()))
            if j == i:
                own = math.exp(cosine / temperature)
            elif c not in (a, b) and (a, c) not in spared:
                others.append(math.exp(cosine / temperature))
        total -= math.log(own / (own + sum(others)))
    return total / len(trigger)


@pytest.mark.parametrize("seed", range(4))
def test_info_nce_equals_the_loop_and_skips_repeated_items(seed):
    generator = torch.Generator().manual_seed(seed)
    vectors = torch.randn(6, 5, generator=generator)
    trigger, target = torch.randint(6, (2, 12), generator=generator)  # pairs, triggers and targets that come again
    trigger[3], target[3], target[5] = int(trigger[1]), int(target[1]), int(trigger[5])
    assert len(target.unique()) > 2
    ours = info_nce(vectors, trigger, target, temperature=0.3)
    literal = literal_info_nce(vectors, trigger.tolist(), target.tolist(), 0.3)
    torch.testing.assert_close(float(ours), literal, rtol=1e-5, atol=1e-6)


def test_spared_items_are_no_negatives_though_the_pair_s_own_target_may_be_among_them():
    generator = torch.Generator().manual_seed(5)
    vectors = torch.randn(8, 5, generator=generator)
    trigger, target = torch.randint(8, (2, 14), generator=generator)
    spared = {(0, 1), (2, 3), (2, 3), (int(trigger[4]), int(target[4])), (int(trigger[4]), int(target[5])), (7, 7)}
    first, second = torch.tensor(sorted(spared)).t()
    ours = info_nce(vectors, trigger, target, temperature=0.3, spared=(first, second))
    literal = literal_info_nce(vectors, trigger.tolist(), target.tolist(), 0.3, spared)
    torch.testing.assert_close(float(ours), literal, rtol=1e-5, atol=1e-6)
    assert ours < info_nce(vectors, trigger, target, temperature=0.3)


def test_the_gradient_is_that_of_finite_differences():
    generator = torch.Generator().manual_seed(2)
    vectors = torch.randn(7, 4, generator=generator, dtype=torch.float64).requires_grad_()
    trigger, target = torch.randint(7, (2, 12), generator=generator)
    trigger[3], target[3] = int(trigger[1]), int(target[1])
    assert torch.autograd.gradcheck(lambda v: info_nce(v, trigger, target, temperature=0.2), vectors)


@pytest.mark.parametrize("temperature", [0.1, 0.001])
def test_close_and_distant_pairs_at_a_low_temperature_stay_finite(temperature):
    near = torch.nn.functional.normalize(torch.randn(2, 4), dim=1)
    vectors = torch.cat([near, -near, near + 1e-6]).requires_grad_()
    for target in ([2, 3], [4, 5], [4, 3], [2, 2], [1, 0]):
        loss = info_nce(vectors, torch.tensor([0, 1]), torch.tensor(target), temperature=temperature)
        assert 0 <= loss < 3 / temperature and torch.autograd.grad(loss, vectors)[0].isfinite().all()


@pytest.mark.parametrize("times", [1, 50, 5000])
@pytest.mark.parametrize("temperature", [0.3, 0.01])
def test_a_pair_whose_negatives_vanish_beside_its_own_target_costs_nothing_and_never_less(times, temperature):
    generator = torch.Generator().manual_seed(times)
    axes = torch.linalg.qr(torch.randn(40, 40, generator=generator))[0]
    vectors = torch.cat([axes, axes + 1e-4 * torch.randn(40, 40, generator=generator), -axes]).requires_grad_()
    trigger = torch.arange(40).repeat_interleave(times)  # each target comes as often as its pair
    loss = info_nce(vectors, trigger, trigger + 40, temperature=temperature)
    own, other = math.exp(1 / temperature - 1 / temperature), 39 * times * math.exp(-1 / temperature)
    assert loss.item() == pytest.approx(math.log((own + other) / own), abs=1e-5 + 1e-3 * other)
    assert loss >= -1e-5 and torch.autograd.grad(loss, vectors)[0].isfinite().all()


def test_a_single_pair_has_no_negative_and_costs_nothing():
    pair = torch.randn(2, 5)
    assert info_nce(pair, torch.tensor([0]), torch.tensor([1]), temperature=0.1).item() == 0


@pytest.mark.parametrize("temperature", [0.05, 0.01, 0.005, 0.001])
def test_a_spared_target_far_above_all_negatives_leaves_their_sum_as_it_is(temperature):
    """The first trigger's other known target is close by; in float32 the negatives vanish beside it."""
    angles = torch.tensor([0.0, 0.3, 1.55, 2.4, 2.9])
    vectors = torch.stack([angles.cos(), angles.sin()], dim=1).requires_grad_()
    trigger, target = torch.tensor([0, 0, 3]), torch.tensor([1, 2, 4])
    spared = torch.tensor([[0, 0, 3], [1, 2, 4]]).unbind()
    loss = info_nce(vectors, trigger, target, temperature=temperature, spared=tuple(spared))
    exact = vectors.detach().double().requires_grad_()
    cosine = torch.nn.functional.cosine_similarity(exact[:, None], exact[None], dim=2) / temperature
    negatives = {0: [4], 3: [1, 2]}
    costs = [
        torch.logsumexp(torch.stack([cosine[a, b], *cosine[a, negatives[a]]]), 0) - cosine[a, b]
        for a, b in zip(trigger.tolist(), target.tolist())
    ]
    literal = torch.stack(costs).mean()
    torch.testing.assert_close(loss.double(), literal, rtol=1e-4, atol=1e-6)
    gradients = torch.autograd.grad(loss, vectors)[0], torch.autograd.grad(literal, exact)[0]
    torch.testing.assert_close(gradients[0].double(), gradients[1], rtol=1e-3, atol=1e-4)


def test_a_trigger_whose_other_targets_are_all_spared_costs_nothing():
    vectors = torch.randn(3, 4, generator=torch.Generator().manual_seed(0)).requires_grad_()
    spared = torch.tensor([0, 0]), torch.tensor([1, 2])
    loss = info_nce(vectors, torch.tensor([0, 0]), torch.tensor([1, 2]), temperature=0.003, spared=spared)
    assert loss.item() == 0 and not torch.autograd.grad(loss, vectors)[0].any()
