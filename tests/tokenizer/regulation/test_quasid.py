"""QuaSID's regulation against loops over pairs."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from recbole_adasid.tokenizer.regulation.quasid import HammingRegulation
from recbole_adasid.tokenizer.training.sampling import PairBatch

N_PAIRS = 6
SETTINGS = {
    "radius": 1,
    "full_margin": 0.8,
    "partial_margin": 0.5,
    "full_weight": 0.2,
    "partial_weight": 0.1,
    "collaborative_weight": 0.1,
}


# Triggers, targets and solo items: one pair comes twice, one in both directions, one trigger is a solo item too.
DRAWN = torch.tensor([0, 1, 2, 0, 3, 4, *[5, 6, 7, 5, 8, 9], *[10, 2, 11, 12]])
DRAWN[[4, 10]] = torch.tensor([7, 2])


@pytest.fixture
def batch() -> tuple[Tensor, Tensor, PairBatch]:
    """Latents in a narrow cone, so that most distances lie within the margins."""
    torch.manual_seed(0)
    found = PairBatch.of(DRAWN, N_PAIRS)
    latent = torch.randn(len(found.items), 5) + 1.5
    codes = torch.randint(2, (len(found.items), 3))
    codes[found.target[[0, 2]]] = codes[found.trigger[[0, 2]]]  # some positives share their Semantic ID
    return latent, codes, found


def literal_loss(latent: Tensor, codes: Tensor, items: Tensor, radius: int) -> Tensor:
    """A loop over ordered pairs of draws."""
    full, partial = [], []
    rows = torch.searchsorted(items, DRAWN).tolist()
    for i, a in enumerate(rows):
        for j, b in enumerate(rows):
            positive = min(i, j) < N_PAIRS and abs(i - j) == N_PAIRS
            if a == b or positive:
                continue
            hamming = int((codes[a] != codes[b]).sum())
            distance = 1 - F.cosine_similarity(latent[a], latent[b], dim=0)
            if hamming == 0:
                full.append((0.8 - distance).clamp_min(0))
            elif hamming <= radius:
                partial.append((0.5 - distance).clamp_min(0))
    assert full and (partial or radius == 0)
    return 0.2 * torch.stack(full).mean() + (0.1 * torch.stack(partial).mean() if partial else 0)


@pytest.mark.parametrize("radius", [0, 1, 2])
def test_loss_and_gradient_equal_the_loops(batch, radius):
    latent, codes, found = batch
    regulation = HammingRegulation(**{**SETTINGS, "radius": radius})
    ours, theirs = latent.clone().requires_grad_(), latent.clone().requires_grad_()
    term, expected = regulation.collision(ours, codes, found), literal_loss(theirs, codes, found.items, radius)
    torch.testing.assert_close(term.loss, expected)
    term.loss.backward()
    expected.backward()
    assert theirs.grad.abs().sum() > 0
    torch.testing.assert_close(ours.grad, theirs.grad)


def test_positives_count_as_collisions_where_no_pairs_are_given(batch):
    latent, codes, found = batch
    regulation = HammingRegulation(**SETTINGS)
    with_pairs = regulation.collision(latent, codes, found).stats["full_collisions"]
    without = regulation.collision(latent, codes, PairBatch.of(DRAWN, 0)).stats["full_collisions"]
    assert without == with_pairs + 4  # 0 and 5 are a pair twice, 2 and 7 once in each direction


def test_a_batch_without_collisions_costs_nothing():
    latent = torch.randn(3, 4, requires_grad=True)
    three = PairBatch.of(torch.arange(3), 1)
    term = HammingRegulation(**SETTINGS).collision(latent, torch.arange(9).view(3, 3), three)
    term.loss.backward()
    assert term.loss == 0 and torch.equal(latent.grad, torch.zeros(3, 4))
    assert term.stats["repelled_share"] == 0


def test_weights_stay_constant():
    regulation = HammingRegulation(**SETTINGS)
    assert regulation.weights(0, 10) == regulation.weights(9, 10) == (1.0, 0.1)


def test_negative_values_are_refused():
    with pytest.raises(ValueError, match="must not be negative"):
        HammingRegulation(**{**SETTINGS, "full_margin": -0.1})


@pytest.mark.parametrize("name", ["full_margin", "partial_margin", "full_weight", "partial_weight", "radius"])
def test_values_of_quasid_s_regulation_may_be_0(name: str) -> None:
    given = {"radius": 1, "full_margin": 1.0, "partial_margin": 1.0, "full_weight": 1.0, "partial_weight": 1.0}
    assert not HammingRegulation(**{**given, name: 0}, collaborative_weight=0.0).aligns_pairs


def test_the_share_that_is_repelled_is_of_all_pairs_that_collide(batch):
    latent, codes, found = batch
    latent = latent - 1.2  # out of the narrow cone
    inside, colliding = 0, 0
    rows = torch.searchsorted(found.items, DRAWN).tolist()
    for i, a in enumerate(rows):
        for j, b in enumerate(rows):
            hamming = int((codes[a] != codes[b]).sum())
            if a != b and hamming <= 1 and not (min(i, j) < N_PAIRS and abs(i - j) == N_PAIRS):
                colliding += 1
                distance = 1 - float(F.cosine_similarity(latent[a], latent[b], dim=0))
                inside += distance < (0.5 if hamming else 0.8)
    stats = HammingRegulation(**SETTINGS).collision(latent, codes, found).stats
    assert stats["repelled_share"] == pytest.approx(inside / colliding) and 0 < inside < colliding


@pytest.mark.parametrize(("margin", "share"), [(1.0, 0), (1.001, 1)])
def test_a_pair_at_its_margin_is_not_repelled(margin, share):
    regulation = HammingRegulation(**{**SETTINGS, "full_margin": margin})
    pair = PairBatch.of(torch.arange(2), 0)
    term = regulation.collision(torch.eye(2), torch.zeros(2, 3, dtype=torch.int64), pair)
    assert term.stats["repelled_share"] == share and term.stats["full_collisions"] == 1
