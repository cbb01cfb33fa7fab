"""TIGER's training state between two epochs, saved so that training can resume."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from recbole_adasid.compute.optimizer_state import optimizer_state, restore_optimizer
from recbole_adasid.distributed.world import world
from recbole_adasid.io.tensor_file import DamagedFile, MismatchedFile, below, check_fit, read_tensors, write_tensors

logger = logging.getLogger(__name__)

KIND = "tiger-training"


def save_training(path: Path, trainer: Any, key: str, *, next_epoch: int) -> None:
    """Save a trainer's state before ``next_epoch``; ``key`` identifies settings and data."""
    tensors, about = training_state(trainer)
    write_tensors(path, KIND, tensors, {**about, "key": key, "next_epoch": next_epoch})


def training_state(trainer: Any) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors and plain values that the next epoch depends on, except its number."""
    tensors, numbers = optimizer_state(trainer.optimizer)
    tensors |= {f"model/{name}": value for name, value in trainer.model.state_dict().items()}
    tensors["random/cpu"] = torch.get_rng_state()
    if trainer.device.type == "cuda":  # no other GPU is touched, which may be full or another process's
        tensors["random/cuda"] = torch.cuda.get_rng_state(trainer.device)
    tensors |= {f"valid/{name}": torch.from_numpy(values) for name, values in trainer.best_valid_record.items()}
    return tensors, {
        "best_valid_score": float(trainer.best_valid_score),
        "best_valid_result": _in_order(trainer.best_valid_result),
        "valid_results": [(epoch, _in_order(result)) for epoch, result in trainer.valid_results.items()],
        "cur_step": trainer.cur_step,
        "losses": list(trainer.train_loss_dict.items()),
        "optimizer_numbers": numbers,
    }


def adopt_state(trainer: Any, tensors: dict[str, Tensor], about: dict[str, Any], *, next_epoch: int) -> None:
    """Restore a trainer to a :func:`training_state`, to resume with ``next_epoch``."""
    trainer.model.load_state_dict(below("model", tensors))
    restore_optimizer(trainer.optimizer, tensors, about["optimizer_numbers"])
    torch.set_rng_state(tensors["random/cpu"])
    restore_random_state(tensors, trainer.device)
    trainer.start_epoch, trainer.cur_step = next_epoch, about["cur_step"]
    trainer.best_valid_score, trainer.best_valid_result = (
        about["best_valid_score"],
        _as_dict(about["best_valid_result"]),
    )
    trainer.best_valid_record = {name: values.numpy() for name, values in below("valid", tensors).items()}
    trainer.train_loss_dict = {int(epoch): loss for epoch, loss in about["losses"]}
    trainer.valid_results = {int(epoch): _as_dict(result) for epoch, result in about.get("valid_results", [])}


def _in_order(result: dict[str, float] | None) -> list[tuple[str, float]] | None:
    """Return metrics in a form that keeps their order: the file sorts keys."""
    return None if result is None else list(result.items())


def _as_dict(result: Any) -> dict[str, float] | None:
    return None if result is None else dict(result)  # earlier states have a dict, sorted by name


def restore_random_state(tensors: dict[str, Tensor], device: torch.device) -> None:
    """Restore the random state of the trainer's GPU, if it has one; states saved by 0.1 have one of each GPU."""
    if device.type == "cuda":
        number = torch.cuda.current_device() if device.index is None else device.index
        state = tensors.get("random/cuda", tensors.get(f"random/cuda/{number}"))
        if state is not None:
            torch.cuda.set_rng_state(state, number)


def adopt_from_main(trainer: Any) -> None:
    """Bring all ranks' trainers to the state of rank 0's."""

    def take() -> tuple[int, tuple[dict[str, Tensor], dict[str, Any]]]:
        tensors, about = training_state(trainer)
        return trainer.start_epoch, ({name: value.cpu() for name, value in tensors.items()}, about)

    world().hand_over(take, lambda state: adopt_state(trainer, *state[1], next_epoch=state[0]))


def read_training(path: Path, keys: tuple[str, ...]) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Return what :func:`save_training` wrote; None if the file is missing, damaged or of none of the keys."""
    try:
        tensors, about = read_tensors(path, KIND)
        if about.get("key") not in keys:
            raise MismatchedFile(f"{path} is of other settings or data")
    except FileNotFoundError:
        return None
    except DamagedFile as error:
        _tell_of_new_start(error)
        return None
    return tensors, about


def restore_training(path: Path, trainer: Any, keys: tuple[str, ...]) -> bool:
    """Restore a trainer's state from :func:`save_training`; return whether there was one to resume from.

    A file that is missing, damaged or of other settings is ignored.
    """
    found = read_training(path, keys)
    if found is None:
        return False
    tensors, about = found
    try:
        check_fit(path, below("model", tensors), trainer.model.state_dict())
    except MismatchedFile as error:
        _tell_of_new_start(error)
        return False
    adopt_state(trainer, tensors, about, next_epoch=about["next_epoch"])
    return True


def _tell_of_new_start(reason: Exception) -> None:
    logger.warning("Training starts from the beginning: %s.", reason)
