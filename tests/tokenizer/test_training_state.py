"""A training that was interrupted goes on as if nothing had happened."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from recbole_adasid.data.pairs import ItemPairs
from recbole_adasid.host.props import read_props
from recbole_adasid.tokenizer.base import ItemTokenizer, Keep
from recbole_adasid.tokenizer.registry import build_tokenizer

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


@pytest.mark.parametrize("name", ["adasid", "quasid", "simrq", "vqgan"])
@pytest.mark.parametrize("stop_at", [0, 8, 24])
def test_an_interrupted_training_ends_bit_for_bit_as_an_undisturbed_one(
    name: str, stop_at: int, tmp_path: Path
) -> None:
    whole, log = train(name, None)
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
    whole, log = train("quasid", None, tokenizer_log_every=1)
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
    assert train("adasid", path)[1] == train("adasid", None)[1]


def test_a_damaged_file_costs_the_steps_and_not_the_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "kept.safetensors"
    with pytest.raises(KeyboardInterrupt):
        train("adasid", path, 8)
    path.write_bytes(path.read_bytes()[:-4])
    assert train("adasid", path)[1] == train("adasid", None)[1]
    assert "starts from the beginning" in caplog.text


def test_a_file_of_another_autoencoder_costs_the_steps_and_not_the_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "kept.safetensors"
    with pytest.raises(KeyboardInterrupt):
        train("vqgan", path, 8)
    assert train("adasid", path)[1] == train("adasid", None)[1]
    assert "starts from the beginning" in caplog.text and "the tensor" in caplog.text


def test_an_impossible_interval_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="tokenizer_save_every must be at least 1"):
        Keep(tmp_path, 0)
