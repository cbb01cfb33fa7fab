"""`recbole-adasid convert`: raw data into atomic files."""

from __future__ import annotations

from recbole_adasid.cli.shared.command import Command
from recbole_adasid.cli.shared.common import COLUMNS, DELIMITER, NAME, OUT, SHOW_PROGRESS
from recbole_adasid.cli.shared.options import MAPPING, SWITCH, Option, chosen_action, need, read_options

ABOUT = """\
Convert raw data to RecBole's atomic files OUT/NAME/NAME.inter and OUT/NAME/NAME.item, and print the numbers of users,
items and interactions. Input files may be gzipped. Unusable lines are counted and reported.

`amazon` reads reviews and metadata of the 2014, 2018 and 2023 crawls, recognised by their keys. `table` reads .csv,
.tsv, .jsonl (.ndjson, .json: one object per line) or .parquet (needs the extra `parquet`).
"""
REVIEWS = Option("reviews", "FILE", "one review per line")
INTERACTIONS = Option("interactions", "PATH", "one interaction per row: user_id, item_id, timestamp")
ACTIONS: dict[str, tuple[Option, ...]] = {
    "amazon": (REVIEWS, Option("metadata", "FILE", "one item per line; without it there is no NAME.item")),
    "table": (
        INTERACTIONS,
        Option(
            "items",
            "FILE",
            "one item per row: item_id, and optionally title, brand, categories, price, image_url",
        ),
        COLUMNS,
        Option(
            "item_columns", "MAPPING", "the same for the items; other names become additional text columns", MAPPING
        ),
        Option(
            "time_unit", "UNIT", "unit of numeric times: s, ms, us or ns (default: s); dates are ISO 8601", default="s"
        ),
        DELIMITER,
        Option("quotes", "false", "treat quotation marks as text, not as quoting (default: true; .tsv: false)", SWITCH),
    ),
}
"""Options of each action; the first is required."""
BOTH = (
    OUT,
    NAME,
    Option("rating", "true", "keep ratings as a column of NAME.inter", SWITCH, False),
    Option("all_items", "true", "keep items without interactions, which get no Semantic ID", SWITCH, False),
    Option("overwrite", "true", "replace existing files", SWITCH, False),
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
    summary="convert raw reviews, logs and product tables to RecBole's atomic files",
    usage=(
        "amazon --reviews=FILE --out=FOLDER --name=NAME [--metadata=FILE] [...]",
        "table --interactions=FILE --out=FOLDER --name=NAME [--items=FILE] [...]",
    ),
    about=ABOUT,
    options={**ACTIONS, "both": BOTH},
    work=_work,
    resume_hint="each file is either complete or absent: run the same command again",
    log_level=None,
)
