from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import resource
import torch
from recbole_adasid.model.memory import keep_freed_memory

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

assert keep_freed_memory()
for _ in range(40):  # the heap grows until the pieces fit
    torch.empty(1 << 22).fill_(1)
before = faults()
for _ in range(10):
    torch.empty(1 << 22).fill_(1)
print(faults() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only glibc's allocator can be told")
def test_memory_freed_once_is_used_again_without_asking_the_system() -> None:
    finished = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert int(finished.stdout) < 10_000  # ten times 16 MiB anew are 40,960 pages
