from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from recbole_adasid.io.atomic import CannotWrite
from recbole_adasid.io.locks import InUse, held

HOLD = """
import sys, time
from pathlib import Path
from recbole_adasid.io.locks import held
with held(Path(sys.argv[1]), "it", wait=False):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def holder(path: Path, seconds: float) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(path), str(seconds)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    return process


def test_what_another_process_holds_is_refused_until_that_process_is_dead(tmp_path: Path) -> None:
    process = holder(tmp_path / "lock", 60)
    with (
        pytest.raises(InUse, match="the thing is in use by another process"),
        held(tmp_path / "lock", "the thing", wait=False),
    ):
        pass
    process.kill()
    process.wait()
    with held(tmp_path / "lock", "the thing", wait=False):
        pass


def test_waiting_ends_when_the_other_lets_go(tmp_path: Path) -> None:
    process = holder(tmp_path / "lock", 1)
    with held(tmp_path / "lock", "the thing", wait=True):
        deadline = time.monotonic() + 10
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        assert process.returncode == 0


def test_a_lock_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(CannotWrite, match=f"cannot write {tmp_path}/file/lock"),
        held(tmp_path / "file" / "lock", "it", wait=True),
    ):
        pass
