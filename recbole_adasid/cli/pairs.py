"""`recbole-adasid pairs`: item pairs from a log that does not fit in memory."""

from __future__ import annotations

from recbole_adasid.cli.shared.command import Command
from recbole_adasid.cli.shared.common import COLUMNS, MEMORY, OUT, RAY, SHOW_PROGRESS
from recbole_adasid.cli.shared.options import COUNT, NUMBER, Option, need, read_options

ABOUT = """\
Item pairs from a log that does not fit in memory: Swing as in the main job, on the same interactions. A user's last two
interactions are held out, by time and, for equal times, file order. Pairs are bit-identical to the main job's,
independent of engine and workers. The result is NAME.npz, or a folder of Parquet files; both can be a run's pair_file
(pair_source=file).

In addition to --memory, the log takes about 60 bytes per user and 100 per item.
"""
INTERACTIONS = Option(
    "interactions",
    "PATH",
    ".parquet, .csv, .tsv or .inter, or a folder of such files, read in name order",
)
OWN = (
    INTERACTIONS,
    OUT,
    COLUMNS,
    Option(
        "held_out",
        "2",
        "last interactions of each user to leave out; 0 if the log has training interactions only",
        COUNT,
        2,
        least=0,
    ),
    Option(
        "work",
        "FOLDER",
        "for temporary files, about 100 bytes per interaction (default: the system's temporary folder)",
    ),
    *RAY,
    MEMORY,
    SHOW_PROGRESS,
)
SWING = (
    Option("swing_alpha", "1.0", "alpha in 1 / (alpha + |I_u & I_v|)", NUMBER, 1.0),
    Option("swing_user_weight_power", "0.5", "p in w_u = |I_u|^-p", NUMBER, 0.5),
    Option("swing_top_k", "50", "strongest targets kept per trigger", COUNT, 50),
    Option("swing_max_user_items", "1000", "longer histories keep only their last items", COUNT, 1000),
    Option("swing_max_item_users", "1000", "items with more users keep only those with the fewest items", COUNT, 1000),
)
"""The main job's Swing settings, with its defaults."""


def _work(given: list[str]) -> None:
    values = read_options("pairs", given, (*OWN, *SWING))
    need(values, (INTERACTIONS, OUT), "pairs")
    from recbole_adasid.pairs.mine_log import mine_pairs

    mine_pairs(values)


COMMAND = Command(
    name="pairs",
    summary="mine item pairs (Swing) from a log that does not fit in memory",
    usage=("--interactions=LOG --out=pairs.npz", "--interactions=FOLDER --out=FOLDER --engine=ray"),
    about=ABOUT,
    options={"options": OWN, "Swing": SWING},
    work=_work,
    resume_hint="nothing is written to --out until all pairs are found: run the same command again",
    memory_hint="lower --memory or swing_max_item_users",
)
