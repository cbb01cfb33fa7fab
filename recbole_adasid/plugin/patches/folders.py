"""RecBole 1.2.1 asks whether a folder is there and then makes it: of two processes the slower one fails."""

from __future__ import annotations

from types import ModuleType


def mend_utils(module: ModuleType) -> None:
    """Let several processes make one folder: RecBole asks whether it is there, and another may be faster then."""
    import os

    from recbole_adasid.plugin.registration import replace_function

    replace_function(module, "ensure_dir", lambda path: os.makedirs(path, exist_ok=True))
