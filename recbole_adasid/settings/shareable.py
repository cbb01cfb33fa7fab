"""Settings and descriptions fit for publishing: without local paths, addresses and processes."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from recbole_adasid.settings.harmless import INERT, OF_THE_COMMAND, OF_THE_MACHINE, PRETRAINED, READ

_WRITTEN = ("run_folder", "run_root", "checkpoint_dir", "cache_dir", "data_path")
_OF_ONE_USER = ("gpu_id", "use_gpu", "worker", "show_progress", "state", "wandb_project")
LEFT_OUT = frozenset((*INERT, *OF_THE_MACHINE, *OF_THE_COMMAND, *_WRITTEN, *_OF_ONE_USER)) - {"item_features_mapped"}
"""Settings about where and how a run was executed, not about what was trained."""
_WORDS = ("text_template", "field_separator", "seq_separator")
"""Settings whose values may look like paths but are not."""
_PIXELS = "pixels"  # an image encoder without a model
_ELSEWHERE = re.compile(r"[/\\~]|[A-Za-z]:[/\\]|file:")


def shareable(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of a run's settings without `LEFT_OUT`, with paths cut to their last part.

    The folder of a text or image model becomes `./NAME`, so it cannot be mistaken for a name on the hub.
    """
    return {
        key: _last_name(value) if key in READ and isinstance(value, str) else _shareable(key, value)
        for key, value in settings.items()
        if key not in LEFT_OUT
    }


def without_places(value: Any) -> Any:
    """Return plain values with every local path cut to its last part."""
    return _shareable("", value)


def _shareable(key: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return shareable(value)
    if isinstance(value, (list, tuple)):
        return [_shareable(key, one) for one in value]
    if key in PRETRAINED and _is_folder(value):
        return "./" + "".join(_parts(value)[-1:])
    outside = isinstance(value, str) and key not in _WORDS and (_ELSEWHERE.match(value) or ".." in _parts(value))
    return _last_name(value) if outside else value


def _is_folder(name: Any) -> bool:
    """Tell whether a model's name is a folder's: on the hub it has at most one slash and does not start with a dot."""
    if not isinstance(name, str) or name == _PIXELS:
        return False
    return name.startswith(".") or name.count("/") > 1 or "\\" in name or os.path.isdir(name)


def _last_name(path: str) -> str:
    name = _parts(path)[-1] if _parts(path) else ""
    return name if name == path else f"./{name}"


def _parts(path: str) -> tuple[str, ...]:
    """Return the parts of a POSIX or Windows path."""
    return tuple(name for part in PurePosixPath(path).parts for name in PureWindowsPath(part).parts if name != "/")
