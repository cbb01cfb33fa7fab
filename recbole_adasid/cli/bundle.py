"""`recbole-adasid bundle`: SID bundles."""

from __future__ import annotations

from typing import Any

from recbole_adasid.cli.shared.command import Command
from recbole_adasid.cli.shared.common import BUNDLE, OUT, RUN_FOLDER
from recbole_adasid.cli.shared.options import ANY, COUNT, SWITCH, Option, chosen_action, need, read_options

ABOUT = """\
A SID bundle is a folder with the Semantic IDs of a catalogue, the tokenizer that learned them, and metadata.

formats
  letter          NAME.index.json of LETTER, LC-Rec and MiniOneRec, and NAME.item2id
  recbole3        item_sids.json of RecBole 3, and item_sids.item2id
  csv, parquet    a table with one column per level
  item            a RecBole .item file with one token column per level and a prefix
"""
FORMAT = Option("format", "NAME", "one of the formats above; import reads letter and recbole3")
INPUT = Option("input", "FILE", "the published Semantic IDs")
ITEM2ID = Option(
    "item2id",
    "FILE",
    "letter, recbole3: item numbers, as lines of token, tab, number (default for export: rows from 0; for import: "
    "NAME.item2id next to the file); import: `tokens` if the keys are item tokens",
)
SUFFIX = Option(
    "suffix",
    "VALUE",
    "letter, recbole3: whether the last integer only separates items with equal codes; export: false leaves it out; "
    "import: required for recbole3",
    SWITCH,
)
OFFSET = Option(
    "offset",
    "VALUE",
    "letter, recbole3: whether codes are numbered continuously across levels (default: false; export as recbole3: "
    "true; import of recbole3: required)",
    SWITCH,
)
EXPORT_OPTIONS = (
    ITEM2ID,
    SUFFIX,
    OFFSET,
    Option("extra_columns_from", "FILE", "item: an .item file whose lines and columns are included"),
    Option("item_field", "NAME", "item: the column of item tokens (default: item_id)"),
    Option("vector", "true", "item: add the quantised embedding as a column sid_vector; needs the tokenizer", SWITCH),
)
IMPORT_OPTIONS = (
    ITEM2ID,
    SUFFIX,
    OFFSET,
    Option("first_code", "1", "levels count from 1 (default: 0)", ANY),
    Option("level_sizes", "SIZES", 'codewords of each level, such as "[256, 256, 256]"', ANY),
)
SHOW_OPTIONS = (
    Option("item", "TOKEN", "show this item's Semantic ID and its nearest items"),
    Option("k", "10", "number of nearest items", COUNT, 10),
)
ACTIONS: dict[str, tuple[tuple[Option, ...], tuple[Option, ...]]] = {
    "make": ((RUN_FOLDER, OUT), ()),
    "show": ((BUNDLE,), SHOW_OPTIONS),
    "export": ((BUNDLE, FORMAT, OUT), EXPORT_OPTIONS),
    "import": ((FORMAT, INPUT, OUT), IMPORT_OPTIONS),
}
"""Required and optional options of each action."""
HEADINGS = {
    "make": "make: bundle a finished run, including items added to its catalogue since",
    "show": "show: print the contents of a bundle",
    "export": "export: write the Semantic IDs for other programs, with a description of the integers next to the file",
    "import": "import: make a bundle from published Semantic IDs, to score or to train TIGER on (sids_file)",
}


def _work(given: list[str]) -> None:
    action = chosen_action(given, ACTIONS)
    needed, optional = ACTIONS[action]
    values = read_options(f"bundle {action}", given[1:], (*needed, *optional))
    need(values, needed, f"bundle {action}")
    from recbole_adasid.bundle import command

    if action == "make":
        command.make(values["run_folder"], values["out"])
    elif action == "show":
        command.show(values["bundle"], values["item"], values["k"])
    elif action == "export":
        command.export(values["bundle"], values["format"], values["out"], _given(values, EXPORT_OPTIONS))
    else:
        command.import_published(values["format"], values["input"], values["out"], _given(values, IMPORT_OPTIONS))


def _given(values: dict[str, Any], options: tuple[Option, ...]) -> dict[str, Any]:
    """Return the given options of a format: each format has some of them, with its own defaults."""
    return {option.name: values[option.name] for option in options if values[option.name] is not None}


COMMAND = Command(
    name="bundle",
    summary="make, show, export and import SID bundles: Semantic IDs as portable folders",
    usage=(
        "make --run_folder=runs/... --out=FOLDER",
        "show --bundle=FOLDER [--item=TOKEN] [--k=10]",
        "export --bundle=FOLDER --format=NAME --out=FILE [...]",
        "import --format=NAME --input=FILE --out=FOLDER [...]",
    ),
    about=ABOUT,
    options={HEADINGS[action]: (*needed, *optional) for action, (needed, optional) in ACTIONS.items()},
    work=_work,
    resume_hint="a folder without its bundle.json is incomplete: remove it, and run the same command again",
)
