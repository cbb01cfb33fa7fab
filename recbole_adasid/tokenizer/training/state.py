"""State of a tokenizer training in progress: everything the next step depends on, saved so that it can resume."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from torch import Tensor

from recbole_adasid.compute.optimizer_state import optimizer_state, restore_optimizer
from recbole_adasid.io.tensor_file import DamagedFile, below, check_fit, read_tensors, write_tensors
from recbole_adasid.tokenizer.training.loop import TokenizerTraining

logger = logging.getLogger(__name__)

KIND = "tokenizer-training"
History = list[tuple[int, dict[str, float]]]
"""Logged steps and their numbers."""


def save_training(path: Path, training: TokenizerTraining, *, next_step: int, history: History) -> None:
    """Save the state of the training before ``next_step``."""
    tensors, about = training_state(training)
    write_tensors(path, KIND, tensors, {**about, "next_step": next_step, "history": history})


def training_state(training: TokenizerTraining) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors and plain values that the next step depends on."""
    tensors, numbers = optimizer_state(training.optimizer)
    tensors |= {f"autoencoder/{name}": value for name, value in training.autoencoder.state_dict().items()}
    tensors |= {f"usage/{level}": usage for level, usage in enumerate(training.reviver.usage)}
    tensors["generator"] = training.generator.get_state()
    return tensors, {
        "optimizer_numbers": numbers,
        "reviver_steps": training.reviver.steps,
        "observed": training.watch.observed,
        "repelled": training.watch.repelled,
    }


def adopt_state(training: TokenizerTraining, tensors: dict[str, Tensor], about: dict[str, Any]) -> None:
    """Set a training to a state returned by :func:`training_state`."""
    training.autoencoder.load_state_dict(below("autoencoder", tensors))
    restore_optimizer(training.optimizer, tensors, about["optimizer_numbers"])
    training.reviver.usage = [tensors[f"usage/{level}"] for level in range(len(training.reviver.usage))]
    training.reviver.steps = about["reviver_steps"]
    training.watch.observed, training.watch.repelled = about["observed"], about["repelled"]
    training.generator.set_state(tensors["generator"])


def restore_training(path: Path, training: TokenizerTraining) -> tuple[int, History]:
    """Restore a training saved by :func:`save_training`; return the next step and the log so far.

    A file that is missing, damaged or of another autoencoder loses the steps but never fails the run: the training is
    left untouched and starts at step 0.
    """
    try:
        tensors, about = read_tensors(path, KIND)
        check_fit(path, below("autoencoder", tensors), training.autoencoder.state_dict())
    except FileNotFoundError:
        return 0, []
    except DamagedFile as error:
        logger.warning("Restarting the tokenizer training from step 0: %s.", error)
        return 0, []
    adopt_state(training, tensors, about)
    return about["next_step"], [(step, numbers) for step, numbers in about["history"]]
