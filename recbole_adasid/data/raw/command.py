"""The command line of the converter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from recbole_adasid.cli import parse_arguments, run_command
from recbole_adasid.data.raw.amazon_files import convert_amazon
from recbole_adasid.data.raw.convert import Report, convert
from recbole_adasid.data.raw.tables import RawTable, table_interactions, table_items
from recbole_adasid.host.settings import SettingsError, refuse_unknown_keys

USAGE = """\
usage: python -m recbole_adasid.data.raw amazon --reviews=FILE --out=FOLDER --name=NAME [--metadata=FILE] [...]
       python -m recbole_adasid.data.raw table --interactions=FILE --out=FOLDER --name=NAME [--items=FILE] [...]

Write FOLDER/NAME/NAME.inter and FOLDER/NAME/NAME.item, RecBole's atomic files, from raw data, and print how many users,
items and interactions they have. Files may be compressed by gzip. Lines that cannot be used are counted and reported.

amazon: reviews and metadata of the crawls of 2014, 2018 and 2023, told apart by their keys
  --reviews=FILE          one review a line
  --metadata=FILE         one item a line; without it there is no NAME.item

table: .csv, .tsv, .jsonl (.ndjson, .json: one object a line) or .parquet (needs the extra `parquet`)
  --interactions=FILE     one interaction a row: user_id, item_id, timestamp
  --items=FILE            one item a row: item_id, and title, brand, categories, price, image_url as far as there
  --columns=MAPPING       what these are called in the interactions, such as "{user_id: customer, timestamp: date}"
  --item_columns=MAPPING  the same for the items; other names make further text columns, such as "{colour: Farbe}"
  --time_unit=UNIT        of numbers as times: s, ms, us or ns (default: s); dates are ISO 8601
  --delimiter=NAME        of CSV: comma, semicolon, tab or bar (default: comma, and tab for .tsv)
  --quotes=false          quotation marks are text and enclose no cells (default: true, and false for .tsv)

both
  --rating=true           keep ratings as a column of NAME.inter
  --all_items=true        keep items without interactions, which get no Semantic ID
  --overwrite=true        replace files that are there
  --show_progress=false   no progress bar
"""
SWITCHES = {"rating": False, "all_items": False, "overwrite": False, "show_progress": True}
KEYS = {
    "amazon": ("reviews", "metadata"),
    "table": ("interactions", "items", "columns", "item_columns", "time_unit", "delimiter", "quotes"),
}
OWN_KEYS = ("out", "name", *SWITCHES, *KEYS["amazon"], *KEYS["table"])


def main(arguments: Sequence[str] | None = None) -> int:
    """Convert as the arguments say and return the exit status: 0, or what :mod:`recbole_adasid.ending` says."""
    kept = "each file is there whole or not at all: run the same command again"
    return run_command(arguments, USAGE, _run, kept=kept, log_level=None)


def _run(given: Sequence[str]) -> None:
    print(_convert(given[0], list(given[1:])).text())


def _convert(kind: str, arguments: list[str]) -> Report:
    if kind not in KEYS:
        raise SettingsError(f"The first argument is {kind!r}; valid: {', '.join(KEYS)}; see --help.")
    settings, _ = parse_arguments(arguments)
    refuse_unknown_keys(settings, (*KEYS[kind], *SWITCHES, "out", "name"), source="the command line")
    switches = {name: _switch(settings, name) for name in SWITCHES}
    progress, home = switches.pop("show_progress"), _home(settings)
    if kind == "amazon":
        metadata = _path(settings, "metadata")
        return convert_amazon(_needed(settings, "reviews"), metadata, home, progress=progress, **switches)
    form = settings.get("delimiter"), None if settings.get("quotes") is None else _switch(settings, "quotes")
    interactions = table_interactions(
        RawTable(_needed(settings, "interactions"), *form),
        _mapping(settings, "columns"),
        time_unit=str(settings.get("time_unit", "s")),
        rating=switches.pop("rating"),
        progress=progress,
    )
    path, columns = _path(settings, "items"), _mapping(settings, "item_columns")
    items = None if path is None else table_items(RawTable(path, *form), columns, progress=progress)
    return convert(interactions, items, home, **switches)


def _home(settings: Mapping[str, Any]) -> Path:
    out, name = _needed(settings, "out"), str(_needed(settings, "name"))
    if name in (".", "..") or Path(name).name != name:
        raise SettingsError(f"name={name!r} is no name of a folder: leave out slashes.")
    return out / name


def _needed(settings: Mapping[str, Any], key: str) -> Path:
    path = _path(settings, key)
    if path is None:
        raise SettingsError(f"The converter needs --{key}=VALUE; see --help.")
    return path


def _path(settings: Mapping[str, Any], key: str) -> Path | None:
    value = settings.get(key)
    return None if value is None else Path(str(value))


def _switch(settings: Mapping[str, Any], name: str) -> bool:
    value = settings.get(name, SWITCHES.get(name))
    if not isinstance(value, bool):
        raise SettingsError(f"The setting {name}={value!r} has to be true or false.")
    return value


def _mapping(settings: Mapping[str, Any], key: str) -> dict[str, str]:
    value = settings.get(key) or {}
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise SettingsError(f'{key}={value!r} is no mapping: write --{key}="{{item_id: sku, title: name}}".')
    return {name: str(raw) for name, raw in value.items()}
