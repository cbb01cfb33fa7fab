"""Rotation, SimVQ, cosine and grouped quantizers against their formulas."""

from __future__ import annotations

import pytest
import torch

from recbole_adasid.tokenizer.quantizer import QUANTIZERS, CosineQuantizer, GroupedQuantizer, SimVQQuantizer
from recbole_adasid.tokenizer.quantizer.rotation import rotated
from small_quantizers import DIM, build


@pytest.mark.parametrize("kind", QUANTIZERS)
def test_codes_decode_to_what_training_reconstructs_from(kind, latent):
    quantizer = build(kind)
    quantizer.initialise(latent, iterations=10, generator=torch.Generator().manual_seed(2))
    output = quantizer(latent)
    assert torch.equal(quantizer.encode(latent), output.codes)
    torch.testing.assert_close(quantizer.decode(output.codes), output.quantized, rtol=1e-4, atol=1e-5)
    assert all(len(column.unique()) > 1 for column in output.codes.t())


@pytest.mark.parametrize("kind", QUANTIZERS)
def test_initialised_levels_leave_ever_smaller_residuals(kind, latent):
    quantizer = build(kind)
    quantizer.initialise(latent, iterations=10, generator=torch.Generator().manual_seed(2))
    errors = [latent.square().mean(), *quantizer(latent).residuals[1:].square().mean(dim=(1, 2))]
    assert errors[0] > errors[1] > errors[2]


@pytest.mark.parametrize("kind", QUANTIZERS)
def test_training_moves_what_is_trained_towards_the_latent(kind, latent):
    quantizer = build(kind)
    optimizer = torch.optim.Adam(quantizer.parameters(), lr=0.02)
    losses = []
    for _ in range(150):
        loss = quantizer(latent).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.95 * losses[0]


def test_rotation_carries_the_latent_onto_the_quantised_vector_and_turns_the_gradient(latent):
    quantized = torch.randn(40, DIM, generator=torch.Generator().manual_seed(3))
    latent = latent.clone().requires_grad_()
    upstream = torch.randn(40, DIM, generator=torch.Generator().manual_seed(4))
    estimated = rotated(latent, quantized)
    torch.testing.assert_close(estimated, quantized, rtol=1e-4, atol=1e-5)
    (estimated * upstream).sum().backward()
    for z, q, g, found in zip(latent.detach(), quantized, upstream, latent.grad):
        start, end = z / z.norm(), q / q.norm()
        w = (start + end) / (start + end).norm()
        rotation = torch.eye(DIM) - 2 * torch.outer(w, w) + 2 * torch.outer(end, start)
        torch.testing.assert_close(rotation @ rotation.t(), torch.eye(DIM), rtol=0, atol=1e-5)  # it is a rotation
        torch.testing.assert_close(found, q.norm() / z.norm() * rotation.t() @ g, rtol=1e-4, atol=1e-5)


def test_each_level_s_rotation_adds_its_gradient(latent):
    quantizer, upstream = build("rotation"), latent.roll(1, 0)
    start = latent.clone().requires_grad_()
    output = quantizer(start)
    (found,) = torch.autograd.grad((output.quantized * upstream).sum(), start)
    expected = torch.zeros_like(latent)
    for level, residual, chosen in zip(quantizer.levels, output.residuals, output.codes.t()):
        begin = residual.clone().requires_grad_()
        (one,) = torch.autograd.grad((rotated(begin, level.codebook()[chosen].detach()) * upstream).sum(), begin)
        expected += one
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("kind", ["straight_through", "simvq", "grouped"])
def test_the_straight_through_gradient_is_that_of_the_sum_copied_once(kind, latent):
    start, upstream = latent.clone().requires_grad_(), latent.roll(1, 0)
    (found,) = torch.autograd.grad((build(kind)(start).quantized * upstream).sum(), start)
    assert torch.equal(found, upstream)


