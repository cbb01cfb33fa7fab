"""QuaSID's regulation against loops over pairs."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from recbole_adasid.tokenizer.regulation import HammingRegulation

N_PAIRS = 6
SETTINGS = {
    "radius": 1,
    "full_margin": 0.8,
    "partial_margin": 0.5,
    "full_weight": 0.2,
    "partial_weight": 0.1,
    "collaborative_weight": 0.1,
}


@pytest.fixture
def batch() -> tuple[Tensor, Tensor, Tensor]:
    """Latents in a narrow cone, so that most distances lie within the margins; items that come twice."""
    torch.manual_seed(0)
    latent = torch.randn(16, 5) + 1.5
    codes = torch.randint(2, (16, 3))
    codes[N_PAIRS : 2 * N_PAIRS : 2] = codes[:N_PAIRS:2]  # some positives share their Semantic ID
    items = torch.arange(16)
    items[13] = items[2]
    codes[13] = codes[2]
    return latent, codes, items


def literal_loss(latent: Tensor, codes: Tensor, items: Tensor, radius: int) -> Tensor:
    full, partial = [], []
    for i in range(len(codes)):
        for j in range(len(codes)):
            positive = min(i, j) < N_PAIRS and abs(i - j) == N_PAIRS
            if i == j or items[i] == items[j] or positive:
                continue
            hamming = int((codes[i] != codes[j]).sum())
            distance = 1 - F.cosine_similarity(latent[i], latent[j], dim=0)
            if hamming == 0:
                full.append((0.8 - distance).clamp_min(0))
            elif hamming <= radius:
                partial.append((0.5 - distance).clamp_min(0))
    assert full and (partial or radius == 0)
    return 0.2 * torch.stack(full).mean() + (0.1 * torch.stack(partial).mean() if partial else 0)


@pytest.mark.parametrize("radius", [0, 1, 2])
def test_loss_and_gradient_equal_the_loops(batch, radius):
    latent, codes, items = batch
    regulation = HammingRegulation(**{**SETTINGS, "radius": radius})
    ours, theirs = latent.clone().requires_grad_(), latent.clone().requires_grad_()
    term, expected = regulation.collision(ours, codes, items, N_PAIRS), literal_loss(theirs, codes, items, radius)
    torch.testing.assert_close(term.loss, expected)
    term.loss.backward()
    expected.backward()
    assert theirs.grad.abs().sum() > 0
    torch.testing.assert_close(ours.grad, theirs.grad)


def test_positives_count_as_collisions_where_no_pairs_are_given(batch):
    latent, codes, items = batch
    regulation = HammingRegulation(**SETTINGS)
    with_pairs = regulation.collision(latent, codes, items, N_PAIRS).stats["full_collisions"]
    assert regulation.collision(latent, codes, items).stats["full_collisions"] > with_pairs


def test_a_batch_without_collisions_costs_nothing():
    latent = torch.randn(3, 4, requires_grad=True)
    term = HammingRegulation(**SETTINGS).collision(latent, torch.arange(9).view(3, 3), torch.arange(3))
    term.loss.backward()
    assert term.loss == 0 and torch.equal(latent.grad, torch.zeros(3, 4))
    assert term.stats["repelled_share"] == 0


def test_weights_stay_constant():
    regulation = HammingRegulation(**SETTINGS)
    assert regulation.weights(0, 10) == regulation.weights(9, 10) == (1.0, 0.1)


def test_negative_values_are_refused():
    with pytest.raises(ValueError, match="must not be negative"):
        HammingRegulation(**{**SETTINGS, "full_margin": -0.1})
