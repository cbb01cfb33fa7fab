"""A tokenizer's training in the middle: everything that the next step depends on, kept so that it can go on."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from torch import Tensor

from recbole_adasid.storage import DamagedFile, read_tensors, write_tensors
from recbole_adasid.tokenizer.training import TokenizerTraining

logger = logging.getLogger(__name__)

KIND = "tokenizer-training"
History = list[tuple[int, dict[str, float]]]
"""Steps and their numbers, as they were logged."""


def save_training(path: Path, training: TokenizerTraining, *, next_step: int, history: History) -> None:
    """Keep the training as it stands before ``next_step``."""
    tensors = {f"autoencoder/{name}": value for name, value in training.autoencoder.state_dict().items()}
    for number, moments in training.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer/{number}/{name}": value for name, value in moments.items()}
    tensors |= {f"usage/{level}": usage for level, usage in enumerate(training.reviver.usage)}
    tensors["generator"] = training.generator.get_state()
    about = {
        "next_step": next_step,
        "history": history,
        "reviver_steps": training.reviver.steps,
        "observed": training.watch.observed,
        "repelled": training.watch.repelled,
    }
    write_tensors(path, KIND, tensors, about)


def restore_training(path: Path, training: TokenizerTraining) -> tuple[int, History]:
    """Put a training back to where :func:`save_training` left it; return the next step and what was logged.

    A file that is missing or damaged costs the steps, never the run: then nothing is touched and step 0 is next.
    """
    try:
        tensors, about = read_tensors(path, KIND)
    except FileNotFoundError:
        return 0, []
    except DamagedFile as error:
        logger.warning("The tokenizer starts from the beginning: %s.", error)
        return 0, []
    training.autoencoder.load_state_dict(_under("autoencoder", tensors))
    optimizer = training.optimizer.state_dict()
    optimizer["state"] = _moments(_under("optimizer", tensors))
    training.optimizer.load_state_dict(optimizer)
    training.reviver.usage = [tensors[f"usage/{level}"] for level in range(len(training.reviver.usage))]
    training.reviver.steps = about["reviver_steps"]
    training.watch.observed, training.watch.repelled = about["observed"], about["repelled"]
    training.generator.set_state(tensors["generator"])
    return about["next_step"], [(step, numbers) for step, numbers in about["history"]]


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name[len(prefix) + 1 :]: value for name, value in tensors.items() if name.startswith(f"{prefix}/")}


def _moments(tensors: dict[str, Tensor]) -> dict[int, dict[str, Any]]:
    state: dict[int, dict[str, Any]] = {}
    for name, value in tensors.items():
        number, moment = name.split("/")
        state.setdefault(int(number), {})[moment] = value
    return state