def test_the_reconstruction_trains_both_projections_of_a_cosine_lookup(latent):
    quantizer, upstream = build("cosine"), latent.roll(1, 0)
    start = latent.clone().requires_grad_()
    (quantizer(start).quantized * upstream).sum().backward()
    found = [start.grad, *(level.project_in.grad for level in quantizer.levels)]
    found += [level.project_out.grad for level in quantizer.levels]
    assert all(level.table.grad is None or not level.table.grad.any() for level in quantizer.levels)
    start.grad = None
    quantizer.zero_grad()
    total, residual = 0, start
    for level, chosen in zip(quantizer.levels, quantizer.encode(latent).t()):
        looked_up = residual @ level.project_in
        looked_up = looked_up / looked_up.norm(dim=1, keepdim=True)
        entry = level.table[chosen] / level.table[chosen].norm(dim=1, keepdim=True)
        total = total + (looked_up + (entry - looked_up).detach()) @ level.project_out
        residual = residual - (entry @ level.project_out).detach()
    (total * upstream).sum().backward()
    expected = [start.grad, *(level.project_in.grad for level in quantizer.levels)]
    expected += [level.project_out.grad for level in quantizer.levels]
    assert all(gradient.abs().max() > 1e-3 for gradient in expected)
    for one, other in zip(found, expected):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_a_short_latent_s_gradient_is_rescaled_by_its_own_length(latent):
    short = (1e-3 * latent).requires_grad_()
    quantized, upstream = 1e-3 * latent.roll(1, 0), latent.roll(2, 0)
    estimated = rotated(short, quantized)
    torch.testing.assert_close(estimated, quantized, rtol=1e-3, atol=1e-7)
    (gradient,) = torch.autograd.grad((estimated * upstream).sum(), short)
    # A rotation keeps lengths, so that only the ratio of both vectors is left.
    expected = upstream.norm(dim=1) * quantized.norm(dim=1) / short.detach().norm(dim=1)
    torch.testing.assert_close(gradient.norm(dim=1), expected, rtol=1e-3, atol=0)


@pytest.mark.parametrize("share", [0.0, 1e-9, 9e-5])
def test_a_latent_of_nearly_no_length_gets_the_straight_through_gradient(latent, share):
    quantized = latent.roll(1, 0)
    short = (share * latent * quantized.norm(dim=1, keepdim=True) / latent.norm(dim=1, keepdim=True)).requires_grad_()
    estimated = rotated(short, quantized)
    torch.testing.assert_close(estimated, quantized)
    (gradient,) = torch.autograd.grad((estimated * latent).sum(), short)
    torch.testing.assert_close(gradient, latent)


def test_items_that_are_codewords_get_an_ordinary_gradient(latent):
    rows = latent[:5].clone().requires_grad_()  # as many as codewords of the first level: nothing is left for the next
    quantizer = build("rotation")
    quantizer.initialise(rows.detach(), iterations=10, generator=torch.Generator().manual_seed(2))
    output = quantizer(rows)
    (gradient,) = torch.autograd.grad((output.quantized * latent[5:10]).sum(), rows)
    assert output.residuals[1].norm(dim=1).max() < 1e-6
    torch.testing.assert_close(gradient, latent[5:10], rtol=0, atol=1e-4)


def test_simvq_trains_its_map_only_and_spreads_codewords_as_the_residuals(latent):
    level = SimVQQuantizer(n_codewords=4000, dim=DIM)
    stretched = latent * torch.tensor([3.0, 1.0, 1.0, 0.1, 1.0, 1.0])
    level.initialise(stretched, iterations=0, generator=torch.Generator())
    spread = level.codebook().detach().square().mean(0)
    torch.testing.assert_close(spread, stretched.square().mean(0), rtol=0.15, atol=0)
    assert [name for name, _ in level.named_parameters()] == ["transform"]
    assert not level.revivable
    with pytest.raises(NotImplementedError, match="frozen"):
        level.set_codewords(torch.tensor([0]), torch.ones(1, DIM))


def test_cosine_lookup_equals_its_formula(latent):
    level = CosineQuantizer(n_codewords=9, dim=DIM, lookup_dim=3)
    projected = latent @ level.project_in
    cosines = torch.nn.functional.cosine_similarity(projected[:, None], level.table[None], dim=2)
    assert torch.equal(level.nearest(latent), cosines.argmax(1))
    level.set_codewords(torch.tensor([2]), latent[:1])
    assert level.nearest(5 * latent[:1]).tolist() == [2]  # length plays no part


