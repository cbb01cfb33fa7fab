"""A training that was interrupted goes on as if nothing had happened."""

from __future__ import annotations

import copy
import functools
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from recbole_adasid.io.atomic import CannotWrite
from recbole_adasid.pairs.item_pairs import ItemPairs
from recbole_adasid.settings.presets import read_props
from recbole_adasid.tokenizer import autoencoder_tokenizer
from recbole_adasid.tokenizer.autoencoder_tokenizer import AutoencoderTokenizer, _train_along
from recbole_adasid.tokenizer.base import ItemTokenizer, Keep
from recbole_adasid.tokenizer.registry import build_tokenizer
from recbole_adasid.tokenizer.training.loop import TokenizerTraining
from recbole_adasid.tokenizer.training.state import restore_training, save_training, training_state

STEPS, EVERY = 30, 7
FEATURES = torch.randn(90, 12, generator=torch.Generator().manual_seed(0))
TRIGGER, TARGET = np.random.default_rng(0).integers(90, size=(2, 60))
PAIRS = ItemPairs(TRIGGER, TARGET, np.ones(60, dtype=np.float32))
Log = list[tuple[int, dict[str, float]]]


def tokenizer(name: str, **changes: object) -> ItemTokenizer:
    small = {"tokenizer_steps": STEPS, "tokenizer_log_every": 4, "revive_every": 5, "codebook_size": 16, "seed": 1}
    small |= {"encoder_hidden": [16], "tokenizer_batch_pairs": 16, "tokenizer_batch_solo_items": 8}
    settings = {**read_props("tokenizers.yaml"), **read_props(f"tokenizer/{name}.yaml"), **small, **changes}
    return build_tokenizer(settings, width=12)


def train(
    name: str, path: Path | None, stop_at: int | None = None, *, every: int = EVERY, **changes: object
) -> tuple[ItemTokenizer, Log]:
    """Train; with ``stop_at`` end as if killed in the first log entry from that step on."""
    log: Log = []

    def note(step: int, numbers: dict[str, float]) -> None:
        log.append((step, numbers))
        if stop_at is not None and step >= stop_at:
            raise KeyboardInterrupt

    made = tokenizer(name, **changes)
    made.fit(FEATURES, PAIRS, log=note, keep=None if path is None else Keep(path, every))
    return made, log


@functools.cache
def undisturbed(name: str, **changes: object) -> tuple[ItemTokenizer, Log]:
    """What a training gives that nothing interrupts; it must not be changed."""
    return train(name, None, **changes)


@pytest.mark.parametrize("name", ["adasid", "quasid", "simrq", "vqgan"])
@pytest.mark.parametrize("stop_at", [0, 8, 24])
def test_an_interrupted_training_ends_bit_for_bit_as_an_undisturbed_one(
    name: str, stop_at: int, tmp_path: Path
) -> None:
    whole, log = undisturbed(name)
    path = tmp_path / "kept.safetensors"
    with pytest.raises(KeyboardInterrupt):
        train(name, path, stop_at)
    assert path.exists() == (stop_at > EVERY)
    resumed, again = train(name, path)
    assert again == log
    for key, value in whole.state_dict().items():
        assert resumed.state_dict()[key].equal(value), key
    assert resumed.encode(FEATURES).equal(whole.encode(FEATURES))


@pytest.mark.parametrize("stop_at", [1, 2, 3, 4])
def test_an_interruption_around_the_start_of_the_codebooks_changes_nothing(stop_at: int, tmp_path: Path) -> None:
    """They are put down before the fourth step, and the learning rate rises until the sixth."""
    whole, log = undisturbed("quasid", tokenizer_log_every=1)
    path = tmp_path / "kept.safetensors"
    with pytest.raises(KeyboardInterrupt):
        train("quasid", path, stop_at, every=1, tokenizer_log_every=1)
    resumed, again = train("quasid", path, every=1, tokenizer_log_every=1)
    assert again == log and "quantization_loss" not in dict(log)[2] and "quantization_loss" in dict(log)[3]
    assert resumed.encode(FEATURES).equal(whole.encode(FEATURES))


def test_a_training_interrupted_twice_still_ends_the_same(tmp_path: Path) -> None:
    path = tmp_path / "kept.safetensors"
    for stop_at in (8, 20):
        with pytest.raises(KeyboardInterrupt):
            train("adasid", path, stop_at)
    assert train("adasid", path)[1] == undisturbed("adasid")[1]


def test_a_damaged_file_costs_the_steps_and_not_the_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "kept.safetensors"
    with pytest.raises(KeyboardInterrupt):
        train("adasid", path, 8)
    path.write_bytes(path.read_bytes()[:-4])
    assert train("adasid", path)[1] == undisturbed("adasid")[1]
    assert caplog.messages[0].startswith("Restarting the tokenizer training from step 0: ")


