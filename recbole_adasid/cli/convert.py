"""`recbole-adasid convert`: raw data into atomic files."""

from __future__ import annotations

from recbole_adasid.cli.command import Command
from recbole_adasid.cli.common import COLUMNS, DELIMITER, NAME, OUT, SHOW_PROGRESS
from recbole_adasid.cli.options import MAPPING, SWITCH, Option, chosen_action, need, read_options

ABOUT = """\
Write OUT/NAME/NAME.inter and OUT/NAME/NAME.item, RecBole's atomic files, from raw data, and print how many users, items
and interactions they have. Files may be compressed by gzip. Lines that cannot be used are counted and reported.

`amazon` reads reviews and metadata of the crawls of 2014, 2018 and 2023, told apart by their keys. `table` reads .csv,
.tsv, .jsonl (.ndjson, .json: one object a line) or .parquet (needs the extra `parquet`).
"""
REVIEWS = Option("reviews", "FILE", "one review a line")
INTERACTIONS = Option("interactions", "PATH", "one interaction a row: user_id, item_id, timestamp")
ACTIONS: dict[str, tuple[Option, ...]] = {
    "amazon": (REVIEWS, Option("metadata", "FILE", "one item a line; without it there is no NAME.item")),
    "table": (
        INTERACTIONS,
        Option(
            "items",
            "FILE",
            "one item a row: item_id, and title, brand, categories, price, image_url as far as there",
        ),
        COLUMNS,
        Option("item_columns", "MAPPING", "the same for the items; other names make further text columns", MAPPING),
        Option(
            "time_unit", "UNIT", "of numbers as times: s, ms, us or ns (default: s); dates are ISO 8601", default="s"
        ),
        DELIMITER,
        Option("quotes", "false", "quotation marks are text and enclose no cells (default: true; .tsv: false)", SWITCH),
    ),
}
"""What each action can have; it needs the first."""
BOTH = (
    OUT,
    NAME,
    Option("rating", "true", "keep ratings as a column of NAME.inter", SWITCH, False),
    Option("all_items", "true", "keep items without interactions, which get no Semantic ID", SWITCH, False),
    Option("overwrite", "true", "replace files that are there", SWITCH, False),
    SHOW_PROGRESS,
)


def _work(given: list[str]) -> None:
    action = chosen_action(given, ACTIONS)
    options = (*ACTIONS[action], *BOTH)
    values = read_options(f"convert {action}", given[1:], options)
    need(values, (OUT, NAME, options[0]), f"convert {action}")
    from recbole_adasid.data.convert.convert_raw import convert_raw

    print(convert_raw(action, values).text())


COMMAND = Command(
    name="convert",
    summary="raw reviews, logs and product tables into RecBole's atomic files",
    usage=(
        "amazon --reviews=FILE --out=FOLDER --name=NAME [--metadata=FILE] [...]",
        "table --interactions=FILE --out=FOLDER --name=NAME [--items=FILE] [...]",
    ),
    about=ABOUT,
    options={**ACTIONS, "both": BOTH},
    work=_work,
    kept="each file is there whole or not at all: run the same command again",
    log_level=None,
)
