"""A tokenizer's training in the middle: everything that the next step depends on, kept so that it can go on."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from torch import Tensor

from recbole_adasid.compute.optimizer_state import optimizer_state, restore_optimizer
from recbole_adasid.io.tensor_file import DamagedFile, below, check_fit, read_tensors, write_tensors
from recbole_adasid.tokenizer.training import TokenizerTraining

logger = logging.getLogger(__name__)

KIND = "tokenizer-training"
History = list[tuple[int, dict[str, float]]]
"""Steps and their numbers, as they were logged."""


def save_training(path: Path, training: TokenizerTraining, *, next_step: int, history: History) -> None:
    """Keep the training as it stands before ``next_step``."""
    tensors, about = training_state(training)
    write_tensors(path, KIND, tensors, {**about, "next_step": next_step, "history": history})


def training_state(training: TokenizerTraining) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors and the plain values that the next step depends on."""
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
    """Put a training to where :func:`training_state` found it."""
    training.autoencoder.load_state_dict(below("autoencoder", tensors))
    restore_optimizer(training.optimizer, tensors, about["optimizer_numbers"])
    training.reviver.usage = [tensors[f"usage/{level}"] for level in range(len(training.reviver.usage))]
    training.reviver.steps = about["reviver_steps"]
    training.watch.observed, training.watch.repelled = about["observed"], about["repelled"]
    training.generator.set_state(tensors["generator"])


def restore_training(path: Path, training: TokenizerTraining) -> tuple[int, History]:
    """Put a training back to where :func:`save_training` left it; return the next step and what was logged.

    A file that is missing, damaged or of another autoencoder costs the steps, never the run: then nothing is touched
    and step 0 is next.
    """
    try:
        tensors, about = read_tensors(path, KIND)
        check_fit(path, below("autoencoder", tensors), training.autoencoder.state_dict())
    except FileNotFoundError:
        return 0, []
    except DamagedFile as error:
        logger.warning("The tokenizer starts from the beginning: %s.", error)
        return 0, []
    adopt_state(training, tensors, about)
    return about["next_step"], [(step, numbers) for step, numbers in about["history"]]
