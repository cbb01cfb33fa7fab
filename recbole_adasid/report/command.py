"""The command line of reports."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from recbole_adasid.cli import parse_arguments, run_command
from recbole_adasid.host.settings import SettingsError, refuse_unknown_keys

USAGE = """\
usage: python -m recbole_adasid.report --run_folder=runs/...
       python -m recbole_adasid.report --scorecard=FOLDER

Write report.html into the folder of a finished run or of a scorecard: one page that works offline, with figures,
curves, the use of codewords, the tree of prefixes with its items, and examples. A run writes it by itself (switched off
by --report=false), and so does a scorecard; this command makes it anew. Neither the dataset nor RecBole is needed.

  --run_folder=FOLDER  of a finished run
  --scorecard=FOLDER   of a scorecard, its --out
"""
KEYS = ("run_folder", "scorecard")


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments say and return the exit status: 0, or what :mod:`recbole_adasid.ending` says."""
    kept = "a report that was there before is as it was: run the same command again"
    return run_command(arguments, USAGE, _run, kept=kept, log_level=logging.WARNING)


def _run(given: Sequence[str]) -> None:
    settings, _ = parse_arguments(given, as_written=KEYS)
    refuse_unknown_keys(settings, KEYS, source="the command line")
    if len(settings) != 1:
        raise SettingsError("Give either --run_folder or --scorecard; see --help.")
    print(_write(settings))


def _write(settings: dict[str, Any]) -> Path:
    if "run_folder" in settings:
        from recbole_adasid.report.run_report import write_run_report

        return write_run_report(settings["run_folder"])
    from recbole_adasid.report.scorecard_report import write_scorecard_report

    return write_scorecard_report(settings["scorecard"])
