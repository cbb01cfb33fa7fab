"""SID bundles: a run's Semantic IDs as a portable folder, and exchange with other packages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recbole_adasid.bundle.bundle import SIDBundle

__all__ = ["SIDBundle"]


def __getattr__(name: str) -> Any:
    """Load the bundle, and torch with it, on first use: the command line's help needs neither."""
    if name == "SIDBundle":
        from recbole_adasid.bundle.bundle import SIDBundle

        return SIDBundle
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}: it offers {', '.join(__all__)}.")
