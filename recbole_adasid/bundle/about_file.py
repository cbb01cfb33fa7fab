"""What lies beside an exported file: FILE.about.json, which says what its integers mean."""

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
"""Parts of a layout that a reader can be told."""


def about_path(path: Path) -> Path:
    """Return where the file that tells of the exported file ``path`` is."""
    return path.with_name(f"{path.name}.about.json")


def write_about(path: Path, kind: str, layout: Layout, n_items: int, item_map: Path | None = None) -> Path:
    """Write what the integers of the exported file ``path`` mean, bound to it, and to its item map, by checksums."""
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
    """Return what is told of the file ``path``, nothing where nobody tells.

    Raises:
        ValueError: if it is damaged, or tells of another file.
    """
    told_in = about_path(path)
    if not told_in.is_file():
        return {}
    about = read_json(told_in)
    if about.get("sha256") != file_digest(path):
        raise ValueError(f"{told_in} is of another file than {path} as it is now: remove it, or bring back its own")
    return about


def layout_of(path: Path, about: Mapping[str, Any], told: Mapping[str, Any], usual: Mapping[str, Any]) -> Layout:
    """Return what the integers of a file mean: as the file beside it says, or else as the reader was told.

    Args:
        path: of the file.
        about: what :func:`read_about` found beside it.
        told: some of `OPTIONS`; those that are None count as not told.
        usual: what the format's documentation settles.

    Raises:
        SettingsError: if nobody says it, or what was told contradicts the file beside it.
        ValueError: if that file says something impossible.
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
    "offset": "whether its codes count on over the levels or start anew on each",
    "suffix": "whether the last integer of an item is a code or only tells items of equal codes apart",
}


def _options(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parts of a layout among ``found`` that are told, checked."""
    told = {key: found[key] for key in OPTIONS if found.get(key) is not None}
    for key, value in told.items():
        if key in ("offset", "suffix"):
            fits, wanted = isinstance(value, bool), "true or false"
        elif key == "first_code":
            fits, wanted = value in (0, 1) and isinstance(value, int) and not isinstance(value, bool), "0 or 1"
        else:
            fits, wanted = _are_sizes(value), f"a list of whole numbers from 1 to {LARGEST_LEVEL}, one a level"
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
