"""`recbole-adasid items`: add items to the catalogue of a finished run, or remove them."""

from __future__ import annotations

from recbole_adasid.cli.shared.command import Command
from recbole_adasid.cli.shared.common import COLUMNS, DELIMITER, RUN_FOLDER, TRUSTED
from recbole_adasid.cli.shared.options import Option, chosen_action, need, read_options

ABOUT = """\
`add` assigns Semantic IDs to items that the model was not trained on, with frozen codebooks, and makes them
recommendable. --items is a table with the columns of the run's NAME.item: an .item file, or a .csv, .tsv, .jsonl or
.parquet with a header. The run's own encoders make features from it; --features gives vectors of the kind the tokenizer
was trained on instead. Items already in the catalogue keep their Semantic ID, so a file may be added twice; removed
items get theirs back.

`remove` stops recommending the items of a file of tokens, one per line; histories may still contain them.

The run folder may be someone else's, so paths and addresses in its settings are restricted: a text or image model must
already be on this machine, under its name, and images are not downloaded. With --trusted=true, for your own runs,
models are downloaded or loaded from folders, and images are downloaded if the run has image_download.

If an item cannot be added or removed, nothing is changed; with --bad_items=skip the others are, and the failed ones are
listed with the reason.

Both write new-items.safetensors into the run folder, which `recbole-adasid recommend` reads, and append a line to
new-items.jsonl, a log of additions and removals; no other file of the run is touched.
"""
ITEMS = Option("items", "FILE", "a table of items to add, or a list of those to remove")
OPTIONS = (
    RUN_FOLDER,
    ITEMS,
    Option("features", "FILE", "add: an .npz of item_id and embedding"),
    COLUMNS,
    DELIMITER,
    Option("bad_items", "skip", "skip items that cannot be added or removed (default: refuse)", default="refuse"),
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
    resume_hint="the change is saved completely or not at all: run the same command again to check and complete it",
    memory_hint="pass fewer items at a time",
)
