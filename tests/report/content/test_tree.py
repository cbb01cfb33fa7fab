from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from recbole_adasid.data.item_categories import Categories
from recbole_adasid.report.content import tree as module
from recbole_adasid.report.content.tree import Caps, prefix_tree

Node = dict[str, Any]


def titles(count: int) -> list[str]:
    return [f"title {row}" for row in range(count)]


def literal_tree(codes: list[list[int]], names: list[str]) -> list[Node]:
    def largest(rows: list[int], level: int) -> list[tuple[int, list[int]]]:
        below = {
            code: [row for row in rows if codes[row][level] == code] for code in {codes[row][level] for row in rows}
        }
        return sorted(below.items(), key=lambda node: (-len(node[1]), node[0]))

    def listed(rows: list[int]) -> list[list[str]]:
        ordered = sorted(rows, key=lambda row: codes[row])
        return [[names[row], "-".join(map(str, codes[row]))] for row in ordered]

    nodes = []
    for code, rows in largest(list(range(len(codes))), 0):
        below = [{"c": second, "n": len(own), "i": listed(own)} for second, own in largest(rows, 1)]
        nodes.append({"c": code, "n": len(rows), "e": [node["i"][0][0] for node in below[:3]], "b": below})
    return nodes


def test_a_small_catalogue_is_listed_whole() -> None:
    codes = np.random.default_rng(0).integers(4, size=(60, 3))
    found = prefix_tree(codes, titles(60), Categories([""] * 60))
    nodes = literal_tree(codes.tolist(), titles(60))
    assert found == {"items": 60, "listed": 60, "codes": 4, "names": [], "nodes": nodes}


def test_one_level_lists_items_below_the_first_code() -> None:
    found = prefix_tree(np.array([[2], [0], [2]]), titles(3), Categories([""] * 3))
    assert found["nodes"] == [
        {"c": 2, "n": 2, "i": [["title 0", "2"], ["title 2", "2"]]},
        {"c": 0, "n": 1, "i": [["title 1", "0"]]},
    ]


def test_nodes_name_their_typical_category_and_its_share_here_and_overall() -> None:
    codes = np.array([[0, 0], [0, 0], [0, 1], [1, 0]])
    found = prefix_tree(codes, titles(4), Categories(["a", "a", "b", "b"]))
    assert found["names"] == [["a", 50], ["b", 50]]
    first, second = found["nodes"]
    assert (first["k"], first["s"]) == (0, 67) and (second["k"], second["s"]) == (1, 100)
    assert [(node["k"], node["s"]) for node in first["b"]] == [(0, 100), (1, 100)]


def test_what_is_cut_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LADDER", (Caps(first=3, second=2, items=2),))
    codes = np.random.default_rng(0).integers(4, size=(60, 3))
    found = prefix_tree(codes, titles(60), Categories([""] * 60))
    whole = literal_tree(codes.tolist(), titles(60))
    assert [node["c"] for node in found["nodes"]] == [node["c"] for node in whole[:3]]
    for node, full in zip(found["nodes"], whole):
        assert node["n"] == full["n"] and node["h"] == [2, sum(child["n"] for child in full["b"][2:])]
        for child, everything in zip(node["b"], full["b"]):
            assert child["i"] == everything["i"][:2] and child["h"] == [0, everything["n"] - 2]
    assert found["listed"] == sum(len(child["i"]) for node in found["nodes"] for child in node["b"])


@pytest.mark.parametrize("levels", [(2, 300, 4), (300, 300, 4), (2000, 2, 2), (40_000,)])
def test_a_large_catalogue_fits_the_budget(levels: tuple[int, ...]) -> None:
    codes = np.random.default_rng(0).integers(levels, size=(40_000, len(levels)))
    found = prefix_tree(codes, ["ü" * 60] * 40_000, Categories([""] * 40_000), budget=200_000)
    size = len(json.dumps(found, ensure_ascii=False).encode())
    assert 20_000 < size <= 200_000
    assert found["items"] == 40_000 and 100 < found["listed"] < 5_000
    nodes = [one for node in found["nodes"] for one in (node, *node.get("b", []))]
    assert found["listed"] == sum(len(node.get("i", [])) for node in nodes)
