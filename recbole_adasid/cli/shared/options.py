"""Options of commands, declared once for --help, value checks and docs."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from recbole_adasid.settings.arguments import parse_arguments
from recbole_adasid.settings.errors import SettingsError, refuse_unknown_keys, unknown_name

TEXT = "text"
"""Kind of an option whose value is taken verbatim, not parsed as YAML: a path, an item token."""
SWITCH, COUNT, NUMBER, MAPPING, ANY = "true or false", "a whole number", "a number", "a mapping", "anything"
"""The other kinds, as worded in errors."""

_FITS: dict[str, Callable[[Any], bool]] = {
    TEXT: lambda value: True,
    SWITCH: lambda value: isinstance(value, bool),
    COUNT: lambda value: isinstance(value, int) and not isinstance(value, bool),
    NUMBER: lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    MAPPING: lambda value: isinstance(value, dict) and all(isinstance(key, str) for key in value),
    ANY: lambda value: True,
}
_WIDTH = 120


@dataclass(frozen=True)
class Option:
    """`--name=value` of a command.

    Attributes:
        name: without the dashes.
        value: placeholder of its value in --help, such as FILE; empty if it has none.
        about: its description in --help.
        kind: kind of its value.
        default: its value if omitted.
        least: minimum; infinity is never valid.
        choices: the only valid names.
        old: former names, accepted but not shown.
    """

    name: str
    value: str
    about: str
    kind: str = TEXT
    default: Any = None
    least: float | None = None
    choices: tuple[str, ...] = ()
    old: tuple[str, ...] = ()

    @property
    def written(self) -> str:
        """Its form in --help."""
        return f"--{self.name}={self.value}" if self.value else f"--{self.name}"

    def lines(self, column: int) -> list[str]:
        """Return its lines of --help, with descriptions starting at a column."""
        first, *others = textwrap.wrap(self.about, _WIDTH - column)
        return [f"  {self.written}".ljust(column) + first, *(" " * column + line for line in others)]


def read_options(command: str, given: Sequence[str], options: Iterable[Option]) -> dict[str, Any]:
    """Return the value of every option: the given one, or its default.

    Args:
        command: its name, for errors.
        given: the command's arguments.
        options: the command's options.

    Raises:
        SettingsError: for an unknown argument, or a value of another kind.
    """
    options = tuple(options)
    values, settings, files = split_options(given, options)
    others = [*settings, *(["config_files"] if files else [])]
    refuse_unknown_keys(others, [option.name for option in options], source=f"the command line of {command}")
    return values


def split_options(given: Sequence[str], options: Iterable[Option]) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
    """Return the option values, other settings and settings files of a command that accepts any setting.

    Raises:
        SettingsError: for an argument that is not a setting, or an option value of another kind.
    """
    options = tuple(options)
    as_written = {name for option in options if option.kind == TEXT for name in (option.name, *option.old)}
    settings, files = parse_arguments(given, as_written=as_written)
    return {option.name: _value(option, settings) for option in options}, settings, files


def need(values: dict[str, Any], options: Iterable[Option], command: str) -> None:
    """Check that required options are given.

    Raises:
        SettingsError: for the first missing one.
    """
    for option in options:
        if values[option.name] is None:
            raise SettingsError(f"{command} needs {option.written}; see --help.")


def chosen_action(given: Sequence[str], actions: Iterable[str]) -> str:
    """Return the first argument, the action of a command like `bundle`.

    Raises:
        SettingsError: if it is not an action.
    """
    actions = tuple(actions)
    if given[0] not in actions:
        raise SettingsError(f"The first argument is {given[0]!r}; valid: {', '.join(actions)}; see --help.")
    return given[0]


def _value(option: Option, settings: dict[str, Any]) -> Any:
    """Remove an option's value from settings, under any of its names."""
    names = [name for name in (option.name, *option.old) if name in settings]
    if not names:
        return option.default
    if len(names) > 1:
        raise SettingsError(f"--{names[0]} and --{names[1]} are the same: keep --{option.name}.")
    value = settings.pop(names[0])
    if value is not None or option.default is not None:
        _check(option, value)
    return value


def _check(option: Option, value: Any) -> None:
    if not _FITS[option.kind](value):
        raise SettingsError(f"{option.name}={value!r} has to be {option.kind}; see --help.")
    if option.choices and value not in option.choices:
        raise unknown_name(f"--{option.name}", value, option.choices)
    if option.least is not None and not option.least <= value < float("inf"):
        raise SettingsError(f"{option.name}={value} has to be {option.kind} of {option.least} or more.")
