"""Where trainable tokenizers start: steps without codebooks, a centred latent, codebooks that are kept."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from recbole_adasid.pairs.item_pairs import ItemPairs
from recbole_adasid.settings.presets import read_props
from recbole_adasid.tokenizer.autoencoder_tokenizer import AutoencoderTokenizer
from recbole_adasid.tokenizer.quality import sid_quality
from recbole_adasid.tokenizer.registry import build_tokenizer, tokenizer_settings
from recbole_adasid.tokenizer.training.start import CodebookStart

N_ITEMS, WIDTH = 600, 64
TRAINABLE = ["adasid", "grvq", "quasid", "rotation", "rqvae", "simrq", "vqgan"]


@pytest.fixture(scope="module")
def features() -> Tensor:
    """Vectors like those of texts: a large common direction, and others of ever less variance."""
    generator = torch.Generator().manual_seed(0)
    varied = torch.randn(N_ITEMS, WIDTH, generator=generator) * torch.logspace(0, -1, WIDTH)
    return varied @ torch.linalg.qr(torch.randn(WIDTH, WIDTH, generator=generator))[0] + 1.0


@pytest.fixture(scope="module")
def pairs() -> ItemPairs:
    trigger, target = np.random.default_rng(0).integers(N_ITEMS, size=(2, 900))
    apart = trigger != target
    return ItemPairs(trigger[apart], target[apart], np.ones(apart.sum(), np.float32))


def tokenizer(name: str, **changes: object) -> AutoencoderTokenizer:
    small = {"encoder_hidden": [48, 32], "code_dim": 16, "lookup_dim": 8, "codebook_size": 32, "seed": 0}
    small |= {"tokenizer_batch_pairs": 128, "tokenizer_batch_solo_items": 64, "tokenizer_bf16": False}
    settings = {**read_props("tokenizers.yaml"), **read_props(f"tokenizer/{name}.yaml"), **small, **changes}
    made = build_tokenizer(tokenizer_settings(settings), width=WIDTH)
    assert isinstance(made, AutoencoderTokenizer)
    return made


def perplexity(made: AutoencoderTokenizer, features: Tensor) -> float:
    return sid_quality(made.encode(features).numpy(), made.codebook_sizes)["min_perplexity"]


@pytest.mark.parametrize("name", TRAINABLE)
def test_codebooks_that_are_put_on_a_trained_latent_are_still_used_twenty_steps_later(name, features, pairs):
    found = {}
    for start in (0, 60):
        made = tokenizer(name, tokenizer_steps=600, quantize_from=start, tokenizer_learning_rate=0.003)
        training = made.start_training(features, pairs)
        for number in range(start + 20):
            training.step(number)
        found[start] = perplexity(made, features)
    assert found[60] > max(0.5 * 32, found[0])


def test_before_that_step_encoder_and_decoder_learn_and_codebooks_stay_as_they_are(features, pairs):
    made = tokenizer("adasid", tokenizer_steps=300, quantize_from=30)
    training = made.start_training(features, pairs)
    before = [level.codebook().clone() for level in made.autoencoder.quantizer.quantizers()]
    numbers = [training.step(number) for number in range(30)]
    assert numbers[-1]["loss"] < numbers[0]["loss"] and numbers[-1].keys() == {"loss", "reconstruction_loss"}
    codebooks = [level.codebook() for level in made.autoencoder.quantizer.quantizers()]
    assert all(a.equal(b) for a, b in zip(before, codebooks))
    assert {"quantization_loss", "collision_loss"} <= training.step(30).keys()
    assert not any(a.equal(b) for a, b in zip(before, codebooks))


def test_what_aligns_latents_does_so_from_the_first_step(features, pairs):
    for space, expected in (("latent", 0.1), ("quantized", None)):
        training = tokenizer("quasid", contrastive_space=space).start_training(features, pairs)
        numbers = training.step(0)
        assert numbers.get("lambda_cf") == expected
        aligned = 0.1 * numbers.get("collaborative_loss", 0.0)
        assert numbers["loss"] == pytest.approx(numbers["reconstruction_loss"] + aligned)
        assert (aligned > 0) == (space == "latent")


@pytest.mark.parametrize(("steps", "step"), [(3000, 100), (400, 40), (9, 0)])
def test_a_short_training_gives_at_most_a_tenth_to_the_start(steps, step, features, pairs):
    assert tokenizer("rqvae", tokenizer_steps=steps).start_training(features, pairs).start.step == step


@pytest.mark.parametrize("hidden", [[], [24]])
def test_a_normalised_latent_is_centred_and_scaled_and_decodes_to_the_same(hidden, features):
    autoencoder = tokenizer("rqvae", encoder_hidden=hidden).autoencoder
    autoencoder.scaler.fit(features)
    before, loss = autoencoder.unquantized(features)
    autoencoder.normalise_latent(features, scale=0.35)
    after = autoencoder.latent(features)
    torch.testing.assert_close(after.mean(0), torch.zeros(16), rtol=0, atol=1e-5)
    assert after.square().mean().sqrt().item() == pytest.approx(0.35, rel=1e-4)
    shifted = before - before.mean(0)
    torch.testing.assert_close(after, shifted * 0.35 / shifted.square().mean().sqrt(), rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(autoencoder.unquantized(features)[1], loss, rtol=1e-4, atol=1e-5)


def test_the_learning_rate_rises_again_from_the_start_of_the_codebooks(features, pairs):
    training = tokenizer("rqvae", tokenizer_steps=80, quantize_from=4).start_training(features, pairs)
    rates = []
    for number in range(10):
        training.step(number)
        rates.append(training.optimizer.param_groups[0]["lr"] / training.settings.learning_rate)
    assert rates == pytest.approx([1, 1, 1, 1, 0.25, 0.5, 0.75, 1, 1, 1])
    plain = tokenizer("rqvae", quantize_from=0).start_training(features, pairs)
    plain.step(0)
    assert plain.optimizer.param_groups[0]["lr"] == plain.settings.learning_rate


def test_equal_items_have_a_latent_that_is_centred_and_not_scaled():
    autoencoder = tokenizer("rqvae").autoencoder
    autoencoder.normalise_latent(torch.ones(5, WIDTH), scale=0.35)
    assert autoencoder.latent(torch.ones(5, WIDTH)).abs().max() < 1e-6


def test_a_latent_that_is_not_finite_stops_the_start_with_a_remedy(features, pairs):
    training = tokenizer("rqvae", tokenizer_steps=50).start_training(features, pairs)
    torch.nn.init.constant_(training.autoencoder.encoder[0].weight, torch.inf)
    with pytest.raises(FloatingPointError, match="latent is not finite at step 5: lower tokenizer_learning_rate"):
        training.step(5)


def test_codebooks_start_on_some_of_the_items_with_the_iterations_of_the_settings(features, monkeypatch):
    monkeypatch.setattr("recbole_adasid.tokenizer.training.start.INITIALISATION_ROWS", 50)
    made, given = tokenizer("rqvae", kmeans_iterations=7).autoencoder, []
    monkeypatch.setattr(made.quantizer, "initialise", lambda *args, **named: given.append((*args, named)))
    start = CodebookStart(quantize_from=0, steps=100, latent_scale=0.35, kmeans_iterations=7)
    generator = torch.Generator().manual_seed(3)
    start(made, features, generator)
    rows = torch.randperm(N_ITEMS, generator=torch.Generator().manual_seed(3))[:50]
    latent, named = given[0]
    torch.testing.assert_close(latent, made.latent(features[rows]))
    assert named == {"iterations": 7, "generator": generator}


@pytest.mark.parametrize(
    ("quantize_from", "steps", "step"), [(5, 50, 5), (6, 50, 5), (5, 59, 5), (1, 9, 0), (0, 50, 0)]
)
def test_the_start_is_at_the_step_asked_for_or_at_a_tenth(quantize_from, steps, step):
    start = CodebookStart(quantize_from=quantize_from, steps=steps, latent_scale=0.35, kmeans_iterations=7)
    assert start.step == step
    rates = [start.learning_rate_factor(number) for number in range(step + 1)]
    assert rates == [1.0] * step + [1 / step if step else 1.0]
