"""One step of a tokenizer's training where numbers get awkward."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from torch import Tensor

from recbole_adasid.pairs.item_pairs import ItemPairs
from recbole_adasid.tokenizer.registry import build_tokenizer, tokenizer_settings
from recbole_adasid.tokenizer.training.contrastive import info_nce
from recbole_adasid.tokenizer.training.loop import TokenizerTraining, TrainingSettings
from recbole_adasid.tokenizer.training.sampling import KnownPairs, PairBatch

PROPS = Path(__file__).parents[3] / "props"
WIDTH = 16


def training(features: Tensor, pairs: ItemPairs | None, **changes: object) -> TokenizerTraining:
    config = yaml.safe_load((PROPS / "tokenizers.yaml").read_text())
    config |= yaml.safe_load((PROPS / "tokenizer" / "adasid.yaml").read_text())
    config |= {"seed": 5, "codebook_size": 8, "code_dim": 4, "encoder_hidden": [16], "tokenizer_steps": 400}
    config |= {"tokenizer_batch_pairs": 32, "tokenizer_batch_solo_items": 32, "tokenizer_bf16": False}
    # Both terms act from the first step on.
    config |= {"rebalancing_start": 0.0, "rebalancing_end": 1.0, "progress_rebalancing": False}
    config |= {"quantize_from": 0, **changes}
    return build_tokenizer(tokenizer_settings(config), width=WIDTH).start_training(features, pairs)


@pytest.fixture(scope="module")
def features() -> Tensor:
    return torch.randn(60, WIDTH, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def pairs() -> ItemPairs:
    rows = np.arange(60)
    return ItemPairs(rows, (rows + 1) % 60, np.ones(60, np.float32))


def objective(training: TokenizerTraining, items: list[int], n_pairs: int) -> tuple[float, dict[str, float]]:
    """Return the loss of a given batch beside the plain autoencoder's."""
    batch = PairBatch.of(torch.tensor(items), n_pairs)
    output = training.autoencoder(training.features[batch.items], batch.counts)
    loss, numbers = training._objective(output, batch, step=0)
    return float(loss.detach()) - float((output.reconstruction_loss + output.quantization_loss).detach()), numbers


def test_one_pair_costs_what_its_single_overlap_costs(features, pairs):
    found = training(features, pairs)
    codes = found.autoencoder.quantizer.encode(found.autoencoder.latent(found.features))
    depth = (codes[:, None] == codes).sum(2)
    without = (depth == 0).nonzero()[0].tolist()
    extra, numbers = objective(found, without, 1)
    assert extra == 0 and numbers["collision_loss"] == numbers["collaborative_loss"] == numbers["overlap_rate"] == 0
    overlapping = ((depth > 0) & ~torch.eye(60, dtype=torch.bool)).nonzero()[0].tolist()
    extra, numbers = objective(found, overlapping, 1)
    assert numbers["overlap_rate"] == 1 and numbers["collaborative_loss"] == 0
    assert extra == pytest.approx(numbers["lambda_col"] * numbers["collision_loss"], abs=1e-6)


def test_a_batch_of_one_item_over_and_over_costs_nothing_beyond_the_autoencoder(features, pairs):
    extra, numbers = objective(training(features, pairs), [7] * 10, 4)
    assert extra == 0 and numbers["collision_loss"] == numbers["collaborative_loss"] == 0


def test_items_with_the_same_features_train_without_breaking(pairs):
    found = training(torch.ones(60, WIDTH), pairs)
    for number in range(5):
        assert np.isfinite(found.step(number)["loss"])
    assert all(parameter.isfinite().all() for parameter in found.autoencoder.parameters())


@pytest.mark.parametrize("where", ["loss", "gradient's norm"])
def test_what_is_not_finite_stops_before_it_reaches_the_parameters(where, features, pairs):
    found = training(features, pairs)
    before = [parameter.detach().clone() for parameter in found.autoencoder.parameters()]
    if where == "loss":
        found.features = features.clone().fill_(3e38)
    else:
        found.autoencoder.encoder[0].weight.register_hook(lambda grad: grad.index_fill(0, torch.tensor([1]), torch.nan))
    with pytest.raises(FloatingPointError, match=f"tokenizer's {where} became .* at step 3: lower tokenizer_learning"):
        found.step(3)
    assert all(a.equal(b) for a, b in zip(before, found.autoencoder.parameters()))


