from __future__ import annotations

import pytest
import torch

from recbole_adasid.tokenizer import scaling
from recbole_adasid.tokenizer.scaling import FeatureScaler


def features(*widths):
    torch.manual_seed(0)
    return torch.randn(200, sum(widths)) * 3 + 1


def test_modalities_vary_as_their_weights_say_however_wide_they_are():
    scaler = FeatureScaler(width=10, mode="standardise", blocks=[[8, 1.0], [2, 0.5]])
    scaler.fit(features(8, 2))
    scaled = scaler(features(8, 2))
    variance = scaled.square().mean(dim=0)
    assert variance[:8].sum().item() == pytest.approx(10 / 2, rel=1e-4)
    assert variance[8:].sum().item() == pytest.approx(10 / 2 * 0.25, rel=1e-4)
    torch.testing.assert_close(scaled * scaler.scale + scaler.mean, features(8, 2))


@pytest.mark.parametrize("mode", ["none", "centre"])
def test_without_standardising_the_features_own_weights_stay(mode):
    plain, balanced = (FeatureScaler(width=10, mode=mode, blocks=blocks) for blocks in (None, [[8, 1.0], [2, 0.5]]))
    for scaler in (plain, balanced):
        scaler.fit(features(10))
    assert torch.equal(plain(features(10)), balanced(features(10)))


def test_equal_modalities_are_scaled_as_one():
    plain, balanced = (
        FeatureScaler(width=10, mode="standardise", blocks=blocks) for blocks in (None, [[5, 1.0], [5, 1.0]])
    )
    for scaler in (plain, balanced):
        scaler.fit(features(10))
    assert torch.equal(plain(features(10)), balanced(features(10)))


def test_blocks_of_another_width_are_refused():
    with pytest.raises(ValueError, match="do not add up to 10 columns"):
        FeatureScaler(width=10, mode="standardise", blocks=[[8, 1.0]])


def test_deviations_are_those_of_all_rows_however_many_are_copied_at_once(monkeypatch):
    whole, cut = (FeatureScaler(width=10, mode="standardise") for _ in range(2))
    whole.fit(features(10))
    monkeypatch.setattr(scaling, "_ROWS_AT_ONCE", 7)
    cut.fit(features(10))
    torch.testing.assert_close(cut.scale, whole.scale)
    torch.testing.assert_close(whole.scale, features(10).std(dim=0, unbiased=False))


@pytest.mark.parametrize("constant", [0.0, 33.3, 100.1, 2014.3, 1e7])
def test_a_constant_column_keeps_scale_1_whatever_its_value(constant):
    """In float32 the mean of 12,000 equal values is not that value."""
    values = torch.full((12_000, 2), constant)
    values[:, 1] = torch.randn(12_000, generator=torch.Generator().manual_seed(0))
    scaler = FeatureScaler(width=2, mode="standardise")
    scaler.fit(values)
    assert scaler.scale[0] == 1 and not scaler(values)[:, 0].any()
    assert scaler.scale[1].item() == pytest.approx(1, abs=0.02)