def test_a_file_of_another_autoencoder_costs_the_steps_and_not_the_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "kept.safetensors"
    with pytest.raises(KeyboardInterrupt):
        train("vqgan", path, 8)
    assert train("adasid", path)[1] == undisturbed("adasid")[1]
    assert (
        caplog.messages[0].startswith("Restarting the tokenizer training from step 0: ") and "the tensor" in caplog.text
    )


def test_an_impossible_interval_is_refused(tmp_path: Path) -> None:
    assert Keep(tmp_path, 1).every == 1
    with pytest.raises(ValueError, match="^tokenizer_save_every must be at least 1 step, got 0$"):
        Keep(tmp_path, 0)


def steps_taken(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Steps from here on, noted as they begin."""
    taken: list[int] = []
    step = TokenizerTraining.step

    def noting(training: TokenizerTraining, number: int) -> dict[str, float]:
        taken.append(number)
        return step(training, number)

    monkeypatch.setattr(TokenizerTraining, "step", noting)
    return taken


def test_steps_that_were_kept_are_not_taken_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "kept.safetensors"
    with pytest.raises(KeyboardInterrupt):
        train("adasid", path, 24)
    taken = steps_taken(monkeypatch)
    _, log = train("adasid", path)
    assert taken == list(range(21, STEPS)) and [step for step, _ in log] == [0, 4, 8, 12, 16, 20, 24, 28, 29]
    assert caplog.messages == []


def test_a_training_is_kept_every_so_many_steps_but_not_after_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[int] = []
    monkeypatch.setattr(
        autoencoder_tokenizer, "save_training", lambda path, training, *, next_step, history: kept.append(next_step)
    )
    train("rqvae", tmp_path / "kept", every=10)
    assert kept == [10, 20]


def test_a_full_disk_costs_what_would_be_kept_and_not_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object, **__: object) -> None:
        raise CannotWrite("the disk is full")

    monkeypatch.setattr(autoencoder_tokenizer, "save_training", full)
    assert train("rqvae", tmp_path / "kept")[1] == undisturbed("rqvae")[1]
    assert caplog.messages == ["Training continues without saving its state: the disk is full."]


def test_the_other_ranks_are_called_with_what_the_training_is_at(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[Any, ...]] = []
    monkeypatch.setattr(
        autoencoder_tokenizer, "world", lambda: SimpleNamespace(call_others=lambda *given: calls.append(given))
    )
    made, _ = train("rqvae", None)
    (function, *given), state = calls[0], calls[0][4]
    assert function is _train_along and given[:3] == [made, FEATURES, PAIRS] and given[4] == 0
    assert state[0].keys() >= {"generator", "usage/0", "autoencoder/encoder.0.weight"} and "reviver_steps" in state[1]


def test_another_rank_that_trains_along_ends_with_the_same_weights() -> None:
    first, other = tokenizer("quasid"), tokenizer("quasid", seed=9)
    assert isinstance(first, AutoencoderTokenizer) and isinstance(other, AutoencoderTokenizer)
    training = first.start_training(FEATURES, PAIRS)
    for number in range(5):
        training.step(number)
    _train_along(other, FEATURES, PAIRS, copy.deepcopy(training_state(training)), 5)
    for number in range(5, STEPS):
        training.step(number)
    for name, value in first.state_dict().items():
        assert other.state_dict()[name].equal(value), name
    codes = first.encode(FEATURES)
    assert first.quantized(codes).equal(first.autoencoder.quantizer.decode(codes))


def test_everything_that_a_step_depends_on_is_restored(tmp_path: Path) -> None:
    path, names = tmp_path / "kept.safetensors", ("adasid", "adasid")
    first, other = (tokenizer(name, seed=seed) for seed, name in enumerate(names))
    assert isinstance(first, AutoencoderTokenizer) and isinstance(other, AutoencoderTokenizer)
    training, restored = first.start_training(FEATURES, PAIRS), other.start_training(FEATURES, PAIRS)
    for number in range(8):
        training.step(number)
    save_training(path, training, next_step=8, history=[(0, {"loss": 2.0}), (4, {"loss": 1.0})])
    assert restore_training(path, restored) == (8, [(0, {"loss": 2.0}), (4, {"loss": 1.0})])
    assert restored.reviver.steps == training.reviver.steps > 0
    assert [usage.tolist() for usage in restored.reviver.usage] == [usage.tolist() for usage in training.reviver.usage]
    assert restored.watch.observed == training.watch.observed > 0
    assert restored.watch.repelled == training.watch.repelled > 0
    assert restored.generator.get_state().equal(training.generator.get_state())
    assert restored.step(8) == training.step(8)
    assert restore_training(tmp_path / "nothing", restored) == (0, [])
