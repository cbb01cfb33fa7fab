"""`recbole-adasid report`: the HTML report of a run or a scorecard."""

from __future__ import annotations

import logging

from recbole_adasid.cli.shared.command import Command
from recbole_adasid.cli.shared.common import RUN_FOLDER
from recbole_adasid.cli.shared.options import Option, read_options
from recbole_adasid.settings.errors import SettingsError

ABOUT = """\
Write report.html into the folder of a finished run or a scorecard: one page that works offline, with metrics, curves,
codeword usage, the prefix tree with its items, and examples. Runs (unless --report=false) and scorecards write it
themselves; this command regenerates it, unless sections would be lost. It needs neither the dataset nor RecBole.
"""
OPTIONS = (RUN_FOLDER, Option("scorecard", "FOLDER", "folder of a scorecard, its --out"))


def _work(given: list[str]) -> None:
    values = read_options("report", given, OPTIONS)
    if (values["run_folder"] is None) == (values["scorecard"] is None):
        raise SettingsError("Give either --run_folder or --scorecard; see --help.")
    if values["scorecard"] is None:
        from recbole_adasid.report.run_report import write_run_report

        print(write_run_report(values["run_folder"], keep_fuller=True))
        return
    from recbole_adasid.report.scorecard_report import write_scorecard_report

    print(write_scorecard_report(values["scorecard"]))


COMMAND = Command(
    name="report",
    summary="regenerate the HTML report of a finished run or a scorecard",
    usage=("--run_folder=runs/...", "--scorecard=FOLDER"),
    about=ABOUT,
    options={"options": OPTIONS},
    work=_work,
    resume_hint="an earlier report is unchanged: run the same command again",
    log_level=logging.WARNING,
)
