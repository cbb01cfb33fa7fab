"""What lies beside an exported file: NAME.about.json, which says what its integers mean."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from recbole_adasid.artefacts import as_json, read_json, write_atomically
from recbole_adasid.bundle.folder import file_digest
from recbole_adasid.bundle.layout import Layout
from recbole_adasid.host.settings import SettingsError

OPTIONS = ("offset", "suffix", "first_code", "level_sizes")
"""Parts of a layout that a reader can be told."""


def beside(path: Path, ending: str) -> Path:
    """Return the file beside an exported one: of NAME.index.json and of NAME.json alike, NAME and another ending."""
    return path.with_name(path.name.removesuffix(path.suffix).removesuffix(".index") + ending)


def write_about(path: Path, kind: str, layout: Layout, n_items: int) -> Path:
    """Write what the integers of the exported file ``path`` mean, bound to it by its checksum."""
    about = {
        "format": kind,
        "file": path.name,
        "sha256": file_digest(path),
        "items": n_items,
        **{key: getattr(layout, key) for key in OPTIONS},
    }
    return write_atomically(beside(path, ".about.json"), as_json(about))


def layout_of(path: Path, told: Mapping[str, Any], usual: Mapping[str, Any]) -> Layout:
    """Return what the integers of a file mean: as the file beside it says, or else as the reader was told.

    Args:
        path: of the file.
        told: some of `OPTIONS`; those that are None count as not told.
        usual: what the format's documentation settles.

    Raises:
        SettingsError: if nobody says it, or what was told contradicts the file beside it.
        ValueError: if that file is of another file.
    """
    given = {key: value for key, value in told.items() if value is not None}
    _check_options(given)
    if "level_sizes" in given:
        given["level_sizes"] = tuple(given["level_sizes"])
    noted = _noted(path)
    for key, value in given.items():
        if noted.get(key, value) != value:
            raise SettingsError(f"{key}={value} contradicts {beside(path, '.about.json')}, which says {noted[key]}.")
    known = {**usual, **noted, **given}
    for key, question in _QUESTIONS.items():
        if key not in known:
            raise SettingsError(f"{path} does not say {question}: set {key}=true or {key}=false.")
    return Layout(**known)


_QUESTIONS = {
    "offset": "whether its codes count on over the levels or start anew on each",
    "suffix": "whether the last integer of an item is a code or only tells items of equal codes apart",
}


def _noted(path: Path) -> dict[str, Any]:
    """Return the layout in the file beside ``path``, nothing if there is none."""
    about_path = beside(path, ".about.json")
    if not about_path.is_file():
        return {}
    about = read_json(about_path)
    if about.get("sha256") != file_digest(path):
        raise ValueError(f"{about_path} is of another file than {path} as it is now: remove it, or bring back its own")
    noted = {key: about[key] for key in OPTIONS if about.get(key) is not None}
    try:
        _check_options(noted)
    except SettingsError as error:
        raise ValueError(f"{about_path}: {error}") from None
    if "level_sizes" in noted:
        noted["level_sizes"] = tuple(noted["level_sizes"])
    return noted


def _check_options(given: Mapping[str, Any]) -> None:
    for key, value in given.items():
        if key in ("offset", "suffix"):
            fits, wanted = isinstance(value, bool), "true or false"
        elif key == "first_code":
            fits, wanted = value in (0, 1) and not isinstance(value, bool), "0 or 1"
        else:
            fits, wanted = _are_sizes(value), "a list of whole numbers from 1 to 65536, one a level"
        if not fits:
            raise SettingsError(f"{key}={value!r} has to be {wanted}.")


def _are_sizes(value: Any) -> bool:
    return (
        isinstance(value, (list, tuple))
        and len(value) > 0
        and all(isinstance(size, int) and not isinstance(size, bool) and 0 < size <= 65_536 for size in value)
    )
