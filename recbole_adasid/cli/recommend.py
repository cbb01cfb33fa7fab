"""`recbole-adasid recommend`: recommendations of a finished run."""

from __future__ import annotations

from recbole_adasid.cli.command import Command
from recbole_adasid.cli.common import DEVICE, OUT, RUN_FOLDER, SHOW_PROGRESS
from recbole_adasid.cli.options import COUNT, NUMBER, SWITCH, Option, read_options
from recbole_adasid.settings.errors import SettingsError

ABOUT = """\
Recommendations of a finished run: printed for one history, or written for a file of histories.

A line of --input is a list of item tokens, oldest first, or a mapping with such a list as `history`; whatever else it
holds is copied to the same line of --out, beside `items`, `scores` and `titles`. A file that ends in .parquet is a
table of them (needs the extra `parquet`).
"""
OPTIONS = (
    RUN_FOLDER,
    Option("history", "ITEMS", "item tokens, oldest first, separated by spaces"),
    Option("input", "FILE", "histories as lines of JSON"),
    Option(OUT.name, OUT.value, OUT.about, old=("output",)),
    Option("k", "10", "items to recommend", COUNT, 10),
    Option("exclude_seen", "false", "let items of the history return", SWITCH, True),
    Option("allow", "FILE", "recommend these items alone: their tokens, one a line"),
    Option("deny", "FILE", "recommend none of these items: their tokens, one a line"),
    Option("category", "NAME", "recommend items alone whose category has it as whole words"),
    Option("new_share", "0.1", "share of the places for items that were added after training", NUMBER, 0.0),
    Option("retrieval", "NAME", "of a LIGER: dense, generative or hybrid, in place of what the run was set to"),
    DEVICE,
    SHOW_PROGRESS,
)


def _work(given: list[str]) -> None:
    values = read_options("recommend", given, OPTIONS)
    if values["run_folder"] is None or (values["history"] is None) == (values["input"] is None):
        raise SettingsError("Give --run_folder, and either --history or --input and --out; see --help.")
    if values["history"] is None and values["out"] is None:
        raise SettingsError("Give --out, the file for the recommendations.")
    from recbole_adasid.serving.recommend_file import recommend

    recommend(values)


COMMAND = Command(
    name="recommend",
    summary="recommendations of a finished run, for one history or a file of them",
    usage=('--run_folder=runs/... --history="item item" [--k=10]', "--run_folder=runs/... --input=FILE --out=FILE"),
    about=ABOUT,
    options={"options": OPTIONS},
    work=_work,
    kept="nothing was written: run the same command again",
    spare="ask for a smaller k, or for fewer histories at a time",
)
