"""`recbole-adasid assign`: Semantic IDs for a catalogue in shards."""

from __future__ import annotations

from recbole_adasid.cli.shared.command import Command
from recbole_adasid.cli.shared.common import BUNDLE, MEMORY, OUT, RAY, RUN_FOLDER, SHOW_PROGRESS
from recbole_adasid.cli.shared.options import Option, need, read_options
from recbole_adasid.settings.errors import SettingsError

ABOUT = """\
Semantic IDs for a catalogue in shards, from the frozen tokenizer of a bundle or a finished run. The folder --out gets
NAME.parquet for each shard (item_id, sid_1 …, suffix), and finally assignment.json.

Finished shards are not encoded again as long as tokenizer, features and tokens are the same. A damaged shard is
reported and does not affect the others: fix it and run the same command again. The suffix counts the preceding items
with equal codes, over all shards, independent of engine and workers.
"""
FEATURES = Option(
    "features",
    "PATH",
    "a folder of .npy (tokens in NAME.items.txt next to it, one per line) and .parquet files (item_id, embedding), or "
    "one such file; items are ordered by file name",
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
    resume_hint="finished shards are kept: run the same command again to resume",
    memory_hint="lower --memory, or split the features into smaller shards",
)
