"""Memory that is freed stays with the process."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

import recbole_adasid

# Pages that the system had to clear while an array of 64 MiB came and went three times.
PROGRAM = """
import resource, sys
import numpy as np
from recbole_adasid.compute.allocator import keep_freed_memory

kept = keep_freed_memory() if sys.argv[1] == "kept" else None
np.ones(2**23)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(3):
    np.ones(2**23)
print(kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str, **environment: str) -> tuple[str, int]:
    folder = os.path.dirname(os.path.dirname(recbole_adasid.__file__))
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}
    finished = subprocess.run(
        [sys.executable, "-c", PROGRAM, how],
        env={**clean, "PYTHONPATH": folder, **environment},
        check=True,
        capture_output=True,
        text=True,
    )
    kept, number = finished.stdout.split()
    return kept, int(number)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries are left alone")
def test_freed_memory_is_used_again_unless_the_environment_says_how_it_is_kept() -> None:
    assert faults("kept")[0] == "True"
    assert 10 * faults("kept")[1] < faults("given back")[1]
    assert faults("kept", MALLOC_ARENA_MAX="2")[0] == "False"
    assert faults("kept", GLIBC_TUNABLES="glibc.malloc.arena_max=2")[0] == "False"


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    from recbole_adasid.compute.allocator import keep_freed_memory

    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert not keep_freed_memory()
