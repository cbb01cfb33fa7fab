"""Different ways to write the same dataset give the same Semantic IDs and metrics."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bad_input import INTER, ITEM, ITEMS, Given, Spoil


def results(folder: Path, spoil: Spoil) -> list[str]:
    given = Given(folder)
    spoil(given)
    assert given.run() == 0
    (run,) = (folder / "runs").iterdir()
    return [(run / name).read_text() for name in ("sids.json", "metrics.json")]


def in_encoding(name: str) -> Spoil:
    def spoil(given: Given) -> None:
        given.settings["encoding"] = name
        for suffix, text in (("inter", INTER), ("item", ITEM)):
            given.write(suffix, text.replace("i4", "ï4").encode(name))

    return spoil


SAME: dict[str, tuple[Spoil, Spoil]] = {
    "CR LF": (
        lambda _: None,
        lambda g: (g.write("inter", INTER.replace("\n", "\r\n")), g.write("item", ITEM.replace("\n", "\r\n"))),
    ),
    "a byte order mark": (
        lambda _: None,
        lambda g: (g.write("inter", "\ufeff" + INTER), g.write("item", "\ufeff" + ITEM)),
    ),
    "milliseconds": (lambda _: None, lambda g: g.write("inter", re.sub(r"\t(100\d)\n", r"\t\g<1>000\n", INTER))),
    "empty lines": (
        lambda _: None,
        lambda g: (g.write("inter", INTER.replace("\nu3", "\n\nu3")), g.write("item", ITEM + "\n\n")),
    ),
    "no last line end": (lambda _: None, lambda g: g.write("inter", INTER[:-1])),
    "commas": (
        lambda _: None,
        lambda g: (
            g.write("inter", INTER.replace("\t", ",")),
            g.write("item", ITEM.replace("\t", ",")),
            g.settings.update(field_separator="','"),
        ),
    ),
    "Latin-1": (in_encoding("utf-8"), in_encoding("latin-1")),
    "UTF-16": (in_encoding("utf-8"), in_encoding("utf-16")),
}


@pytest.mark.parametrize("name", SAME)
def test_another_way_to_write_the_same_gives_the_same(name, tmp_path):
    one, other = SAME[name]
    assert results(tmp_path / "one", one) == results(tmp_path / "other", other)


def test_names_are_taken_as_they_are_written(tmp_path):
    """A quote swallows nothing, and a user called NA is a user."""
    given = Given(tmp_path)
    strange = ['"i0', "NA", 'say "x"', "null", "'", '""', "nan", " i7", "i8 ", "\ufeffi9"]
    for suffix, text in (("inter", INTER), ("item", ITEM)):
        for plain, name in zip(ITEMS, strange):
            text = re.sub(rf"(^|\t){plain}\t", lambda found, name=name: f"{found[1]}{name}\t", text, flags=re.MULTILINE)
        given.write(suffix, text.replace("u0\t", "None\t").replace("u1\t", '"u1\t'))
    assert given.run() == 0
    (run,) = (tmp_path / "runs").iterdir()
    assert set(json.loads((run / "sids.json").read_text())) == set(strange)
