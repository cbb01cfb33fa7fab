"""TIGER's training between two epochs: everything that the next epoch depends on, kept so that it can go on."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import torch

from recbole_adasid.storage import DamagedFile, read_tensors, write_tensors

logger = logging.getLogger(__name__)

KIND = "tiger-training"


def save_training(path: Path, trainer: Any, key: str, *, next_epoch: int) -> None:
    """Keep a trainer as it stands before ``next_epoch``; ``key`` tells settings and data apart."""
    tensors = {f"model/{name}": value for name, value in trainer.model.state_dict().items()}
    numbers: dict[str, Any] = {}  # some optimisers count their steps in plain numbers
    for index, state in trainer.optimizer.state_dict()["state"].items():
        for name, value in state.items():
            (tensors if isinstance(value, torch.Tensor) else numbers)[f"optimizer/{index}/{name}"] = value
    tensors["random/cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors |= {f"random/cuda/{i}": state for i, state in enumerate(torch.cuda.get_rng_state_all())}
    about = {
        "key": key,
        "next_epoch": next_epoch,
        "best_valid_score": float(trainer.best_valid_score),
        "best_valid_result": trainer.best_valid_result,
        "cur_step": trainer.cur_step,
        "losses": list(trainer.train_loss_dict.items()),
        "optimizer_numbers": numbers,
    }
    write_tensors(path, KIND, tensors, about)


def restore_training(path: Path, trainer: Any, key: str) -> bool:
    """Put a trainer back to where :func:`save_training` left it; return whether there was anything to go on from.

    A file that is missing, damaged or of other settings is left alone, and so is the trainer.
    """
    try:
        tensors, about = read_tensors(path, KIND)
    except FileNotFoundError:
        return False
    except DamagedFile as error:
        logger.warning("Training starts from the beginning: %s.", error)
        return False
    if about["key"] != key:
        logger.warning("Training starts from the beginning: %s is of other settings or data.", path)
        return False
    trainer.model.load_state_dict(_under("model", tensors))
    moments = {**_under("optimizer", tensors), **_under("optimizer", about["optimizer_numbers"])}
    _restore_optimizer(trainer.optimizer, moments)
    torch.set_rng_state(tensors["random/cpu"])
    on_gpu = [state for name, state in sorted(tensors.items()) if name.startswith("random/cuda/")]
    if on_gpu and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(on_gpu)
    trainer.start_epoch, trainer.cur_step = about["next_epoch"], about["cur_step"]
    trainer.best_valid_score, trainer.best_valid_result = about["best_valid_score"], about["best_valid_result"]
    trainer.train_loss_dict = {int(epoch): loss for epoch, loss in about["losses"]}
    return True


def _restore_optimizer(optimizer: torch.optim.Optimizer, values: dict[str, Any]) -> None:
    document = optimizer.state_dict()
    document["state"] = {}
    for place, value in values.items():
        index, name = place.split("/")
        document["state"].setdefault(int(index), {})[name] = value
    optimizer.load_state_dict(document)


def _under(prefix: str, values: dict[str, Any]) -> dict[str, Any]:
    return {name[len(prefix) + 1 :]: value for name, value in values.items() if name.startswith(f"{prefix}/")}
