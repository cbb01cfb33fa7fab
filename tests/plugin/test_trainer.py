"""Training a TIGER: which epoch is kept, when it stops or goes on, and means of its weights."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import torch

from recbole_adasid.bundle import SIDBundle
from recbole_adasid.bundle.item_sids import ItemSIDs
from recbole_adasid.run_folder.model_file import read_model
from recbole_adasid.settings.errors import SettingsError


def test_training_lowers_the_loss_and_beats_chance(prepare):
    trainer, (train, valid, test) = prepare(train_batch_size=16, epochs=30, eval_step=10, learning_rate=0.01)
    score, metrics = trainer.fit(train, valid)
    assert trainer.train_loss_dict[29] < 0.5 * trainer.train_loss_dict[0]
    # Ten of twenty items drawn at random would hit half of the time, three times less often at rank one.
    assert metrics["recall@3"] > 0.6 and trainer.evaluate(test)["recall@3"] > 0.6


@pytest.mark.parametrize(
    "network",
    [
        ("bidirectional", "tokens"),
        pytest.param(("bidirectional", "items"), marks=pytest.mark.slow),
        pytest.param(("causal", "tokens"), marks=pytest.mark.slow),
    ],
)
def test_every_kind_of_encoder_learns(prepare, network):
    changes = dict(zip(("encoder_attention", "encoder_input"), network))
    trainer, (train, valid, _) = prepare(train_batch_size=16, epochs=30, eval_step=30, learning_rate=0.01, **changes)
    _, metrics = trainer.fit(train, valid)
    assert trainer.train_loss_dict[29] < 0.5 * trainer.train_loss_dict[0]
    assert metrics["recall@3"] > 0.4  # three of twenty items drawn at random hit 0.15


def test_the_same_seed_gives_the_same_metrics_learned_or_reused(prepare):
    results = []
    for _ in range(2):
        trainer, (train, valid, test) = prepare()
        results.append((trainer.fit(train, valid), trainer.evaluate(test), trainer.train_loss_dict))
    assert results[0] == results[1]
    assert trainer.model.semantic_ids.stages["tokenizer"] == "reused"


def test_the_best_epoch_is_the_one_that_is_tested(prepare):
    trainer, (train, valid, test) = prepare(epochs=3)
    scores = iter([0.1, 0.9, 0.5])
    states = []

    def scripted(data, show_progress=False):
        states.append({name: value.clone() for name, value in trainer.model.state_dict().items()})
        return next(scores), {"ndcg@10": 0.0}

    trainer._valid_epoch = scripted
    trainer.fit(train, valid)
    trainer.evaluate(test)
    for name, value in trainer.model.state_dict().items():
        assert torch.equal(value, states[1][name])
    assert any(not torch.equal(states[1][name], states[2][name]) for name in states[1])


def test_the_last_epoch_is_validated_even_between_steps(prepare):
    trainer, (train, valid, _) = prepare(epochs=3, eval_step=2)
    validated = []
    trainer.fit(train, valid, callback_fn=lambda epoch, score: validated.append(epoch))
    assert validated == [1, 2]


def test_training_stops_when_validation_no_longer_improves(prepare):
    trainer, (train, valid, _) = prepare(epochs=10, stopping_step=1)
    scores = iter([0.5, 0.4, 0.3, 0.2])
    trainer._valid_epoch = lambda data, show_progress=False: (next(scores), {"ndcg@10": 0.0})
    assert trainer.fit(train, valid)[0] == 0.5
    assert len(trainer.train_loss_dict) == 3


def test_resuming_goes_on_after_the_saved_epoch(prepare):
    trainer, (train, valid, _) = prepare()
    trainer.fit(train, valid)
    path = trainer.saved_model_file
    resumed, (train, valid, _) = prepare(epochs=5)
    resumed.resume_checkpoint(path)
    assert resumed.start_epoch in (1, 2)
    resumed.fit(train, valid)
    assert sorted(resumed.train_loss_dict) == list(range(resumed.start_epoch, 5))


def test_the_best_weights_are_in_the_model_although_there_is_no_test_part(prepare):
    trainer, (train, valid, _) = prepare(epochs=3, eval_step=1)
    scores = iter([0.5, 0.4, 0.3])
    trainer._valid_epoch = lambda data, show_progress=False: (next(scores), {"ndcg@10": 0.0})
    trainer.fit(train, valid)
    assert trainer.evaluate(None) is None
    best = read_model(Path(trainer.saved_model_file)).tensors
    assert all(value.equal(best[f"model/{name}"]) for name, value in trainer.model.state_dict().items())


def test_a_number_serves_as_gradient_limit(prepare):
    assert prepare(clip_grad_norm=0.5)[0].gradient_limit == {"max_norm": 0.5}
    assert prepare(clip_grad_norm=None)[0].gradient_limit == {}


def test_a_loss_that_is_not_a_number_stops_the_training(prepare):
    trainer, (train, _, _) = prepare()
    trainer.model.sequence_loss = lambda interaction: sum(p.sum() for p in trainer.model.parameters()) * float("nan")
    with pytest.raises(FloatingPointError, match="non-finite loss or gradient of TIGER in epoch 0, at batch 0"):
        trainer.fit(train)


@pytest.mark.parametrize("limit", [None, 1.0])
def test_a_gradient_that_is_not_finite_stops_the_training_and_spares_what_is_saved(limit, prepare):
    trainer, (train, valid, _) = prepare(clip_grad_norm=limit, epochs=3)
    step, epochs = trainer._train_epoch, iter(range(3))

    def poisoned(*args, **kwargs):
        if next(epochs) == 1:
            next(trainer.model.parameters()).register_hook(lambda grad: grad * torch.inf)
        return step(*args, **kwargs)

    trainer._train_epoch = poisoned
    with pytest.raises(FloatingPointError, match="in epoch 1, at batch 0 or shortly before: lower learning_rate"):
        trainer.fit(train, valid)
    saved = read_model(Path(trainer.saved_model_file))
    assert saved.about["epoch"] == 0 and all(value.isfinite().all() for value in saved.tensors.values())


def test_a_model_of_many_levels_is_read_again(prepare, tmp_path):
    codes = torch.arange(20)[:, None].remainder(torch.arange(2, 13)).numpy()
    sids = ItemSIDs([f"i{item}" for item in range(20)], codes, [12] * 11)
    SIDBundle(sids).save(tmp_path / "bundle")
    trainer, (train, valid, test) = prepare(sids_file=str(tmp_path / "bundle"), epochs=1)
    trainer.fit(train, valid)
    assert read_model(Path(trainer.saved_model_file)).about["sid_level_sizes"] == [12] * 11 + [1]
    assert trainer.evaluate(test)["recall@10"] > 0


@pytest.mark.parametrize("changed", ["setting", "weight"])
def test_a_model_that_could_not_be_read_again_is_not_trained(changed, prepare):
    trainer, (train, valid, _) = prepare()
    if changed == "setting":
        trainer.config.final_config_dict["image_folder"] = 3
    else:
        trainer.model.register_buffer("mine", torch.zeros(2))
    named = {"setting": "image_folder is 3", "weight": "unexpected tensor mine"}[changed]
    with pytest.raises(SettingsError, match=f"so training did not start: .*{named}"):
        trainer.fit(train, valid)
    assert not trainer.train_loss_dict and not Path(trainer.saved_model_file).exists()
    trainer.fit(train, valid, saved=False)


def test_training_in_bfloat16_agrees_with_float32_within_one_percent(prepare):
    """The tolerance that docs/speed.md states."""
    trainer, (train, _, _) = prepare()
    trainer.model.eval()  # no dropout
    batch = next(iter(train))
    with torch.no_grad():
        exact = trainer.model.calculate_loss(batch)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rough = trainer.model.calculate_loss(batch)
    assert rough != exact and float(rough) == pytest.approx(float(exact), rel=0.01)


def literal_mean(model, means, horizon):
    """Go on with the mean of the weights after each step."""
    for name, weight in model.named_parameters():
        rate = 1 / min(horizon, means["steps"] + 1)
        means[name] = (1 - rate) * means.get(name, 0) + rate * weight.detach().clone()
    means["steps"] += 1


def test_the_models_weights_are_the_mean_of_those_after_the_last_steps(prepare):
    trainer, (train, valid, _) = prepare(averaging_fraction=0.4, epochs=5, eval_step=5)
    means, step, steps = {"steps": 0}, trainer.optimizer.step, 5 * len(trainer._batches(train, 0))

    def counted(*arguments):
        step(*arguments)
        literal_mean(trainer.model, means, 0.4 * steps)

    trainer.optimizer.step = counted
    trainer.fit(train, valid)
    assert means["steps"] == steps > 4
    saved = {name: value.detach().clone() for name, value in trainer.model.named_parameters()}
    trainer.evaluate(valid)  # reads the file
    for name, weight in trainer.model.named_parameters():
        torch.testing.assert_close(weight.detach(), means[name], atol=1e-5, rtol=1e-4)
        assert weight.equal(saved[name])


def test_training_with_a_mean_goes_on_from_a_models_file_as_if_it_had_not_stopped(prepare):
    changes = {"averaging_fraction": 0.4, "epochs": 4, "eval_step": 2, "dropout": 0.0}
    whole, (train, valid, _) = prepare(**changes)
    whole.fit(train, valid, saved=False)
    first, (train, valid, _) = prepare(**changes)
    first.epochs, first._train_epoch = 2, partial(in_a_plan_of, 4, first, first._train_epoch)
    first.fit(train, valid)
    again, (train, valid, _) = prepare(**changes)
    again.resume_checkpoint(first.saved_model_file)
    assert again.start_epoch == 2
    again.fit(train, valid, saved=False)
    for one, other in zip(again.model.parameters(), whole.model.parameters()):
        assert one.equal(other)


def in_a_plan_of(epochs, trainer, train_epoch, *arguments, **options):
    """Train an epoch at the learning rates of a longer training, as before an interruption."""
    planned, trainer.epochs = trainer.epochs, epochs
    try:
        return train_epoch(*arguments, **options)
    finally:
        trainer.epochs = planned
