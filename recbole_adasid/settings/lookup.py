"""What functions below the plugin ask of a run's settings: a mapping answers it, and so does RecBole's Config."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from typing import Any, Protocol, cast


class Settings(Protocol):
    """Values by key, as `props/` names them."""

    def __getitem__(self, key: str, /) -> Any:
        """Return the value of a key."""

    def __contains__(self, key: Any, /) -> bool:
        """Tell whether there is such a key."""


def over(settings: Settings, *first: Mapping[str, Any]) -> Settings:
    """Return settings that take a key from the first of ``first`` that has it, else from ``settings``."""
    return ChainMap(*map(dict, first), cast("dict[str, Any]", settings))
