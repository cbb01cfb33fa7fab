"""Candidates for comparison: tokenizers, their named variants, and the user's own settings files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recbole_adasid.settings.errors import SettingsError, unknown_name
from recbole_adasid.settings.presets import first_comment, headline, presets, read_props
from recbole_adasid.settings.reading import read_settings_files

PARTS = ("tokenizer_family", "quantizer", "regulation")
"""Settings that make a tokenizer what it is, and decide which others it has."""


@dataclass(frozen=True)
class Competitor:
    """One row of a comparison."""

    name: str
    title: str
    settings: dict[str, Any]
    """Its own settings: at least ``tokenizer``."""


def competitor(name: str) -> Competitor:
    """Return the tokenizer or variant of a name, or a YAML file's settings on top of the default tokenizer.

    Raises:
        SettingsError: for a name or file that does not exist, or a file that chooses parts of an unnamed tokenizer.
    """
    if name.endswith((".yaml", ".yml")):
        given = read_settings_files([name])
        if "tokenizer" not in given and (parts := [key for key in PARTS if key in given]):
            told = f"{name} sets {', '.join(parts)} but not the tokenizer they belong to"
            raise SettingsError(
                f"{told}: add `tokenizer: rqvae`, or `adasid`, whose pairs and regulation come with it."
            )
        settings = {"tokenizer": "adasid", **given}
        return Competitor(Path(name).stem, first_comment(Path(name)) or Path(name).stem, settings)
    if name in presets("variant"):
        return Competitor(name, _title(f"variant/{name}.yaml"), read_props(f"variant/{name}.yaml"))
    if name in presets("tokenizer"):
        return Competitor(name, _title(f"tokenizer/{name}.yaml"), {"tokenizer": name})
    raise unknown_name("tokenizer", name, [*presets("tokenizer"), *presets("variant")])


def competitors(text: str | None) -> list[Competitor]:
    """Return the competitors of a comma-separated list; None: all tokenizers.

    Raises:
        SettingsError: for an unknown name, or for two that would share a row of the table.
    """
    names = presets("tokenizer") if text is None else [part.strip() for part in text.split(",")]
    found: dict[str, str] = {}
    for name in dict.fromkeys(names):
        row = competitor(name).name
        if row in found:
            raise SettingsError(f"{found[row]} and {name} would share the row {row}: rename one of the files")
        found[row] = name
    return [competitor(name) for name in found.values()]


def refuse_undoing(one: Competitor, common: Mapping[str, Any]) -> None:
    """Check that the settings of all rows, which override a row's own, leave it the method that its name says.

    A row's own numbers may change, such as the weight of its InfoNCE, but not what it turns on or off in its tokenizer.

    Raises:
        SettingsError: naming the first setting that would.
    """
    base = {**read_props("tokenizers.yaml"), **read_props(f"tokenizer/{one.settings['tokenizer']}.yaml"), **_FEATURES}
    for key, own in one.settings.items():
        if key not in common or key not in base or not _defines(key, own, base[key]):
            continue
        numbers = isinstance(own, (int, float)) and isinstance(common[key], (int, float))
        if bool(own) != bool(common[key]) if numbers else own != common[key]:
            raise SettingsError(
                f"{key} makes {one.name} what it is and cannot be changed for all tokenizers: leave --{key} out, or "
                f"leave {one.name} out of --tokenizers."
            )


_FEATURES = {"modalities": None}


def _defines(key: str, own: Any, usual: Any) -> bool:
    """Tell whether a value makes a tokenizer another method than its preset: another part, or one on or off."""
    return own != usual if key in PARTS else bool(own) != bool(usual)


def _title(relative: str) -> str:
    """Return a preset's title from its first line, without brackets or anything after a colon."""
    return re.split(r" \(|:", headline(relative))[0]
