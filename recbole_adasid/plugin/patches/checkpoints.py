"""Checkpoints of RecBole 1.2.1 hold its Config as an object, which torch 2.6 and later refuse to load."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

from recbole_adasid.io.atomic import written_whole


def save_plain_checkpoints(module: ModuleType) -> None:
    """Make every trainer of `recbole.trainer.trainer` save checkpoints that torch loads with weights_only=True."""
    module.Trainer._save_checkpoint = save_checkpoint  # type: ignore[attr-defined]


def save_checkpoint(trainer: Any, epoch: int, verbose: bool = True, **kwargs: Any) -> None:
    """Save the state of a RecBole trainer, in place of its `_save_checkpoint`; TIGER's trainer has its own.

    Weights are stored as CPU tensors, so that a machine without a GPU can load them, and with pickle protocol 2, the
    only one that torch reads with weights_only=True. The file appears under its name once complete.
    """
    import torch

    if not trainer.config["single_spec"] and trainer.config["local_rank"] != 0:
        return
    path = Path(kwargs.pop("saved_model_file", trainer.saved_model_file))
    state = {
        "config": trainer.config,
        "epoch": epoch,
        "cur_step": trainer.cur_step,
        "best_valid_score": float(trainer.best_valid_score),
        "state_dict": _on_cpu(trainer.model.state_dict()),
        "other_parameter": _without_modules(trainer.model.other_parameter()),
        "optimizer": _on_cpu(trainer.optimizer.state_dict()),
    }
    with written_whole(path) as waiting:
        torch.save(state, waiting, pickle_protocol=2)
    if verbose:
        trainer.logger.info(f"Saved the model of epoch {epoch} to {path}")


def _without_modules(parameters: dict[str, Any]) -> dict[str, Any]:
    """Leave out layers, which models with item features list here although their weights are in the state.

    Pickled whole, with the dataset they hold, they could not be loaded with weights_only=True.
    """
    import torch

    return {name: value for name, value in parameters.items() if not isinstance(value, torch.nn.Module)}


def _on_cpu(value: Any) -> Any:
    import torch

    if isinstance(value, torch.Tensor):
        return value.detach().cpu()
    if isinstance(value, dict):
        return type(value)((key, _on_cpu(entry)) for key, entry in value.items())
    return [_on_cpu(entry) for entry in value] if isinstance(value, list) else value
