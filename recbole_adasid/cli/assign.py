"""`recbole-adasid assign`: Semantic IDs for a catalogue in shards."""

from __future__ import annotations

from recbole_adasid.cli.command import Command
from recbole_adasid.cli.common import BUNDLE, MEMORY, OUT, RAY, RUN_FOLDER, SHOW_PROGRESS
from recbole_adasid.cli.options import Option, need, read_options
from recbole_adasid.settings.errors import SettingsError

ABOUT = """\
Semantic IDs for a catalogue in shards, by the tokenizer of a bundle or of a finished run, its codebooks frozen. The
folder --out gets NAME.parquet for each shard (item_id, sid_1 …, suffix), and assignment.json at last.

A shard that is done is not encoded again as long as tokenizer, features and tokens are the same. One that is damaged is
named, and costs itself alone: mend it and run the same command again. The suffix counts the items of equal codes before
an item, over all shards, whatever the engine and its workers.
"""
FEATURES = Option(
    "features",
    "PATH",
    "a folder of .npy (tokens in NAME.items.txt beside, one a line) and .parquet files (item_id, embedding), or one of "
    "them; the order of their names is that of the items",
)
OPTIONS = (BUNDLE, RUN_FOLDER, FEATURES, OUT, *RAY, MEMORY, SHOW_PROGRESS)


def _work(given: list[str]) -> None:
    values = read_options("assign", given, OPTIONS)
    need(values, (FEATURES, OUT), "assign")
    if (values["bundle"] is None) == (values["run_folder"] is None):
        raise SettingsError("Give either --bundle or --run_folder; see --help.")
    from recbole_adasid.serving.assign_catalogue import assign_catalogue

    assign_catalogue(values)


COMMAND = Command(
    name="assign",
    summary="Semantic IDs for a catalogue in shards, by the tokenizer of a bundle or a run",
    usage=(
        "--bundle=FOLDER --features=FOLDER --out=FOLDER",
        "--run_folder=runs/... --features=FOLDER --out=FOLDER --engine=ray",
    ),
    about=ABOUT,
    options={"options": OPTIONS},
    work=_work,
    kept="shards that are done are kept, and the same command goes on from there",
    spare="lower --memory, or cut the features into smaller shards",
)
