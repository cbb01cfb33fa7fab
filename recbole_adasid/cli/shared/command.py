"""What subcommands share: the layout of their help, and their exit."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from recbole_adasid.cli.shared.exit_status import MORE_MEMORY, ended
from recbole_adasid.cli.shared.options import Option
from recbole_adasid.settings.plugins import with_plugins

PROGRAM = "recbole-adasid"
PLUGINS = Option("plugins", "MODULES", "Python modules to import first, which add own quantizers: docs/extending.md")
"""Of every command."""


@dataclass(frozen=True)
class Command:
    """A subcommand.

    Attributes:
        name: as written after the program's name.
        summary: one-line description.
        usage: its calls, without program and name.
        about: paragraphs shown by --help.
        options: by heading in --help.
        work: does the work, and may return an exit status; errors that the user can fix are raised with a one-sentence
            message.
        resume_hint: what is kept and how to resume, shown on interruption or when out of memory.
        memory_hint: how to use less memory.
        help_end: returns the end of --help, such as names of presets.
        log_level: minimum level of the log lines shown; None: unchanged.
        runs_bare: whether it runs without arguments instead of showing its help.
    """

    name: str
    summary: str
    usage: tuple[str, ...]
    about: str
    options: Mapping[str, tuple[Option, ...]]
    work: Callable[[list[str]], int | None]
    resume_hint: str
    memory_hint: str = MORE_MEMORY
    help_end: Callable[[], str] | None = None
    log_level: int | None = logging.INFO
    runs_bare: bool = False

    @property
    def all_options(self) -> list[Option]:
        """The options under all headings, each once, and that of every command."""
        return [*dict.fromkeys(chain(*self.options.values())), PLUGINS]

    def help(self) -> str:
        """Return the text of --help."""
        calls = [f"{PROGRAM} {self.name} {call}".rstrip() for call in self.usage]
        parts = ["usage: " + "\n       ".join(calls), self.about.strip()]
        column = max(len(option.written) for option in chain(*self.options.values())) + 4
        for heading, options in self.options.items():
            parts.append("\n".join([heading, *chain(*(option.lines(column) for option in options))]))
        column = max(column, len(PLUGINS.written) + 4)
        parts.append("\n".join(["in every command", *PLUGINS.lines(column)]))
        return "\n\n".join(parts + ([self.help_end()] if self.help_end else []))

    def main(self, arguments: Sequence[str]) -> int:
        """Run the command and return the exit status: 0, or one of :mod:`recbole_adasid.cli.shared.exit_status`."""
        given = list(arguments)
        if asks_for_help(given) or not (given or self.runs_bare):
            print(self.help())
            return 0
        if self.log_level is not None:
            logging.basicConfig(level=self.log_level, format="%(message)s")
        return ended(lambda: self.work(with_plugins(given)), resume_hint=self.resume_hint, memory_hint=self.memory_hint)


def asks_for_help(given: Sequence[str]) -> bool:
    """Tell whether arguments ask for help."""
    return "--help" in given or "-h" in given
