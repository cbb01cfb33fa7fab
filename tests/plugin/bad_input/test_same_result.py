"""Different ways to write the same dataset give the same Semantic IDs and metrics."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable
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


def plainly(_: Given) -> None:
    pass


IN_UTF_8 = in_encoding("utf-8")
SAME: dict[str, tuple[Spoil, Spoil]] = {
    "CR LF": (
        plainly,
        lambda g: (g.write("inter", INTER.replace("\n", "\r\n")), g.write("item", ITEM.replace("\n", "\r\n"))),
    ),
    "a byte order mark": (
        plainly,
        lambda g: (g.write("inter", "\ufeff" + INTER), g.write("item", "\ufeff" + ITEM)),
    ),
    "milliseconds": (plainly, lambda g: g.write("inter", re.sub(r"\t(100\d)\n", r"\t\g<1>000\n", INTER))),
    "empty lines": (
        plainly,
        lambda g: (g.write("inter", INTER.replace("\nu3", "\n\nu3")), g.write("item", ITEM + "\n\n")),
    ),
    "no last line end": (plainly, lambda g: g.write("inter", INTER[:-1])),
    "commas": (
        plainly,
        lambda g: (
            g.write("inter", INTER.replace("\t", ",")),
            g.write("item", ITEM.replace("\t", ",")),
            g.settings.update(field_separator="','"),
        ),
    ),
    "Latin-1": (IN_UTF_8, in_encoding("latin-1")),
    "UTF-16": (IN_UTF_8, in_encoding("utf-16")),
}


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Spoil], list[str]]:
    """A function that gives the results of one way to write the dataset, computed once."""
    return functools.cache(lambda spoil: results(tmp_path_factory.mktemp("expected"), spoil))


@pytest.mark.parametrize("name", SAME)
def test_another_way_to_write_the_same_gives_the_same(name, expected, tmp_path):
    one, other = SAME[name]
    assert expected(one) == results(tmp_path, other)


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