def test_a_collapsed_codebook_is_revived_and_the_revival_is_reported(features, pairs):
    found = training(features, pairs, revive_every=5, tokenizer_log_every=1)
    level = found.autoencoder.quantizer.quantizers()[0]
    level.set_codewords(torch.arange(8), torch.full((8, 4), 50.0) + torch.arange(8)[:, None])

    def used() -> int:
        return len(level.nearest(found.autoencoder.latent(features)).unique())

    assert used() == 1
    revived = [found.step(number)["revived"] for number in range(20)]
    assert sum(revived[:5]) >= 7 and used() >= 6


def test_bfloat16_and_float32_agree_within_two_percent(features, pairs):
    """The tolerance that docs/speed.md states."""
    found = training(features, pairs)
    with torch.no_grad():
        exact = found.autoencoder(features)
        rough = found.autoencoder(features, bf16=True)
    assert float(rough.reconstruction_loss) == pytest.approx(float(exact.reconstruction_loss), rel=0.02)
    assert float((rough.latent - exact.latent).norm() / exact.latent.norm()) < 0.02


@pytest.mark.parametrize("tokenizer", ["adasid", "vqgan", "grvq", "rotation", "simrq"])
def test_items_drawn_several_times_weigh_as_much_as_their_copies(tokenizer, features, pairs):
    preset = yaml.safe_load((PROPS / "tokenizer" / f"{tokenizer}.yaml").read_text())
    found = training(features, pairs, **{**preset, "lookup_dim": 2}).autoencoder
    drawn = torch.tensor([3, 1, 3, 7, 3, 1])
    batch = PairBatch.of(drawn, 0)
    assert batch.items.tolist() == [1, 3, 7] and batch.counts.tolist() == [2, 3, 1]
    losses = []
    for once in (found(features[batch.items], batch.counts), found(features[drawn])):
        found.zero_grad()
        loss = once.reconstruction_loss + once.quantization_loss
        loss.backward()
        losses.append([loss.detach(), *(p.grad.clone() for p in found.parameters() if p.grad is not None)])
    assert len(losses[0]) > 5
    for ours, theirs in zip(*losses):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


VALID = {
    **{
        "steps": 1,
        "batch_pairs": 1,
        "batch_solo_items": 0,
        "draw": "auto",
        "pair_draw_power": 0.0,
        "learning_rate": 1.0,
    },
    **{"weight_decay": 0.0, "temperature": 1.0, "contrastive_space": "latent", "kmeans_iterations": 0},
    **{"contrastive_negatives": "batch"},
    **{"quantize_from": 0, "latent_scale": 1.0, "revive_every": 0, "log_every": 1, "bf16": False, "seed": 0},
}


def training_settings(**changes: object) -> TrainingSettings:
    return TrainingSettings(**{**VALID, **changes})


@pytest.mark.parametrize("name", ["steps", "batch_pairs", "log_every", "learning_rate", "temperature", "latent_scale"])
def test_what_has_to_be_above_0_is(name: str) -> None:
    assert getattr(training_settings(**{name: 1}), name) == 1
    with pytest.raises(ValueError, match=f"^tokenizer setting {name} must be above 0, got 0$"):
        training_settings(**{name: 0})


@pytest.mark.parametrize(
    "name",
    ["batch_solo_items", "pair_draw_power", "kmeans_iterations", "quantize_from", "revive_every", "weight_decay"],
)
def test_what_may_be_0_is_not_below(name: str) -> None:
    assert getattr(training_settings(**{name: 0}), name) == 0
    with pytest.raises(ValueError, match=f"^tokenizer setting {name} must not be negative, got -1$"):
        training_settings(**{name: -1})


def next_batch(found: TokenizerTraining) -> PairBatch:
    """The batch that the next step will draw."""
    state = found.generator.get_state()
    batch = found.sampler.draw()
    found.generator.set_state(state)
    assert batch.counts.max() > 1
    return batch


