"""RecBole 1.2.1 checks whether a folder exists and then creates it: the slower of two processes fails."""

from __future__ import annotations

import os
from types import ModuleType

from recbole_adasid.plugin.registration import replace_function


def make_folders_together(module: ModuleType) -> None:
    """Make the `ensure_dir` of `recbole.utils.utils` safe for several processes."""
    replace_function(module, "ensure_dir", lambda path: os.makedirs(path, exist_ok=True))
