"""Validation rules of dataset settings. Defaults and comments are in props/."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from typing import Any

from recbole_adasid.data.convert.tables import DELIMITERS, TIME_UNITS
from recbole_adasid.settings.rules import (
    Rule,
    checksum,
    interval,
    list_of,
    name_of,
    optional,
    path,
    real,
    switch,
    text,
    web_address,
    whole,
)


def _is_separator(value: Any) -> bool:
    return isinstance(value, str) and len(value) == 1 and value.isascii() and (value in "\t ,;|" or ord(value) < 9)


def _is_encoding(value: Any) -> bool:
    try:
        codecs.getincrementaldecoder(value)
        return "a\n".encode(value).decode(value) == "a\n"
    except (LookupError, TypeError, ValueError):
        return False


def _is_column_choice(value: Any) -> bool:
    if not isinstance(value, Mapping):
        return False
    names = list_of(text)
    return all(
        key in ("inter", "user", "item") and (chosen == "*" or names.fits(chosen)) for key, chosen in value.items()
    )


def _is_filter(value: Any) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(key, str) and (interval.fits(chosen) or list_of(text).fits(chosen)) for key, chosen in value.items()
    )


def _is_naming(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(name, str) for pair in value.items() for name in pair)


DATA: dict[str, Rule] = {
    "data_path": path,
    "download": switch,
    **dict.fromkeys(("reviews_url", "metadata_url"), optional(web_address)),
    **dict.fromkeys(("reviews_sha256", "metadata_sha256"), optional(checksum)),
    **dict.fromkeys(("interactions_table", "items_table"), optional(path)),
    **dict.fromkeys(("interactions_columns", "items_columns"), Rule("a mapping of names", _is_naming)),
    "table_time_unit": name_of(TIME_UNITS),
    "table_delimiter": optional(name_of(DELIMITERS)),
    "interactions_files": optional(path),
    "interactions_memory": real(0.1, 4096),
    "load_col": optional(Rule("columns by file, such as {inter: [user_id, item_id, timestamp]}", _is_column_choice)),
    "field_separator": Rule("a tab, a space or one of , ; |", _is_separator),
    "seq_separator": Rule("at least one character", lambda value: isinstance(value, str) and bool(value)),
    "encoding": Rule("an encoding of text that Python knows, such as utf-8", _is_encoding),
    "USER_ID_FIELD": text,
    "ITEM_ID_FIELD": text,
    "TIME_FIELD": text,
    "LIST_SUFFIX": text,
    "ITEM_LIST_LENGTH_FIELD": text,
    "MAX_ITEM_LIST_LENGTH": whole(1, 2**20),
    "user_inter_num_interval": optional(interval),
    "item_inter_num_interval": optional(interval),
    "val_interval": optional(Rule("intervals by column, such as {rating: '[4,inf)'}", _is_filter)),
    "seq_len": optional(Rule("lengths by column", lambda value: isinstance(value, Mapping))),
    "rm_dup_inter": optional(name_of(["first", "last"])),
    "cold_item_share": real(0, 0.9),
    "normalize_all": optional(switch),
    "normalize_field": optional(list_of(text, empty=True)),
}