def test_cosine_lookup_starts_along_the_axes_in_which_residuals_vary_most():
    generator = torch.Generator().manual_seed(5)
    axes = torch.linalg.qr(torch.randn(DIM, DIM, generator=generator))[0]
    residual = torch.randn(500, DIM, generator=generator) * torch.tensor([4.0, 3.0, 2.0, 0.3, 0.2, 0.1]) @ axes.t()
    level = CosineQuantizer(n_codewords=9, dim=DIM, lookup_dim=3)
    level.initialise(residual, iterations=5, generator=generator)
    kept = (axes.t() @ level.project_in.detach()).square().sum(1)  # how much of each axis lookup sees
    torch.testing.assert_close(kept, torch.tensor([1.0, 1.0, 1.0, 0.0, 0.0, 0.0]), rtol=0, atol=0.05)
    looked_up = (residual @ level.project_in.detach()).square().sum()
    assert looked_up > 0.99 * residual.square().sum()


def test_groups_take_turns_and_leave_each_other_s_columns_alone(latent):
    quantizer = build("grouped")
    output = quantizer(latent)
    first, second = slice(0, 3), slice(3, 6)
    assert torch.equal(output.residuals[1][:, second], latent[:, second])
    assert torch.equal(output.residuals[2][:, first], output.residuals[1][:, first])
    assert not torch.equal(output.residuals[2][:, second], latent[:, second])
    assert [level.codewords.shape[1] for level in quantizer.levels] == [3, 3, 3]


def test_cosine_lookup_starts_from_k_means_of_directions():
    """Of long residuals in one direction and short ones in three, k-means of residuals would see only the first."""
    generator = torch.Generator().manual_seed(0)
    directions = torch.eye(DIM)[[0, 1, 2, 3]]
    lengths = torch.tensor([100.0, 0.1, 0.1, 0.1]) * torch.ones(25, 4)
    lengths[:, 0] += 100 * torch.rand(25, generator=generator)
    residual = (lengths[..., None] * directions).flatten(0, 1)
    level = CosineQuantizer(n_codewords=4, dim=DIM, lookup_dim=4)
    level.initialise(residual, iterations=20, generator=generator)
    entries = torch.nn.functional.normalize(level.table, dim=1)
    assert (level.lookup(residual) @ entries.t()).amax(1).min() > 0.999
    assert len(level.nearest(residual).unique()) == 4


@pytest.mark.parametrize(("kind", "setting"), [(CosineQuantizer, "lookup_dim"), (GroupedQuantizer, "quantizer_groups")])
@pytest.mark.parametrize("value", [0, DIM + 1])
def test_impossible_widths_are_refused(kind, setting, value):
    with pytest.raises(ValueError, match=f"{setting} must lie between 1 and code_dim, 6, got {value}"):
        kind(n_codewords=4, dim=DIM, **{setting: value})


def test_the_loss_of_a_cosine_lookup_is_that_of_both_spaces(latent):
    level = CosineQuantizer(n_codewords=9, dim=DIM, lookup_dim=3)
    chosen = level.nearest(latent)
    looked_up = torch.nn.functional.normalize(latent @ level.project_in, dim=1)
    entry = torch.nn.functional.normalize(level.table, dim=1)[chosen]
    codeword = entry @ level.project_out
    expected = 1.25 * ((latent - codeword).square().mean(1) + (looked_up - entry).square().mean(1))
    torch.testing.assert_close(level.loss(latent, chosen, 0.25), expected)


def test_widths_may_lie_at_their_bounds_and_are_those_of_the_papers_unless_they_are_given():
    for value in (1, DIM):
        assert CosineQuantizer(n_codewords=4, dim=DIM, lookup_dim=value).table.shape == (4, value)
    assert CosineQuantizer(n_codewords=4, dim=32).table.shape == (4, 16)
    columns = [GroupedQuantizer(n_codewords=4, dim=DIM, quantizer_groups=g, level=3).columns for g in (1, 2, 4, DIM)]
    assert columns == [slice(0, 6), slice(3, 6), slice(4, 6), slice(3, 4)]
    assert GroupedQuantizer(n_codewords=4, dim=DIM, level=3).columns == slice(3, 6)


@pytest.mark.parametrize("kind", QUANTIZERS)
def test_a_level_knows_which_it_is_and_is_the_first_unless_it_is_told(kind):
    levels = build(kind).quantizers()
    assert [(level.level, level.n_codewords, level.dim) for level in levels] == [(0, 5, DIM), (1, 7, DIM), (2, 4, DIM)]
    extra = {"lookup_dim": 4} if kind == "cosine" else {}
    assert QUANTIZERS[kind](n_codewords=3, dim=DIM, **extra).level == 0
