"""What the subcommands have in common: the form of their help, and how they end."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from recbole_adasid.cli.ending import SPARE, ended
from recbole_adasid.cli.options import Option

PROGRAM = "recbole-adasid"


@dataclass(frozen=True)
class Command:
    """A subcommand.

    Attributes:
        name: as it is written after the program's.
        summary: one line of what it does.
        usage: its calls, without program and name.
        about: what --help says of it, in paragraphs.
        options: by the heading that they have in --help.
        work: does what its arguments say, and may return an exit status; what the user can put right it raises as an
            error of one sentence.
        kept: what becomes of what was done, and how to go on, for one who stops it or runs out of memory.
        spare: how to get by with less memory.
        more: the end of --help, such as names of presets.
        log_level: from which on the log is shown; None: left as it is.
        bare: whether it does something without arguments, in place of showing its help.
    """

    name: str
    summary: str
    usage: tuple[str, ...]
    about: str
    options: Mapping[str, tuple[Option, ...]]
    work: Callable[[list[str]], int | None]
    kept: str
    spare: str = SPARE
    more: Callable[[], str] | None = None
    log_level: int | None = logging.INFO
    bare: bool = False

    @property
    def all_options(self) -> list[Option]:
        """Those under all headings, each once."""
        return list(dict.fromkeys(chain(*self.options.values())))

    def help(self) -> str:
        """Return what --help shows."""
        calls = [f"{PROGRAM} {self.name} {call}".rstrip() for call in self.usage]
        parts = ["usage: " + "\n       ".join(calls), self.about.strip()]
        column = max(len(option.written) for option in self.all_options) + 4
        for heading, options in self.options.items():
            parts.append("\n".join([heading, *chain(*(option.lines(column) for option in options))]))
        return "\n\n".join(parts + ([self.more()] if self.more else []))

    def main(self, arguments: Sequence[str]) -> int:
        """Do what the arguments say and return the exit status: 0, or what :mod:`recbole_adasid.cli.ending` says."""
        given = list(arguments)
        if asks_for_help(given) or not (given or self.bare):
            print(self.help())
            return 0
        if self.log_level is not None:
            logging.basicConfig(level=self.log_level, format="%(message)s")
        return ended(lambda: self.work(given), kept=self.kept, spare=self.spare)


def asks_for_help(given: Sequence[str]) -> bool:
    """Tell whether arguments ask for help."""
    return "--help" in given or "-h" in given
