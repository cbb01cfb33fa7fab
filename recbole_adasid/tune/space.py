"""What is searched: choices and ranges of settings, in the words of RecBole's tuner, with checks."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recbole_adasid.settings.errors import SettingsError, unknown_name
from recbole_adasid.settings.presets import preset_path, presets
from recbole_adasid.settings.reading import read_settings_files

CHOICE = "choice"
RANGES = {"uniform": 2, "loguniform": 2, "quniform": 3}
"""Kinds of ranges and how many numbers each takes: low, high and the step of quniform."""

Settings = dict[str, Any]


@dataclass(frozen=True)
class Space:
    """Hyperparameters by name."""

    choices: Mapping[str, Mapping[str, Settings]]
    """For each name its options: what the option is called, and the settings it stands for."""
    ranges: Mapping[str, tuple[str, list[float]]]
    """For each name the kind and its numbers."""

    @property
    def keys(self) -> set[str]:
        """Every setting that the space sets."""
        options = (option for options in self.choices.values() for option in options.values())
        return {key for option in options for key in option} | set(self.ranges)

    @property
    def size(self) -> int | None:
        """How many points there are; None where a range takes part."""
        if self.ranges:
            return None
        count = 1
        for options in self.choices.values():
            count *= len(options)
        return count

    def for_recbole(self) -> dict[str, dict[str, Any]]:
        """Return the space as RecBole's `HyperTuning` takes it; options go by what they are called.

        RecBole cannot count options that are lists, and gives them back as tuples.
        """
        found: dict[str, dict[str, Any]] = {kind: {} for kind, _ in self.ranges.values()}
        for name, (kind, numbers) in self.ranges.items():
            found[kind][name] = numbers
        return {**found, CHOICE: {name: list(options) for name, options in self.choices.items()}}

    def settings(self, point: Mapping[str, Any]) -> Settings:
        """Return the settings that a point of RecBole's search stands for, in the order of the space."""
        found: Settings = {}
        for name, options in self.choices.items():
            found |= options[point[name]]
        for name, (_, numbers) in self.ranges.items():
            whole = all(isinstance(number, int) for number in numbers) and len(numbers) == RANGES["quniform"]
            found[name] = int(point[name]) if whole else float(point[name])
        return found

    def examples(self) -> Iterator[Settings]:
        """Yield points that together have every option and both ends of every range."""
        longest = max([2, *map(len, self.choices.values())])
        for place in range(longest):
            found: Settings = {}
            for options in self.choices.values():
                found |= list(options.values())[min(place, len(options) - 1)]
            for name, (kind, numbers) in self.ranges.items():
                found[name] = _end(kind, numbers[min(place, 1)])
            yield found


def read_space(given: str, known: set[str]) -> Space:
    """Return the space of a YAML file, or of a preset in `props/tuning`.

    Args:
        given: a path that ends in .yaml or .yml, or the name of a preset.
        known: every key that may be set.

    Raises:
        SettingsError: for a file or preset that does not exist, an unknown kind or hyperparameter, or options that
            are no list.
    """
    if given.endswith((".yaml", ".yml")):
        if not Path(given).is_file():
            shown = ", ".join(presets("tuning"))
            raise SettingsError(f"There is no space {given}: name a YAML file, or one of the presets {shown}.")
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
        raise SettingsError(f"{path}: {name} has mappings of settings among other options: {values!r}; make all alike.")
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
            raise SettingsError(f"{path}: {name} stands in two places: keep one.")


def _end(kind: str, number: float) -> float:
    return math.exp(number) if kind == "loguniform" else number
