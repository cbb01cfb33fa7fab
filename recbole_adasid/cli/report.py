"""`recbole-adasid report`: the page about a run or a scorecard."""

from __future__ import annotations

import logging

from recbole_adasid.cli.command import Command
from recbole_adasid.cli.common import RUN_FOLDER
from recbole_adasid.cli.options import Option, read_options
from recbole_adasid.settings.errors import SettingsError

ABOUT = """\
Write report.html into the folder of a finished run or of a scorecard: one page that works offline, with figures,
curves, the use of codewords, the tree of prefixes with its items, and examples. A run writes it by itself (switched off
by --report=false), and so does a scorecard; this command makes it anew. Neither the dataset nor RecBole is needed.
"""
OPTIONS = (RUN_FOLDER, Option("scorecard", "FOLDER", "folder of a scorecard, its --out"))


def _work(given: list[str]) -> None:
    values = read_options("report", given, OPTIONS)
    if (values["run_folder"] is None) == (values["scorecard"] is None):
        raise SettingsError("Give either --run_folder or --scorecard; see --help.")
    if values["scorecard"] is None:
        from recbole_adasid.report.run_report import write_run_report

        print(write_run_report(values["run_folder"]))
        return
    from recbole_adasid.report.scorecard_report import write_scorecard_report

    print(write_scorecard_report(values["scorecard"]))


COMMAND = Command(
    name="report",
    summary="the page about a finished run or a scorecard, made anew",
    usage=("--run_folder=runs/...", "--scorecard=FOLDER"),
    about=ABOUT,
    options={"options": OPTIONS},
    work=_work,
    kept="a report that was there before is as it was: run the same command again",
    log_level=logging.WARNING,
)
