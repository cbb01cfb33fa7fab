"""Bad input that can be repaired: the job says what it did, and completes."""

from __future__ import annotations

import re

import numpy as np
import pytest

from bad_input import (
    INTER,
    ITEM,
    ITEMS,
    ROWS,
    VECTORS,
    Given,
    Spoil,
    content,
    item,
    rated,
    rows,
    settings,
    vectors,
)

IDENTICAL = "item_id:token\ttitle:token\n" + "".join(f"{name}\tthe same\n" for name in ITEMS)
REPAIRED: dict[str, tuple[Spoil, str]] = {
    "inter: byte order mark": (content("inter", "\ufeff" + INTER), r"tiny.inter starts with a byte order mark"),
    "item: byte order mark": (content("item", "\ufeff" + ITEM), r"tiny.item starts with a byte order mark"),
    "inter: seconds and milliseconds": (
        content("inter", INTER.replace("\t100", "\t150000000").replace("u0\ti4\t1500000004", "u0\ti4\t1500000004000")),
        r"mixes seconds and milliseconds in timestamp, first on line 6",
    ),
    "inter: one time for all": (
        content("inter", re.sub(r"\t100\d\n", "\t1\n", INTER)),
        r"every timestamp is 1, so the file order decides",
    ),
    "inter: gaps in a column that filters": (
        rated(val_interval="{rating: '[1,5]'}"),
        r"val_interval dropped 14 interactions without a rating\.[^\0]*Filters kept 56 of 70 interactions",
    ),
    "inter: gaps in a column that is loaded": (
        rated(),
        r"14 of 70 interactions have no rating; RecBole fills in the mean",
    ),
    "inter: gaps that another filter leaves": (
        rated(val_interval="{timestamp: '[1002,1004]'}"),
        r"14 of 42 interactions have no rating; RecBole fills in the mean",
    ),
    "item: an item twice, loaded by RecBole": (
        lambda given: (
            given.write("item", ITEM + "i3\tmore\n"),
            vectors()(given),
            given.settings.update(load_col="{inter: [user_id, item_id, timestamp], item: [item_id]}"),
        ),
        r"1 lines repeat an earlier item_id, first 'i3': the first line of each is kept",
    ),
    "item: titles without a word": (
        content("item", re.sub(r"\tthing.*", "\t-", ITEM)),
        r"vectors of all 10 items are equal",
    ),
    "item: items without text": (item("i4\tthing number i4\n", ""), r"1 of 10 items have no text, first 'i4'"),
    "item: items without interactions": (
        content("item", ITEM + "zz\tunsold\n"),
        r"1 items of the .item file have no inter",
    ),
    "features: zero vectors": (
        vectors(embedding=VECTORS * (np.arange(10) > 1)[:, None]),
        r"2 of 10 .* zero vector, first 'i0'",
    ),
    "features: all alike": (vectors(embedding=VECTORS * 0 + 1), r"vectors of all 10 items are equal"),
    "features: further items": (
        vectors(item_id=np.array([*ITEMS, "zz"]), embedding=VECTORS[[*range(10), 0]]),
        r"1 items are not in the dataset and are ignored",
    ),
    "users of one interaction": (
        rows(*ROWS, ("x", "i1", "1")),
        r"Skipped 1 users with one interaction",
    ),
    "users of two interactions": (
        rows(*[(f"u{n}", f"i{n + step}", str(step)) for n in range(8) for step in range(2)]),
        r"There is no validation and no test example",
    ),
    "a filter that drops interactions": (
        settings(item_inter_num_interval="[6,inf)"),
        r"Filters kept \d+ of 70 interactions",
    ),
    "one item": (
        rows(*[(f"u{n}", "i1", str(time)) for n in range(3) for time in range(5)]),
        r"With 1 items, metrics at 10",
    ),
    "two items": (
        rows(*[(f"u{n}", f"i{time % 2}", str(time)) for n in range(3) for time in range(5)]),
        r"With 2 items",
    ),
    "no item pairs": (
        rows(
            *[(f"u{n}", f"i{2 * n + time % 2}", str(time)) for n in range(5) for time in range(5)], tokenizer="adasid"
        ),
        r"pair_source=swing finds no item pairs",
    ),
    "more collisions than codewords": (
        content("item", IDENTICAL),
        r"10 items share one Semantic ID, more than a level",
    ),
}


@pytest.mark.parametrize("name", REPAIRED)
def test_what_can_be_repaired_is_said_and_the_job_completes(name, tmp_path, capfd):
    spoil, message = REPAIRED[name]
    given = Given(tmp_path)
    spoil(given)
    assert given.run() == 0
    said = "".join(capfd.readouterr())
    assert re.search(message, said), said
    assert "fills in the mean" in message or "fills in the mean" not in said
    assert "Settings, Semantic IDs, metrics and model are in" in said
