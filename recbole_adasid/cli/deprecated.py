"""The commands of 0.1, `python -m recbole_adasid.X`: they work until 0.3 and name their replacements."""

from __future__ import annotations

import sys

from recbole_adasid.cli.main import main
from recbole_adasid.cli.shared.command import PROGRAM
from recbole_adasid.cli.shared.console import escape_unknown_letters

COMMANDS = {
    "recbole_adasid.assign": "assign",
    "recbole_adasid.bundle": "bundle",
    "recbole_adasid.data.raw": "convert",
    "recbole_adasid.host.audit": "audit",
    "recbole_adasid.mine_pairs": "pairs",
    "recbole_adasid.new_items": "items",
    "recbole_adasid.recommend": "recommend",
    "recbole_adasid.report": "report",
    "recbole_adasid.scorecard": "scorecard",
    "recbole_adasid.tune": "tune",
}
"""Modules that were commands, and their replacements."""


def deprecated_main(module: str) -> int:
    """Print the replacement, then do what `python -m MODULE` did; return the exit status."""
    escape_unknown_letters()
    command = COMMANDS[module]
    print(f"python -m {module} is deprecated: use {PROGRAM} {command}", file=sys.stderr)
    return main([command, *sys.argv[1:]])
