"""RecBole 1.2.1 asks whether a folder is there and then makes it: of two processes the slower one fails."""

from __future__ import annotations

import os
from types import ModuleType

from recbole_adasid.plugin.registration import replace_function


def make_folders_together(module: ModuleType) -> None:
    """Let several processes make one folder by the `ensure_dir` of `recbole.utils.utils`."""
    replace_function(module, "ensure_dir", lambda path: os.makedirs(path, exist_ok=True))
