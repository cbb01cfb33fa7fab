from __future__ import annotations

import json

import numpy as np

from recbole_adasid.report.content.groups import SHOWN_TITLES, collision_groups


def test_groups_are_those_of_equal_codes_the_largest_first() -> None:
    codes = np.random.default_rng(0).integers(3, size=(40, 3))
    titles = [f"t{row}" for row in range(40)]
    literal: dict[tuple[int, ...], list[str]] = {}
    for row, sid in enumerate(map(tuple, codes.tolist())):
        literal.setdefault(sid, []).append(titles[row])
    expected = sorted(
        ((sid, own) for sid, own in literal.items() if len(own) > 1), key=lambda group: (-len(group[1]), group[0])
    )
    found = collision_groups(codes, titles)
    assert found["groups"] == len(expected) and found["items"] == sum(len(own) for _, own in expected)
    assert found["shown"] == [{"s": "-".join(map(str, sid)), "n": len(own), "t": own} for sid, own in expected]


def test_one_huge_group_and_many_groups_are_cut_and_counted() -> None:
    codes = np.r_[np.zeros(5000, dtype=np.int64), np.repeat(np.arange(1, 5001), 2)][:, None]
    found = collision_groups(codes, ["title"] * len(codes), budget=20_000)
    assert (found["groups"], found["items"]) == (5001, 15_000)
    assert found["shown"][0] == {"s": "0", "n": 5000, "t": ["title"] * SHOWN_TITLES}
    assert len(json.dumps(found["shown"])) < 25_000 and 100 < len(found["shown"]) < 5000


def test_codes_of_their_own_make_no_group() -> None:
    assert collision_groups(np.arange(4)[:, None], list("abcd")) == {"groups": 0, "items": 0, "shown": []}
