from __future__ import annotations

import pytest
import torch
from torch import Tensor

from recbole_adasid.compute import layers
from recbole_adasid.compute.layers import Dropout, RMSNorm, attend
from recbole_adasid.model.network.block import FeedForward
from recbole_adasid.model.network.position import MASKED


def inputs(n_queries: int = 3, n_keys: int = 5) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Query, key, value, bias (double precision, needing gradients) and a mask hiding the second user's last keys."""
    torch.manual_seed(0)
    shapes = [(2, 2, n_queries, 4), (2, 2, n_keys, 4), (2, 2, n_keys, 4), (1, 2, n_queries, n_keys)]
    query, key, value, bias = (torch.randn(s, dtype=torch.float64, requires_grad=True) for s in shapes)
    mask = torch.zeros(2, 1, 1, n_keys, dtype=torch.float64)
    mask[1, ..., -2:] = MASKED
    return query, key, value, bias, mask


def test_attention_equals_its_formula() -> None:
    query, key, value, bias, mask = inputs()
    expected = (query @ key.transpose(2, 3) + bias + mask).softmax(-1) @ value
    mixed = attend(query, key, value, bias=bias, mask=mask, dropout=Dropout(p=0.0))
    torch.testing.assert_close(mixed, expected.transpose(1, 2).flatten(2))


@pytest.mark.parametrize(("with_bias", "with_mask"), [(True, True), (True, False), (False, True), (False, False)])
def test_attention_without_gradient_equals_its_formula_too(with_bias: bool, with_mask: bool) -> None:
    query, key, value, bias, mask = inputs()
    terms = (bias if with_bias else 0) + (mask if with_mask else 0)
    expected = ((query @ key.transpose(2, 3) + terms).softmax(-1) @ value).transpose(1, 2).flatten(2)
    chosen = {"bias": bias if with_bias else None, "mask": mask if with_mask else None}
    with torch.no_grad():
        mixed = attend(query, key, value, **chosen, dropout=Dropout(p=0.0))
    torch.testing.assert_close(mixed, expected)


@pytest.mark.parametrize("p", [0.0, 0.3])
def test_the_gradient_of_attention_is_that_of_finite_differences(p: float) -> None:
    *leaves, mask = inputs()

    def same_drops(query: Tensor, key: Tensor, value: Tensor, bias: Tensor) -> Tensor:
        torch.manual_seed(1)
        return attend(query, key, value, bias=bias, mask=mask, dropout=Dropout(p=p))

    assert torch.autograd.gradcheck(same_drops, leaves)


