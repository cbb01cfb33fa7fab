"""A cell's training: a process that ends with its grid, and whose results count if the grid was killed before it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from recbole_adasid.io.atomic import write_atomically
from recbole_adasid.io.json_file import read_json
from recbole_adasid.run_folder.folder import RunFolder

_BEGUN = "begun.json"
"""In a run folder: what its training was given, and whether it resumed one; written when it starts."""
_OWN_END = 3.0
"""Seconds in which a process ends by itself: Ctrl-C, and SIGTERM to a group of processes, have reached it, too."""


def train(arguments: Sequence[str], folder: Path) -> tuple[int, dict[str, float]]:
    """Run the main job as a process; return its exit status, and its processor seconds and peak memory in GiB.

    If something ends this process meanwhile, the other one is stopped like by SIGTERM, and saves what it has.
    """
    process = subprocess.Popen([sys.executable, "-m", "recbole_adasid", "train", *arguments, f"--run_folder={folder}"])
    try:
        _, status, usage = os.wait4(process.pid, 0)
    except BaseException:
        stop(process)
        raise
    seconds = round(usage.ru_utime + usage.ru_stime)  # of all threads: other programs hardly change it
    memory = round(usage.ru_maxrss / 1024**2, 2)
    return os.waitstatus_to_exitcode(status), {"cpu_seconds": seconds, "peak_memory_gib": memory}


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process by SIGTERM unless it is ending already: a second signal would cut its cleaning up short."""
    try:
        process.wait(_OWN_END)
    except subprocess.TimeoutExpired:
        process.terminate()
        process.wait()


def begin(folder: Path, given: Mapping[str, Any], *, resumed: bool) -> None:
    """Note in a run folder what a training is given that starts there.

    Raises:
        InUse: if another one, such as that of a killed grid, is still running.
    """
    with RunFolder(folder).in_use():
        write_atomically(folder / _BEGUN, json.dumps({"given": given, "resumed": resumed}))


def ended_alone(folder: Path, given: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return seconds and metrics of a training that was given the same and ended after its grid had; None without one.

    Raises:
        InUse: if it is still writing.
    """
    begun, metrics = folder / _BEGUN, folder / "metrics.json"
    if not (begun.is_file() and metrics.is_file()) or (found := read_json(begun))["given"] != given:
        return None
    seconds = metrics.stat().st_mtime - begun.stat().st_mtime
    if seconds < 0:  # of an earlier one
        return None
    with RunFolder(folder).in_use():
        return {"resumed": found["resumed"], "seconds": round(seconds), **read_json(metrics)}
