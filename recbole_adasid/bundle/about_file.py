"""FILE.about.json, next to an exported file: the meaning of its integers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from recbole_adasid.bundle.item_sids import LARGEST_LEVEL
from recbole_adasid.bundle.layout import Layout
from recbole_adasid.io.atomic import write_atomically
from recbole_adasid.io.digests import file_digest
from recbole_adasid.io.json_file import as_json, read_json
from recbole_adasid.settings.errors import SettingsError

OPTIONS = ("offset", "suffix", "first_code", "level_sizes")
"""Parts of a layout that can be passed to a reader."""


def about_path(path: Path) -> Path:
    """Return the path of the description of the exported file ``path``."""
    return path.with_name(f"{path.name}.about.json")


def write_about(path: Path, kind: str, layout: Layout, n_items: int, item_map: Path | None = None) -> Path:
    """Write the meaning of the exported file's integers, bound to it and its item map by checksums."""
    about = {
        "format": kind,
        "file": path.name,
        "sha256": file_digest(path),
        "item_map_sha256": None if item_map is None else file_digest(item_map),
        "items": n_items,
        **{key: getattr(layout, key) for key in OPTIONS},
    }
    return write_atomically(about_path(path), as_json(about))


def read_about(path: Path) -> dict[str, Any]:
    """Return the description of the file ``path``, empty if there is none.

    Raises:
        ValueError: if it is damaged, or describes another file.
    """
    told_in = about_path(path)
    if not told_in.is_file():
        return {}
    about = read_json(told_in)
    if about.get("sha256") != file_digest(path):
        raise ValueError(f"{told_in} does not match {path}, which has changed: remove it, or restore the original file")
    return about


def layout_of(path: Path, about: Mapping[str, Any], told: Mapping[str, Any], usual: Mapping[str, Any]) -> Layout:
    """Return the meaning of a file's integers: from its description, or else from the options.

    Args:
        path: file path.
        about: its description, from :func:`read_about`.
        told: some of `OPTIONS`; None counts as not given.
        usual: values fixed by the format's documentation.

    Raises:
        SettingsError: if nothing specifies it, or an option contradicts the description.
        ValueError: if the description is impossible.
    """
    given = _options(told)
    try:
        noted = _options(about)
    except SettingsError as error:
        raise ValueError(f"{about_path(path)}: {error}") from None
    for key, value in given.items():
        if noted.get(key, value) != value:
            raise SettingsError(f"{key}={value} contradicts {about_path(path)}, which says {noted[key]}.")
    known = {**usual, **noted, **given}
    for key, question in _QUESTIONS.items():
        if key not in known:
            raise SettingsError(f"{path} does not say {question}: set {key}=true or {key}=false.")
    return Layout(**known)


_QUESTIONS = {
    "offset": "whether its codes are numbered continuously across levels or restart on each",
    "suffix": "whether an item's last integer is a code or only separates items with equal codes",
}


def _options(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the given parts of a layout among ``found``, checked."""
    told = {key: found[key] for key in OPTIONS if found.get(key) is not None}
    for key, value in told.items():
        if key in ("offset", "suffix"):
            fits, wanted = isinstance(value, bool), "true or false"
        elif key == "first_code":
            fits, wanted = value in (0, 1) and isinstance(value, int) and not isinstance(value, bool), "0 or 1"
        else:
            fits, wanted = _are_sizes(value), f"a list of whole numbers from 1 to {LARGEST_LEVEL}, one per level"
        if not fits:
            raise SettingsError(f"{key}={value!r} has to be {wanted}.")
    if "level_sizes" in told:
        told["level_sizes"] = tuple(told["level_sizes"])
    return told


def _are_sizes(value: Any) -> bool:
    return (
        isinstance(value, (list, tuple))
        and len(value) > 0
        and all(isinstance(size, int) and not isinstance(size, bool) and 0 < size <= LARGEST_LEVEL for size in value)
    )
