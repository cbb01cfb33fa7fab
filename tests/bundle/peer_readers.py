"""Readers of exchanged files, written from the formats that the peers document and from nothing of this package.

LETTER, LC-Rec, MiniOneRec: `NAME.index.json` maps the number of an item, as text, to the list of its special tokens,
one a level: `<a_…>`, `<b_…>`, …. `NAME.item2id` has a line of original id, tab and number for each item.

RecBole 3: `item_sids.json` maps the number of an item, as text, to a list of integers that its TIGER takes, plus one,
for tokens of one vocabulary. All lists are equally long, no integer is negative, all numbers from 0 to the number of
items − 1 are there, and no two lists are equal.
"""

from __future__ import annotations

import json
from pathlib import Path


def letter_tokens(path: Path) -> dict[str, list[str]]:
    """Return the special tokens by original item id."""
    with open(path, encoding="utf-8") as stream:
        indices = json.load(stream)
    number_of = {}
    with open(str(path).replace(".index.json", ".item2id"), encoding="utf-8") as stream:
        for line in stream:
            original, number = line.rstrip("\n").split("\t")
            number_of[original] = number
    assert set(indices) == set(number_of.values())
    return {original: indices[number] for original, number in number_of.items()}


def letter_allowed_tokens(path: Path) -> dict[int, set[str]]:
    """Return the tokens that may be generated at each place."""
    allowed: dict[int, set[str]] = {}
    with open(path, encoding="utf-8") as stream:
        for tokens in json.load(stream).values():
            for place, token in enumerate(tokens):
                allowed.setdefault(place, set()).add(token)
    return allowed


def recbole3_tokens(path: Path, n_items: int) -> dict[int, tuple[int, ...]]:
    """Return the tokens of one vocabulary by item number, or fail where RecBole 3's TIGER does."""
    with open(path, encoding="utf-8") as stream:
        raw = json.load(stream)
    tokens = {int(number): tuple(int(value) + 1 for value in values) for number, values in raw.items()}
    assert set(tokens) == set(range(n_items))
    assert len({len(values) for values in tokens.values()}) == 1
    assert min(map(min, tokens.values())) >= 1
    assert len(set(tokens.values())) == n_items
    return tokens
