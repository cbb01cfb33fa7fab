"""`recbole-adasid pairs`: item pairs of a log that does not fit in memory."""

from __future__ import annotations

from recbole_adasid.cli.command import Command
from recbole_adasid.cli.common import COLUMNS, MEMORY, OUT, RAY, SHOW_PROGRESS
from recbole_adasid.cli.options import COUNT, NUMBER, Option, need, read_options

ABOUT = """\
Item pairs of a log that does not fit in memory: Swing as in the main job, on the same interactions. A user's last two
are held out, times decide, and the order of the files among equal times. Item pairs are those of the main job to the
bit, whatever the engine and its workers. The result is NAME.npz, or a folder of Parquet files; both can be a run's
pair_file (pair_source=file).

Beside --memory the log takes some 60 bytes a user and 100 an item.
"""
INTERACTIONS = Option(
    "interactions",
    "PATH",
    ".parquet, .csv, .tsv or .inter, or a folder of such files, read in the order of their names",
)
OWN = (
    INTERACTIONS,
    OUT,
    COLUMNS,
    Option(
        "held_out",
        "2",
        "last interactions of a user that are left out; 0 for a log of training interactions alone",
        COUNT,
        2,
        least=0,
    ),
    Option(
        "work", "FOLDER", "for files in between, about 100 bytes an interaction (default: where temporary files go)"
    ),
    *RAY,
    MEMORY,
    SHOW_PROGRESS,
)
SWING = (
    Option("swing_alpha", "1.0", "alpha in 1 / (alpha + |I_u & I_v|)", NUMBER, 1.0),
    Option("swing_user_weight_power", "0.5", "p in w_u = |I_u|^-p", NUMBER, 0.5),
    Option("swing_top_k", "50", "strongest targets kept per trigger", COUNT, 50),
    Option("swing_max_user_items", "1000", "longer histories keep their last items only", COUNT, 1000),
    Option("swing_max_item_users", "1000", "busier items keep the users of fewest items only", COUNT, 1000),
)
"""The main job's settings of Swing, with its defaults."""


def _work(given: list[str]) -> None:
    values = read_options("pairs", given, (*OWN, *SWING))
    need(values, (INTERACTIONS, OUT), "pairs")
    from recbole_adasid.pairs.mine_log import mine_pairs

    mine_pairs(values)


COMMAND = Command(
    name="pairs",
    summary="item pairs (Swing) of a log that does not fit in memory",
    usage=("--interactions=LOG --out=pairs.npz", "--interactions=FOLDER --out=FOLDER --engine=ray"),
    about=ABOUT,
    options={"options": OWN, "Swing": SWING},
    work=_work,
    kept="files that are in --out do not hold all pairs: remove them, and run the same command again",
    spare="lower --memory or swing_max_item_users",
)