def test_without_bias_and_mask_the_gradient_holds_too() -> None:
    query, key, value, _, _ = inputs()

    def plain(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        return attend(query, key, value, bias=None, mask=None, dropout=Dropout(p=0.0))

    assert torch.autograd.gradcheck(plain, (query, key, value))


def test_dropped_weights_keep_the_expected_value() -> None:
    torch.manual_seed(0)
    query, key, value = torch.zeros(1, 1, 20_000, 1), torch.zeros(1, 1, 10, 1), torch.ones(1, 1, 10, 1)
    mixed = attend(query, key, value, bias=None, mask=None, dropout=Dropout(p=0.25))
    assert mixed.mean().item() == pytest.approx(1.0, abs=0.01)
    n_kept = 7.5 * mixed.flatten()  # of 10 equal weights
    torch.testing.assert_close(n_kept, n_kept.round())
    assert {*range(4, 11)} <= {*n_kept.round().tolist()} <= {*range(11)}


def test_normalisation_has_the_gradient_of_finite_differences() -> None:
    torch.manual_seed(0)
    norm = RMSNorm(d_model=6).double()
    torch.nn.init.uniform_(norm.weight)
    assert torch.autograd.gradcheck(norm, torch.randn(2, 3, 6, dtype=torch.float64, requires_grad=True))


def test_the_feed_forward_network_under_dropout_has_the_gradient_of_finite_differences() -> None:
    torch.manual_seed(0)
    network = FeedForward(d_model=4, d_ff=16, dropout=0.3).double()

    def same_drops(x: Tensor) -> Tensor:
        torch.manual_seed(1)
        return network(x)

    assert torch.autograd.gradcheck(same_drops, torch.randn(5, 4, dtype=torch.float64, requires_grad=True))


def test_the_feed_forward_network_keeps_its_expected_output_under_dropout() -> None:
    torch.manual_seed(0)
    network, x = FeedForward(d_model=4, d_ff=16, dropout=0.3).double(), torch.randn(4, dtype=torch.float64)
    mean = network(x.expand(50_000, 4)).mean(0)
    torch.testing.assert_close(mean, network.eval()(x), atol=0.02, rtol=0)


def test_scores_are_added_up_in_float32_whatever_the_type_of_the_inputs() -> None:
    torch.manual_seed(0)
    query, key, value = (torch.randn(1, 2, 5, 4).bfloat16() * 4 for _ in range(3))
    bias = torch.randn(1, 2, 5, 5) * 0.1  # beside scores of ten and more bfloat16 would round it off
    scores = (query @ key.transpose(2, 3)).float() + bias
    expected = (scores.softmax(-1).bfloat16() @ value).transpose(1, 2).flatten(2)
    mixed = attend(query, key, value, bias=bias, mask=None, dropout=Dropout(p=0.0))
    assert mixed.dtype == torch.bfloat16 and mixed.equal(expected)
    with torch.no_grad():
        mixed = attend(query, key, value, bias=bias, mask=None, dropout=Dropout(p=0.0))
    assert mixed.dtype == torch.bfloat16
    torch.testing.assert_close(mixed, expected, atol=0.1, rtol=0.02)


def test_without_dropout_no_random_number_is_drawn() -> None:
    query, key, value, bias, mask = inputs()
    before = torch.get_rng_state()
    attend(query, key, value, bias=bias, mask=mask, dropout=Dropout(p=0.0)).sum().backward()
    assert torch.get_rng_state().equal(before)


def test_weights_are_dropped_in_training_whether_or_not_a_gradient_is_wanted() -> None:
    query, key, value, bias, mask = inputs()
    found = []
    for wanted in (True, False):
        torch.manual_seed(1)
        with torch.set_grad_enabled(wanted):
            found.append(attend(query, key, value, bias=bias, mask=mask, dropout=Dropout(p=0.3)))
    assert found[0].equal(found[1])
    assert not torch.allclose(found[0], attend(query, key, value, bias=bias, mask=mask, dropout=Dropout(p=0.0)))


@pytest.mark.parametrize("with_bias", [True, False])
def test_pytorchs_own_operations_give_the_same_values_and_gradients(
    monkeypatch: pytest.MonkeyPatch, with_bias: bool
) -> None:
    query, key, value, bias, mask = inputs()
    norm, forward = RMSNorm(d_model=8).double(), FeedForward(d_model=8, d_ff=12, dropout=0.0).double()
    leaves = [query, key, value, *([bias] if with_bias else []), *norm.parameters(), *forward.parameters()]

    def answers() -> list[Tensor]:
        mixed = attend(query, key, value, bias=bias if with_bias else None, mask=mask, dropout=Dropout(p=0.0))
        found = Dropout(p=0.0).add(mixed, forward(norm(mixed)))
        parts = layers.split_heads(found.repeat(1, 1, 3), 3, 2)
        return [found, *parts, *torch.autograd.grad(torch.cat(parts, 1).square().sum(), leaves)]

    ours = answers()
    monkeypatch.setattr(layers, "ours", lambda x: False)
    for mine, theirs in zip(ours, answers()):
        torch.testing.assert_close(mine, theirs)


def test_pytorchs_own_operations_drop_as_many_and_scale_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layers, "ours", lambda x: False)
    torch.manual_seed(0)
    x, forward = torch.ones(200_000), FeedForward(d_model=1, d_ff=400_000, dropout=0.25)
    torch.nn.init.ones_(forward.inner.weight), torch.nn.init.constant_(forward.out.weight, 1 / 400_000)
    found = [Dropout(p=0.25)(x), Dropout(p=0.25).add(torch.zeros_like(x), x)]
    for values in found:
        assert values.unique().tolist() == pytest.approx([0.0, 4 / 3])
        assert values.mean().item() == pytest.approx(1.0, abs=0.01)
    assert forward(torch.ones(1, 1)).item() == pytest.approx(1.0, abs=0.01)
