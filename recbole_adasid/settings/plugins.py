"""Python modules that add parts, such as quantizers: of installed packages, and those named on the command line.

They are code. Nothing in a file, of a run folder or elsewhere, can name one.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from recbole_adasid.io.one_line import typed_line
from recbole_adasid.settings.errors import SettingsError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "recbole_adasid.plugins"
"""Entry points of installed packages, each the name of a module that registers parts when it is imported."""
OPTION = "--plugins"
_named: list[str] = []


def with_plugins(given: Sequence[str]) -> list[str]:
    """Import the plugins of installed packages and those of ``--plugins``; return the arguments without that option.

    Args:
        given: arguments of a command.

    Raises:
        SettingsError: if a module cannot be imported.
    """
    names, rest = _split(given)
    for entry in _installed():
        _load(entry.value, f"the plugin {entry.name!r} of an installed package", "install that package again, or not")
    for name in names:
        where = "name a Python module that is installed, or NAME for NAME.py in the working directory"
        _load(name, f"{OPTION}={name}", where)
        if name not in _named:
            _named.append(name)
    return rest


def plugin_options() -> list[str]:
    """Return the options by which a child process loads the same plugins."""
    return [f"{OPTION}={','.join(_named)}"] if _named else []


def _split(given: Sequence[str]) -> tuple[list[str], list[str]]:
    rest, names = [], list[str]()
    waiting = list(given)
    while waiting:
        argument = waiting.pop(0)
        key, equals, text = argument.partition("=")
        if key != OPTION:
            rest.append(argument)
            continue
        if not equals:
            text = waiting.pop(0) if waiting and not waiting[0].startswith("--") else ""
        found = [name.strip() for name in text.strip("[] ").split(",")]
        if not all(found):
            raise SettingsError(f"{OPTION} names no module: write {OPTION}=MODULE, or several separated by commas.")
        names += found
    return names, rest


def _installed() -> list[EntryPoint]:
    from importlib import metadata

    found = metadata.entry_points()
    if hasattr(found, "select"):
        return list(found.select(group=GROUP))
    return list(found.get(GROUP, ()))  # Python 3.9


def _load(module: str, what: str, remedy: str) -> None:
    here = os.getcwd()
    added = here not in sys.path and "" not in sys.path
    if added:
        sys.path.append(here)  # as `python -m` does, but after all that is installed
    try:
        importlib.import_module(module)
    except Exception as error:  # a module may raise anything
        raise SettingsError(f"{what} cannot be imported ({typed_line(error)}): {remedy}.") from error
    finally:
        if added:
            sys.path.remove(here)
