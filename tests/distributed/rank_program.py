"""One rank of a test: run a function of a file as torchrun would, and leave what it returns or raises."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import torch

# Given by whoever runs this file.
file, function, arguments, rank, size, port, folder = (
    globals()[name] for name in ("file", "function", "arguments", "rank", "size", "port", "folder")
)
os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(size), "LOCAL_RANK": str(rank), "LOCAL_WORLD_SIZE": str(size)}
os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "TORCHELASTIC_USE_AGENT_STORE": "True"}
torch.set_num_threads(1)
spec = importlib.util.spec_from_file_location("of_ranks", file)
assert spec is not None and spec.loader is not None
module = sys.modules["of_ranks"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
try:
    found = getattr(module, function)(*arguments)
except Exception as error:
    found = (type(error).__name__, str(error))
partial = Path(folder, f"{rank}.partial")
torch.save(found, partial)
partial.rename(Path(folder, f"{rank}.pt"))
