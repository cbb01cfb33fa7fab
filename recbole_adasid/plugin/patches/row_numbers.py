"""RecBole 1.2.1's loaders hold a list of row numbers, 36 bytes per row, that nothing needs."""

from __future__ import annotations

import builtins
from types import ModuleType
from typing import Any


def number_rows_lazily(module: ModuleType) -> None:
    """Make loaders use a range of row numbers."""

    def rows_or_list(values: Any = ()) -> Any:
        return values if isinstance(values, range) else builtins.list(values)

    module.list = rows_or_list  # type: ignore[attr-defined]