@pytest.mark.parametrize("space", ["quantized", "latent"])
def test_a_step_descends_on_the_terms_of_its_batch(space, features, pairs):
    found = training(features, pairs, contrastive_space=space, contrastive_temperature=0.3)
    batch = next_batch(found)
    output = found.autoencoder(features[batch.items], batch.counts)
    vectors = output.quantized if space == "quantized" else output.latent
    expected = {
        "reconstruction_loss": output.reconstruction_loss,
        "quantization_loss": output.quantization_loss,
        "collision_loss": found.regulation.collision(output.latent, output.codes, batch).loss,
        "collaborative_loss": info_nce(vectors, batch.trigger, batch.target, temperature=0.3),
    }
    numbers = found.step(0)
    assert {name: numbers[name] for name in expected} == pytest.approx(
        {k: float(v.detach()) for k, v in expected.items()}
    )
    whole = expected["reconstruction_loss"] + expected["quantization_loss"]
    whole = whole + numbers["lambda_col"] * expected["collision_loss"]
    whole = whole + numbers["lambda_cf"] * expected["collaborative_loss"]
    assert numbers["loss"] == pytest.approx(float(whole.detach()))


def test_a_step_spares_known_pairs_and_shows_the_gate_the_scaled_features(features, pairs):
    changes = {"relaxation_similarity": "features", "contrastive_negatives": "unpaired"}
    found = training(features, pairs, contrastive_temperature=0.3, **changes)
    batch = next_batch(found)
    output = found.autoencoder(features[batch.items], batch.counts)
    scaled = found.autoencoder.scaler(features[batch.items])
    spared = KnownPairs(pairs, n_items=len(features)).among(batch)
    alignment = info_nce(output.quantized, batch.trigger, batch.target, temperature=0.3, spared=spared)
    numbers = found.step(0)
    collision = found.regulation.collision(output.latent, output.codes, batch, scaled)
    assert numbers["collision_loss"] == pytest.approx(float(collision.loss.detach()))
    assert numbers["similarity"] == pytest.approx(collision.stats["similarity"])
    assert numbers["collaborative_loss"] == pytest.approx(float(alignment.detach()))
    assert alignment < info_nce(output.quantized, batch.trigger, batch.target, temperature=0.3)


def test_a_step_without_codebooks_descends_on_what_its_batch_reconstructs(features, pairs):
    found = training(features, pairs, quantize_from=5)
    batch = next_batch(found)
    _, expected = found.autoencoder.unquantized(features[batch.items], batch.counts)
    numbers = found.step(0)
    assert numbers == {
        "reconstruction_loss": pytest.approx(float(expected.detach())),
        "loss": pytest.approx(float(expected.detach())),
    }


@pytest.mark.parametrize("quantize_from", [0, 5])
def test_codebooks_are_put_on_the_latent_at_once_unless_steps_come_first(quantize_from, features, pairs):
    found = training(features, pairs, quantize_from=quantize_from)
    level, latent = found.autoencoder.quantizer.quantizers()[0], found.autoencoder.latent(features)
    codes = level.nearest(latent)
    on_means = [torch.allclose(level.codebook()[k], latent[codes == k].mean(0), atol=1e-4) for k in codes.unique()]
    assert all(on_means) == (quantize_from == 0)
    for number in range(quantize_from):
        found.step(number)
    found.step(quantize_from)
    # The optimiser knows of one step with codebooks, none of those before.
    steps = {int(state["step"]) for state in found.optimizer.state.values()}
    assert steps == {1}


def test_the_optimiser_is_the_fused_adamw_of_the_settings(features, pairs):
    found = training(features, pairs, tokenizer_learning_rate=0.02, tokenizer_weight_decay=0.03)
    defaults = found.optimizer.defaults
    assert (defaults["lr"], defaults["weight_decay"], defaults["fused"]) == (0.02, 0.03, True)


def test_statistics_of_a_batch_come_every_so_many_steps_and_at_the_last_which_revives_nothing(features, pairs):
    found = training(features, pairs, tokenizer_steps=10, tokenizer_log_every=4, revive_every=1)
    level = found.autoencoder.quantizer.quantizers()[0]
    level.set_codewords(torch.arange(8), torch.full((8, 4), 50.0) + torch.arange(8)[:, None])
    revived = {}
    for number in range(10):
        numbers = found.step(number)
        assert ("batch_perplexity_1" in numbers) == ("revived" in numbers) == (number in (0, 4, 8, 9))
        if "revived" in numbers:
            revived[number] = numbers["revived"]
        if number == 8:
            level.set_codewords(torch.arange(8), torch.full((8, 4), 50.0) + torch.arange(8)[:, None])
    assert revived[0] >= 7 and revived[9] == 0 and found.watch.observed == 10
