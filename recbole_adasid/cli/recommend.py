"""`recbole-adasid recommend`: recommendations from a finished run."""

from __future__ import annotations

from recbole_adasid.cli.shared.command import Command
from recbole_adasid.cli.shared.common import DEVICE, NEW_ITEM_BIAS, OUT, RETRIEVAL, RUN_FOLDER, SHOW_PROGRESS
from recbole_adasid.cli.shared.options import COUNT, NUMBER, SWITCH, Option, read_options
from recbole_adasid.settings.errors import SettingsError

ABOUT = """\
Recommendations from a finished run: printed for one history, or written for a file of histories.

Each line of --input is a list of item tokens, oldest first, or a mapping with such a list as `history`; its other
fields are copied to the same line of --out, next to `items`, `scores` and `titles`, names that are reserved. Files
ending in .parquet are read and written as tables (needs the extra `parquet`).
"""
OPTIONS = (
    RUN_FOLDER,
    Option("history", "ITEMS", "item tokens, oldest first, separated by spaces"),
    Option("input", "FILE", "histories as lines of JSON"),
    Option(OUT.name, OUT.value, OUT.about, old=("output",)),
    Option("k", "10", "number of items to recommend", COUNT, 10),
    Option("exclude_seen", "false", "allow items of the history", SWITCH, True),
    Option("allow", "FILE", "recommend only these items: tokens, one per line"),
    Option("deny", "FILE", "never recommend these items: tokens, one per line"),
    Option("category", "NAME", "recommend only items whose category contains it as whole words"),
    Option("new_share", "0.1", "share of places for items added after training", NUMBER, 0.0),
    RETRIEVAL,
    NEW_ITEM_BIAS,
    DEVICE,
    SHOW_PROGRESS,
)


def _work(given: list[str]) -> None:
    values = read_options("recommend", given, OPTIONS)
    if values["run_folder"] is None or (values["history"] is None) == (values["input"] is None):
        raise SettingsError("Give --run_folder, and either --history or --input and --out; see --help.")
    if values["history"] is None and values["out"] is None:
        raise SettingsError("--input needs --out: give the file for the recommendations.")
    if values["history"] is not None and values["out"] is not None:
        raise SettingsError("--out goes with --input: with --history the recommendations are printed, so leave it out.")
    from recbole_adasid.serving.recommend_file import recommend

    recommend(values)


COMMAND = Command(
    name="recommend",
    summary="recommend from a finished run, for one history or a file of them",
    usage=('--run_folder=runs/... --history="item item" [--k=10]', "--run_folder=runs/... --input=FILE --out=FILE"),
    about=ABOUT,
    options={"options": OPTIONS},
    work=_work,
    resume_hint="nothing was written: run the same command again",
    memory_hint="ask for a smaller k, or for fewer histories at a time",
)
