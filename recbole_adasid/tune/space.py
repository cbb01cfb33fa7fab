"""The search space: choices and ranges of settings, in the terms of RecBole's tuner, with checks."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recbole_adasid.settings.errors import SettingsError, unknown_name
from recbole_adasid.settings.presets import preset_path, presets
from recbole_adasid.settings.reading import read_settings_files

CHOICE = "choice"
RANGES = {"uniform": 2, "loguniform": 2, "quniform": 3}
"""Kinds of ranges and the number of values each takes: low, high and the step of quniform."""

Settings = dict[str, Any]
Places = dict[str, int]
"""Which option of each name, counted from 0."""


@dataclass(frozen=True)
class Space:
    """Hyperparameters by name."""

    choices: Mapping[str, Mapping[str, Settings]]
    """For each name its options: the option's label, and its settings."""
    ranges: Mapping[str, tuple[str, list[float]]]
    """For each name its kind and values."""

    @property
    def keys(self) -> set[str]:
        """Every setting that the space sets."""
        options = (option for options in self.choices.values() for option in options.values())
        return {key for option in options for key in option} | set(self.ranges)

    @property
    def size(self) -> int | None:
        """Number of points; None if there is a range."""
        if self.ranges:
            return None
        count = 1
        for options in self.choices.values():
            count *= len(options)
        return count

    def for_recbole(self) -> dict[str, dict[str, Any]]:
        """Return the space in the form of RecBole's `HyperTuning`, with options by label.

        RecBole cannot count options that are lists, and gives them back as tuples.
        """
        found: dict[str, dict[str, Any]] = {kind: {} for kind, _ in self.ranges.values()}
        for name, (kind, numbers) in self.ranges.items():
            found[kind][name] = numbers
        return {**found, CHOICE: {name: list(options) for name, options in self.choices.items()}}

    def settings(self, point: Mapping[str, Any]) -> Settings:
        """Return the settings of a point of RecBole's search, in the order of the space."""
        found: Settings = {}
        for name, options in self.choices.items():
            found |= options[point[name]]
        for name, (kind, numbers) in self.ranges.items():
            whole = all(isinstance(number, int) for number in numbers) and len(numbers) == RANGES["quniform"]
            number = float(point[name])
            if kind == "quniform":  # hyperopt rounds to multiples of the step, also beyond the ends
                number = min(max(number, numbers[0]), numbers[1])
            found[name] = int(number) if whole else number
        return found

    @property
    def counts(self) -> dict[str, int]:
        """Number of options by name; a range counts as its two ends."""
        return {**{name: len(options) for name, options in self.choices.items()}, **dict.fromkeys(self.ranges, 2)}

    def at(self, places: Places) -> Settings:
        """Return the settings of the options, or ends of ranges, at a place for each name."""
        found: Settings = {}
        for name, options in self.choices.items():
            found |= list(options.values())[places[name]]
        for name, (kind, numbers) in self.ranges.items():
            found[name] = _end(kind, numbers[places[name]])
        return found


def read_space(given: str, known: set[str]) -> Space:
    """Return the space of a YAML file, or of a preset in `props/tuning`.

    Args:
        given: a path that ends in .yaml or .yml, or the name of a preset.
        known: every key that may be set.

    Raises:
        SettingsError: for a missing file or preset, an unknown kind or hyperparameter, or options that are not a list.
    """
    if given.endswith((".yaml", ".yml")):
        if not Path(given).is_file():
            shown = ", ".join(presets("tuning"))
            raise SettingsError(f"There is no space {given}: give a YAML file, or one of the presets {shown}.")
        path = Path(given)
    else:
        path = preset_path("tuning", given)
    content = read_settings_files([path])
    choices: dict[str, Mapping[str, Settings]] = {}
    ranges: dict[str, tuple[str, list[float]]] = {}
    for kind, entries in content.items():
        if kind != CHOICE and kind not in RANGES:
            raise unknown_name(f"kind of hyperparameter in {path}", kind, [CHOICE, *RANGES])
        if not isinstance(entries, dict):
            raise SettingsError(f"{path}: {kind} has to hold lines of the form `name: [...]`, got {entries!r}.")
        for name, values in entries.items():
            if kind == CHOICE:
                choices[name] = _options(path, name, values)
            else:
                ranges[name] = kind, _numbers(path, kind, name, values)
    space = Space(choices, ranges)
    _check(path, space, known)
    return space


def _options(path: Path, name: str, values: Any) -> dict[str, Settings]:
    if not isinstance(values, list) or not values:
        raise SettingsError(f"{path}: the choice {name} has to be a list of values, got {values!r}.")
    together = [isinstance(value, dict) for value in values]
    if any(together) and not all(together):
        raise SettingsError(f"{path}: {name} mixes mappings of settings with other options, {values!r}: use one kind.")
    return {json.dumps(value): value if isinstance(value, dict) else {name: value} for value in values}


def _numbers(path: Path, kind: str, name: str, values: Any) -> list[float]:
    wanted = "[low, high]" if RANGES[kind] == 2 else "[low, high, step]"
    numbers = values if isinstance(values, list) else []
    fits = len(numbers) == RANGES[kind] and all(type(number) in (int, float) for number in numbers)
    if not fits or numbers[0] >= numbers[1] or numbers[-1] <= 0 and kind == "quniform":
        raise SettingsError(f"{path}: {kind} of {name} has to be {wanted} with low below high, got {values!r}.")
    return list(numbers)


def _check(path: Path, space: Space, known: set[str]) -> None:
    if not space.keys:
        raise SettingsError(f"{path} names no hyperparameter: see props/tuning/paper.yaml.")
    names = [*space.ranges, *(space.ranges.keys() & space.choices.keys())]
    for options in space.choices.values():
        names += sorted({key for option in options.values() for key in option})
    for name in names:
        if name not in known:
            raise unknown_name(f"hyperparameter in {path}", name, known)
        if names.count(name) > 1:
            raise SettingsError(f"{path}: {name} occurs twice: keep one.")


def _end(kind: str, number: float) -> float:
    return math.exp(number) if kind == "loguniform" else number
