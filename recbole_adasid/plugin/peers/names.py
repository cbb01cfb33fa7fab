"""RecBole's other models that can be run, and what they are."""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path
from typing import Any

from recbole_adasid.plugin.registration import OURS
from recbole_adasid.settings.presets import read_defaults

KINDS = ("sequential_recommender", "general_recommender")
"""RecBole's folders of ranking models; others predict clicks, or need a knowledge graph."""
_WITHOUT_FILE = ("Random",)  # it has no file of defaults
# They need knowledge graph vectors, or histories of rejected items.
_OF_OTHER_DATA = ("GRU4RecKG", "KSR", "DIEN")


def is_tiger(config: Any) -> bool:
    """Tell whether a Config or settings are for TIGER or another model of this package."""
    return config["model"] in OURS


def own_class(name: str) -> Any:
    """Return the class of one of this package's models."""
    return getattr(importlib.import_module(OURS[name]), name)


@cache
def peer_names() -> tuple[str, ...]:
    """Return the names of RecBole's other models that can be run, in alphabetical order, without importing them."""
    names = {path.stem for path in (_recbole() / "properties" / "model").glob("*.yaml")}.union(_WITHOUT_FILE)
    return tuple(sorted(name for name in names if _module_path(name) and name not in _OF_OTHER_DATA))


def peer_class(name: str) -> Any:
    """Return the class of one of :func:`peer_names`."""
    if name == "Pop":
        from recbole_adasid.plugin.peers.pop import Pop

        return Pop
    return getattr(importlib.import_module(f"recbole.model.{_module_path(name)}"), name)


def model_defaults(name: str) -> dict[str, Any]:
    """Return RecBole's defaults of a model; their keys are its settings."""
    path = _defaults_file(name)
    return read_defaults(path) if path.is_file() else {}


def documented_defaults(name: str) -> str:
    """Return RecBole's defaults file of a model, with comments; empty if the model has no settings."""
    path = _defaults_file(name)
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _defaults_file(name: str) -> Path:
    return _recbole() / "properties" / "model" / f"{name}.yaml"


def _module_path(name: str) -> str | None:
    """Return a model's path below `recbole.model`, such as `general_recommender.bpr`; None if not of these kinds."""
    folders = [kind for kind in KINDS if (_recbole() / "model" / kind / f"{name.lower()}.py").is_file()]
    return f"{folders[0]}.{name.lower()}" if folders else None


def _recbole() -> Path:
    import recbole

    return Path(recbole.__path__[0])
