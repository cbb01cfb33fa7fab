"""`recbole-adasid items`: items into the catalogue of a finished run, and out of it."""

from __future__ import annotations

from recbole_adasid.cli.command import Command
from recbole_adasid.cli.common import COLUMNS, DELIMITER, RUN_FOLDER, TRUSTED
from recbole_adasid.cli.options import Option, chosen_action, need, read_options

ABOUT = """\
`add` gives Semantic IDs to items that the model was not trained with, the codebooks as they are, and makes them
recommendable. --items is a table with the columns of the run's NAME.item: an .item file, or a .csv, .tsv, .jsonl or
.parquet with a header. The run's own encoders make features from it; with --features, vectors of the kind the tokenizer
was trained on are taken instead. Items that are in the catalogue keep their Semantic ID, so that the same file may come
twice; items that were removed come back with theirs.

`remove` stops recommending the items of a file of tokens, one a line; histories may still name them.

As the run's folder may be from somebody else, what its settings name is not followed everywhere: a model of texts or
images has to be on this machine already, under its name, and images are not fetched. With --trusted=true, for a run
of your own, models are downloaded or taken from folders, and images fetched where the run has image_download.

If an item cannot be added or removed, nothing is changed; with --bad_items=skip the others are, and those that could
not be are listed with the reason.

Both write new-items.safetensors into the run's folder, which `recbole-adasid recommend` reads, and add a line to
new-items.jsonl, which tells what came and went and when; no other file of the run is touched.
"""
ITEMS = Option("items", "FILE", "a table of items to add, or a list of those to remove")
OPTIONS = (
    RUN_FOLDER,
    ITEMS,
    Option("features", "FILE", "add: an .npz of item_id and embedding"),
    COLUMNS,
    DELIMITER,
    Option("bad_items", "skip", "leave out what cannot be added or removed (default: refuse)", default="refuse"),
    TRUSTED,
)
ACTIONS = ("add", "remove")


def _work(given: list[str]) -> None:
    action = chosen_action(given, ACTIONS)
    values = read_options(f"items {action}", given[1:], OPTIONS)
    need(values, (RUN_FOLDER, ITEMS), f"items {action}")
    from recbole_adasid.serving.change_items import change_items

    change_items(action, values)


COMMAND = Command(
    name="items",
    summary="add items to the catalogue of a finished run, or remove them",
    usage=(
        "add --run_folder=runs/... --items=new.item [--features=new.npz] [...]",
        "remove --run_folder=runs/... --items=gone.txt [--bad_items=skip]",
    ),
    about=ABOUT,
    options={"options": OPTIONS},
    work=_work,
    kept="the change is kept whole or not at all: the same command again says which, and makes it if it was not",
    spare="name fewer items at a time",
)
