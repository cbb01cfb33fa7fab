from __future__ import annotations

import pytest
import torch
from torch import nn

from recbole_adasid.distributed.world import world
from recbole_adasid.tokenizer.autoencoder import ResidualAutoencoder, multilayer_perceptron
from recbole_adasid.tokenizer.quantizer import ResidualQuantizer, StraightThroughQuantizer
from recbole_adasid.tokenizer.scaling import FeatureScaler

FEATURES = torch.randn(9, 5, generator=torch.Generator().manual_seed(0)) * 3 + 1


def build(**changes: str) -> ResidualAutoencoder:
    torch.manual_seed(1)
    scaler = FeatureScaler(width=5, mode="standardise")
    scaler.fit(FEATURES)
    levels = [StraightThroughQuantizer(n_codewords=4, dim=3, level=i) for i in range(2)]
    return ResidualAutoencoder(
        scaler=scaler,
        encoder=multilayer_perceptron([5, 6, 3]),
        quantizer=ResidualQuantizer(levels=levels, commitment=0.25),
        decoder=multilayer_perceptron([3, 6, 5]),
        **changes,
    )


def test_between_linear_layers_there_are_relus_and_none_at_the_end() -> None:
    layers = multilayer_perceptron([5, 6, 7, 3])
    assert [type(layer) for layer in layers] == [nn.Linear, nn.ReLU, nn.Linear, nn.ReLU, nn.Linear]
    assert [type(layer) for layer in multilayer_perceptron([5, 3])] == [nn.Linear]


@pytest.mark.parametrize(("changes", "factor"), [({}, 1), ({"reconstruction_reduction": "sum"}, 5)])
def test_the_reconstruction_loss_is_the_mean_over_rows_of_the_mean_or_sum_over_columns(
    changes: dict[str, str], factor: int
) -> None:
    made = build(**changes)
    scaled = (FEATURES - FEATURES.mean(0)) / FEATURES.std(0, correction=0)
    output = made(FEATURES)
    expected = (made.decoder(output.quantized) - scaled).square().mean() * factor
    torch.testing.assert_close(output.reconstruction_loss, expected)
    latent, loss = made.unquantized(FEATURES)
    torch.testing.assert_close(latent, made.encoder(scaled))
    torch.testing.assert_close(loss, (made.decoder(latent) - scaled).square().mean() * factor)


def test_a_row_counts_as_often_as_it_is_said_with_and_without_codebooks() -> None:
    made, counts = build(), torch.tensor([1.0, 4.0, 2.0])
    copies = FEATURES[:3].repeat_interleave(counts.long(), dim=0)
    torch.testing.assert_close(made.unquantized(FEATURES[:3], counts)[1], made.unquantized(copies)[1])
    once, often = made(FEATURES[:3], counts), made(copies)
    torch.testing.assert_close(once.reconstruction_loss, often.reconstruction_loss)
    torch.testing.assert_close(once.quantization_loss, often.quantization_loss)


def test_the_output_of_the_only_rank_is_that_of_the_batch() -> None:
    output, counts = build()(FEATURES), torch.ones(9)
    whole = output.of_batch(world().share(9, counts))
    assert output.residuals.shape == (2, 9, 3)
    for own, found in zip(output, whole):
        torch.testing.assert_close(found, own)
