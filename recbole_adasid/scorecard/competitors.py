"""Candidates for comparison: tokenizers, their named variants, and the user's own settings files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recbole_adasid.settings.errors import unknown_name
from recbole_adasid.settings.presets import headline, presets, read_props
from recbole_adasid.settings.reading import read_settings_files


@dataclass(frozen=True)
class Competitor:
    """One row of a comparison."""

    name: str
    title: str
    settings: dict[str, Any]
    """Its defining settings: at least ``tokenizer``."""


def competitor(name: str) -> Competitor:
    """Return the tokenizer or variant of a name, or a YAML file's settings on top of the default tokenizer.

    Raises:
        SettingsError: for a name or file that does not exist.
    """
    if name.endswith((".yaml", ".yml")):
        settings = {"tokenizer": "adasid", **read_settings_files([name])}
        return Competitor(Path(name).stem, _first_comment(Path(name)) or Path(name).stem, settings)
    if name in presets("variant"):
        return Competitor(name, _title(f"variant/{name}.yaml"), read_props(f"variant/{name}.yaml"))
    if name in presets("tokenizer"):
        return Competitor(name, _title(f"tokenizer/{name}.yaml"), {"tokenizer": name})
    raise unknown_name("tokenizer", name, [*presets("tokenizer"), *presets("variant")])


def _title(relative: str) -> str:
    """Return a preset's title from its first line, without brackets or anything after a colon."""
    return re.split(r" \(|:", headline(relative))[0]


def _first_comment(path: Path) -> str:
    found = re.search(r"^#\s*(.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return found.group(1) if found else ""
