"""The dispatcher: the first argument names the subcommand; without one, the settings go to the main job."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from recbole_adasid.cli import (
    assign,
    audit,
    bundle,
    convert,
    export,
    grid,
    items,
    pairs,
    publish,
    recommend,
    report,
    scorecard,
    serve,
    train,
    tune,
)
from recbole_adasid.cli.shared.command import PROGRAM
from recbole_adasid.cli.shared.console import escape_unknown_letters
from recbole_adasid.cli.shared.exit_status import NO_READER, reader_is_gone
from recbole_adasid.distributed.stop_signals import MISTAKE
from recbole_adasid.settings.errors import unknown_name

COMMANDS = {
    command.name: command
    for command in (
        train.COMMAND,
        recommend.COMMAND,
        serve.COMMAND,
        items.COMMAND,
        bundle.COMMAND,
        publish.COMMAND,
        export.COMMAND,
        scorecard.COMMAND,
        grid.COMMAND,
        convert.COMMAND,
        pairs.COMMAND,
        assign.COMMAND,
        tune.COMMAND,
        audit.COMMAND,
        report.COMMAND,
    )
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand and return its exit status.

    Args:
        arguments: None: those of the process.
    """
    if arguments is None:
        escape_unknown_letters()
    try:
        status = _run(list(sys.argv[1:] if arguments is None else arguments), own_process=arguments is None)
    except BrokenPipeError:
        if not reader_is_gone():
            raise
        return NO_READER
    reader_is_gone()  # what is left in the buffer must not fail a finished command
    return status


def _run(given: list[str], *, own_process: bool) -> int:
    if given in (["--help"], ["-h"]):
        print(overview())
        return 0
    name, rest = (given[0], given[1:]) if given and not given[0].startswith("-") else (train.COMMAND.name, given)
    if name == train.COMMAND.name:
        return train.train(rest, own_process=own_process)
    if name not in COMMANDS:
        print(f"error: {unknown_name('command', name, COMMANDS)}{_hint(name)}", file=sys.stderr)
        return MISTAKE
    return COMMANDS[name].main(rest)


def overview() -> str:
    """Return the text of --help: one subcommand per line."""
    lines = [f"  {command.name:<12}{command.summary}" for command in COMMANDS.values()]
    return "\n".join(
        [
            f"usage: {PROGRAM} COMMAND [--KEY=VALUE ...]",
            f"       {PROGRAM} [--KEY=VALUE ...]      the same as {PROGRAM} train",
            "",
            "Semantic IDs and generative recommendation on RecBole's data.",
            "",
            "commands",
            *lines,
            "",
            f"{PROGRAM} COMMAND --help shows the options of a command.",
        ]
    )


def _hint(name: str) -> str:
    return f" A setting is written --{name}." if "=" in name else ""
