"""Model cards: README.md with YAML front matter, as the hub shows them."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from recbole_adasid.data.item_labels import ItemLabel
from recbole_adasid.hub.layout import PICTURE
from recbole_adasid.io.markdown import table

UNKNOWN = "unknown"
"""The hub's identifier for an unstated licence."""
LIBRARY = "recbole-adasid"
SHOWN_ITEMS = 5
_LICENSE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,59}")
_DATASET = re.compile(r"\w[\w.-]{0,95}", re.ASCII)
_LONGEST_CELL = 80


def check_license(license: str) -> None:
    """Check that a licence looks like one of the hub's identifiers, such as mit or cc-by-4.0.

    Raises:
        ValueError: if not.
    """
    if not isinstance(license, str) or not _LICENSE.fullmatch(license):
        raise ValueError(f"license={license!r} is not a licence identifier such as mit, apache-2.0 or cc-by-nc-4.0")


def model_card(title: str, sections: Iterable[str], *, license: str, dataset: str, **front: Any) -> str:
    """Return a model card.

    Args:
        title: its heading.
        sections: Markdown.
        license: the hub's licence identifier.
        dataset: name of the dataset; left out of the front matter if the hub would refuse it.
        front: further front matter; empty entries are left out.
    """
    named = {"datasets": [dataset]} if _DATASET.fullmatch(dataset) else {}
    more = {key: value for key, value in front.items() if value}
    told = {"library_name": LIBRARY, "license": license, **named, **more}
    head = yaml.safe_dump(told, sort_keys=False, allow_unicode=True)
    return "\n\n".join([f"---\n{head}---", f"# {cell(title)}", *(section.strip() for section in sections)]) + "\n"


def section(heading: str, *paragraphs: str) -> str:
    """Return a section without its empty paragraphs; an empty string if none is left."""
    told = [paragraph for paragraph in paragraphs if paragraph]
    return "\n\n".join([f"## {heading}", *told]) if told else ""


def code(text: str, language: str) -> str:
    """Return a code block with a fence that its text cannot close."""
    runs = [len(run) for run in re.findall("`+", text)]
    fence = "`" * max([3, *(run + 1 for run in runs)])
    return f"{fence}{language}\n{text}\n{fence}"


def cell(text: str) -> str:
    """Escape a text from the data, such as a title, for Markdown: one line, no markup, shortened."""
    line = " ".join(text.split())
    line = line if len(line) <= _LONGEST_CELL else f"{line[: _LONGEST_CELL - 1]}…"
    return re.sub(r"([\\`*_{}\[\]|~#!])", r"\\\1", html.escape(line, quote=False))


def codes_section(
    tokens: Sequence[str], codes: Sequence[Sequence[int]], labels: Mapping[str, ItemLabel], what: str
) -> str:
    """Return the section that shows the codes: the picture, and the first items.

    Args:
        tokens: item tokens.
        codes: Semantic IDs of these items, with the suffix if there is one.
        labels: titles and categories where known.
        what: a sentence about levels and suffix.
    """
    rows = [
        [f"`{token}`" if token.isalnum() else cell(token), cell(labels.get(token, ItemLabel()).title), str(list(code))]
        for token, code in list(zip(tokens, codes))[:SHOWN_ITEMS]
    ]
    picture = f"![Items per codeword in descending order, by level]({PICTURE})"
    return section("What the codes look like", what, picture, table(["item", "title", "Semantic ID"], rows))


def license_section(license: str) -> str:
    """Return the section on licences."""
    own = (
        "The publisher has not stated a licence for this repository."
        if license == UNKNOWN
        else f"This repository: {license}."
    )
    data = (
        "Item names, titles and categories come from the dataset, whose own licence applies to them and may also "
        "restrict the use of models trained on it. The recbole-adasid package is MIT-licensed."
    )
    return section("Licence", own, data)
