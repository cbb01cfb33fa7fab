"""RecBole's Config under several processes: RecBole would start NCCL, wrap the model and pad the batches.

Here every rank's Config claims a single process; training and evaluation shard the batches themselves.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable
from typing import Any

import torch

from recbole_adasid.distributed.joining import join, launched, leave, local_rank
from recbole_adasid.distributed.world import world
from recbole_adasid.settings.errors import SettingsError

# What RecBole's `run` passes to each process that it starts.
_RECBOLE_KEYS = ("local_rank", "nproc", "world_size", "offset", "ip", "port")
# Only rank 0 logs.
_SILENT = {"state": "error", "show_progress": False, "log_wandb": False, "log_mlflow": False}


def refuse_being_many() -> None:
    """Refuse to run a single-process job under torchrun with several processes.

    Raises:
        SettingsError: if torchrun started several processes.
    """
    if launched() and world().size == 1:
        raise SettingsError(
            f"torchrun started {os.environ['WORLD_SIZE']} processes, but only the main job runs on several: start "
            "this without torchrun."
        )


def join_where_launched(settings: dict[str, Any]) -> None:
    """Join the other processes if RecBole's `run(…, nproc=…)` or torchrun started a RecBole job on several.

    Args:
        settings: of a Config; RecBole's own distributed settings are removed.
    """
    given = {key: settings.pop(key) for key in _RECBOLE_KEYS if key in settings}
    if world().size > 1:
        return
    if "local_rank" in given:
        settings["rank_on_machine"] = given["local_rank"]
        rank = given["local_rank"] + given["offset"]
        join(f"tcp://{given['ip']}:{given['port']}", rank=rank, size=given["world_size"])
        atexit.register(leave)
    elif launched():
        join("env://")
        atexit.register(leave)


def choose_device(config: Any, init: Callable[[Any], None]) -> None:
    """Set this process's device in a Config: as RecBole does for a single process, or else one GPU per process.

    Args:
        config: Config with complete settings.
        init: RecBole's own `_init_device`.

    Raises:
        SettingsError: if there are fewer GPUs than processes on this machine, or not those of `gpu_id`.
    """
    settings = config.final_config_dict
    if world().size == 1:
        init(config)
        return
    settings |= {"single_spec": True, "local_rank": 0, "device": _own_device(config)}
    if not world().is_main:
        settings |= _SILENT


def _own_device(config: Any) -> torch.device:
    settings = config.final_config_dict
    number = settings.pop("rank_on_machine", local_rank())
    given = config.external_config_dict
    there = torch.cuda.device_count()
    gpus = _listed(given["gpu_id"]) if "gpu_id" in given else list(range(there))
    if not gpus or not torch.cuda.is_available():
        return torch.device("cpu")
    if number >= len(gpus):
        raise SettingsError(
            f"Process {number + 1} on this machine has no GPU of its own: there are {len(gpus)}. Start one process "
            "per GPU (torchrun --nproc_per_node), or set gpu_id='' to train on CPUs."
        )
    if not 0 <= gpus[number] < there:
        raise SettingsError(
            f"gpu_id names GPU {gpus[number]}, but there are {there} on this machine, from 0: correct it, or set "
            "gpu_id='' to train on CPUs."
        )
    device = torch.device("cuda", gpus[number])
    torch.cuda.set_device(device)
    return device


def _listed(gpu_id: Any) -> list[int]:
    """Return the numbers in `gpu_id`, which RecBole accepts as a number, a string such as '0,1', or a tuple.

    None, which a command line makes of an empty text, is the CPU, as for a single process.

    Raises:
        SettingsError: for a UUID, which several processes cannot use.
    """
    values = gpu_id if isinstance(gpu_id, (list, tuple)) else str("" if gpu_id is None else gpu_id).split(",")
    named = [str(value).strip() for value in values if str(value).strip()]
    if other := [value for value in named if not value.lstrip("-").isdecimal()]:
        raise SettingsError(
            f"gpu_id={other[0]} is not a number, and several processes choose GPUs by number: give numbers, or "
            "leave gpu_id out and set the environment variable CUDA_VISIBLE_DEVICES to the UUIDs."
        )
    return [int(value) for value in named]
