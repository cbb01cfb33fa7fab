"""Semantic IDs for generative recommendation inside RecBole: AdaSID, its baselines and TIGER.

Importing this package registers the model `TIGER` with RecBole. RecBole and torch are only imported when first needed.
"""

from __future__ import annotations

from typing import Any

from recbole_adasid.plugin.registration import register
from recbole_adasid.settings.version import VERSION

__version__ = VERSION
__all__ = ["preset_path", "run"]

register()


def __getattr__(name: str) -> Any:
    """Load public names on first use, so that importing the package costs nothing."""
    if name == "run":
        from recbole_adasid.plugin.run import run

        return run
    if name == "preset_path":
        from recbole_adasid.settings.presets import preset_path

        return preset_path
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}: it offers {', '.join(__all__)}.")
