"""Texts of items as a report shows them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from recbole_adasid.data.item_labels import ItemLabel

LONGEST_TITLE = 100
# Controls of text direction: left open in a title, they would also reorder the text after it.
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")


def cut(text: str, longest: int = LONGEST_TITLE) -> str:
    """Return a text on one line of at most ``longest`` characters."""
    plain = " ".join(_TURNING.sub("", text).split())
    return plain if len(plain) <= longest else f"{plain[: longest - 1].rstrip()}…"


def titles_of(tokens: Iterable[str], labels: Mapping[str, ItemLabel]) -> list[str]:
    """Return the titles of items, or their tokens where they have none."""
    return [cut(labels[token].title if token in labels else "") or cut(token) for token in tokens]


def sid_text(codes: Sequence[int]) -> str:
    """Return a Semantic ID as readable text."""
    return "-".join(map(str, codes))


def json_bytes(value: Any) -> int:
    """Return the size of plain values as JSON in UTF-8."""
    return len(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
