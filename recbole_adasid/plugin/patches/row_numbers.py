"""RecBole 1.2.1's loaders list the numbers of their rows, 36 bytes a row, though nobody asks for a list."""

from __future__ import annotations

import builtins
from types import ModuleType
from typing import Any


def number_rows_lazily(module: ModuleType) -> None:
    """Let a loader count its rows by a range."""

    def rows_or_list(values: Any = ()) -> Any:
        return values if isinstance(values, range) else builtins.list(values)

    module.list = rows_or_list  # type: ignore[attr-defined]
