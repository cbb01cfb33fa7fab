"""RecBole's multi-process options, mapped to torchrun."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

from recbole_adasid.distributed.stop_signals import STOPPED, Terminated
from recbole_adasid.settings.errors import SettingsError

OPTIONS = {"nproc": 1, "world_size": -1, "ip": None, "port": None, "group_offset": 0}
"""RecBole's names for: local processes, total processes, rendezvous address and port, and the number of the first local
process. They are not settings of a run."""


def torchrun_options(settings: dict[str, Any]) -> list[str] | None:
    """Remove :data:`OPTIONS` from ``settings`` and return torchrun's arguments for them; None if nothing is to start.

    Raises:
        SettingsError: for numbers that torchrun cannot start, or that contradict those it started.
    """
    given = {key: settings.pop(key) for key in OPTIONS if key in settings}
    asked = {**OPTIONS, **given}
    here, first = (_number(key, asked[key], least) for key, least in (("nproc", 1), ("group_offset", 0)))
    whole = here if asked["world_size"] == -1 else _number("world_size", asked["world_size"], 1)
    if "LOCAL_WORLD_SIZE" in os.environ:
        _check_started(given, here, whole)
        return None
    if whole == 1:
        return None
    if whole % here or first % here or first + here > whole:
        raise SettingsError(
            f"nproc={here}, world_size={whole} and group_offset={first} are inconsistent: every machine starts nproc "
            "processes, numbered from group_offset, a multiple of nproc. For other layouts start torchrun yourself."
        )
    if whole == here:
        return ["--standalone", f"--nproc_per_node={here}"]
    machines = [f"--nnodes={whole // here}", f"--node_rank={first // here}", f"--nproc_per_node={here}"]
    return [*machines, f"--master_addr={asked['ip'] or 'localhost'}", f"--master_port={asked['port'] or 5678}"]


def launch(options: Sequence[str]) -> int:
    """Let torchrun start this program with its arguments, according to ``options``; return the exit status."""
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.run import parse_args, run

    how = parse_args([*options, "--no_python", sys.executable])
    how.training_script_args = [*_program(), *sys.argv[1:]]  # not parsed: some look like torchrun's own
    threads = max(1, (os.cpu_count() or 1) // int(how.nproc_per_node))
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))  # torchrun would set 1
    try:
        run(how)
    except ChildFailedError as error:
        return max(1, error.get_first_failure()[1].exitcode)  # already reported
    except SignalException as error:
        if error.sigval == signal.SIGTERM:  # torchrun ended the processes by the same signal: not a failure of theirs
            raise Terminated from error
        return STOPPED
    return 0


def _program() -> list[str]:
    """Return how Python was asked to run this program: by file or by module name."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return [sys.argv[0]] if spec is None else ["-m", spec.name.removesuffix(".__main__")]


def _number(key: str, value: Any, least: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise SettingsError(f"{key} has to be a whole number of {least} or more, got {value!r}.")
    return value


def _check_started(given: dict[str, Any], here: int, whole: int) -> None:
    started = int(os.environ["LOCAL_WORLD_SIZE"]), int(os.environ["WORLD_SIZE"])
    if ("nproc" in given and here != started[0]) or ("world_size" in given and whole != started[1]):
        raise SettingsError(
            f"nproc={here} and world_size={whole}, but torchrun started {started[0]} processes here, {started[1]} in "
            f"all: leave {' and '.join(given)} out."
        )
