"""The reader in every exported folder, on the arrays of a small catalogue."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from recbole_adasid.export.standalone.semantic_ids import Excluded, SemanticIds
from recbole_adasid.export.tree_arrays import tree_arrays
from recbole_adasid.model.prefix_tree import PrefixTree

SIZES = [3, 4, 2]
N = 20


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Items i1 … i20, some of which share a Semantic ID; i5 and i6 are not recommended."""
    torch.manual_seed(0)
    codes = torch.stack([torch.randint(size, (N,)) for size in SIZES], dim=1)
    items = torch.tensor([item for item in range(1, N + 1) if item not in (5, 6)])
    np.savez(tmp_path / "tree.npz", **tree_arrays(PrefixTree(codes[items - 1], SIZES, items)))
    rows = (codes + torch.tensor([1, 4, 8])).tolist()
    (tmp_path / "items.json").write_text(json.dumps({f"i{place}": row for place, row in enumerate(rows, start=1)}))
    (tmp_path / "export.json").write_text(json.dumps({"version": 1, "levels": 3, "max_history": 3}))
    return tmp_path


@pytest.fixture
def ids(folder: Path) -> SemanticIds:
    return SemanticIds(folder)


def present(ids: SemanticIds, exclude: set[str] | None = None) -> dict[str, tuple[int, ...]]:
    gone = {"i5", "i6", *(exclude or ())}
    return {item: tuple(ids.item_tokens[number].tolist()) for item, number in ids.numbers.items() if item not in gone}


def test_a_prefix_has_a_state_if_an_item_begins_with_it(ids: SemanticIds) -> None:
    known = {sid[:length] for sid in present(ids).values() for length in range(4)}
    assert {ids.state(prefix) for prefix in known} == set(range(len(known)))
    for other in ([0], [13], [1, 1], [1, 4, 4], [*next(iter(present(ids).values())), 1]):
        assert ids.state(other) == -1


def test_a_complete_prefix_has_its_items(ids: SemanticIds) -> None:
    for sid in present(ids).values():
        same = [ids.numbers[item] for item, other in present(ids).items() if other == sid]
        assert ids.items_at(ids.state(sid)) == same and ids.items_at(ids.state(sid[:2])) == []
    assert ids.items_at(-1) == []


@pytest.mark.parametrize("exclude", [None, [["i1", "i2", "i2", "i6"], [f"i{n}" for n in range(1, 15)], ["unknown"]]])
def test_tokens_are_allowed_that_lead_to_an_item_left(ids: SemanticIds, exclude: list[list[str]] | None) -> None:
    allowed = ids.prefix_allowed_tokens_fn(exclude)
    for user in range(3):
        left = present(ids, set(exclude[user]) if exclude else None)
        for prefix in {sid[:length] for sid in present(ids).values() for length in range(3)}:
            wanted = sorted({sid[len(prefix)] for sid in left.values() if sid[: len(prefix)] == prefix})
            assert allowed(user, torch.tensor([0, *prefix])) == (wanted or [0])
    assert allowed(0, torch.tensor([0, 12])) == [0]  # no item begins so


def test_what_is_left_is_counted_for_each_history(ids: SemanticIds) -> None:
    everything = [item for item in ids.numbers if item not in ("i5", "i6")]
    excluded = Excluded(ids, [everything, [], ["i1"]])
    root = np.zeros((3, 1), dtype=np.int64)
    assert excluded.left(np.arange(3)[:, None], root)[:, 0].tolist() == [0, 18, 17]


def test_histories_are_cut_padded_and_checked(ids: SemanticIds) -> None:
    items, lengths = ids.batch([["i1", "i2", "i3", "i4"], ["unknown", "i6"]])
    assert items.tolist() == [[2, 3, 4], [6, 0, 0]] and lengths.tolist() == [3, 1]
    with pytest.raises(ValueError, match="history 2 has no known item"):
        ids.batch([["i1"], ["unknown"]])


def test_sequences_become_items_best_first(ids: SemanticIds) -> None:
    groups: dict[tuple[int, ...], list[str]] = {}
    for item, sid in present(ids).items():
        groups.setdefault(sid, []).append(item)
    (one, pair) = sorted(groups, key=lambda sid: len(groups[sid]))[0], max(groups, key=lambda sid: len(groups[sid]))
    assert len(groups[one]) == 1 < len(groups[pair])
    sequences = torch.tensor([[0, *one], [0, *pair], [0, 0, 0, 0], [0, *one]])
    scores = torch.tensor([-2.0, -1.0, -5.0, -1e9])
    found = ids.ranked(sequences, scores, n_histories=1, k=9)
    assert found == [[*((item, -1.0) for item in groups[pair]), (groups[one][0], -2.0)]]
    first = groups[pair][0]
    (left,) = ids.ranked(sequences, scores, n_histories=1, k=1, exclude=[[first]])
    assert left == [(groups[pair][1], -1.0)]
    two = ids.ranked(sequences[:2], SimpleNamespace(tolist=lambda: [-1.0, -1.0]), n_histories=2, k=1)
    assert [[item for item, _ in row] for row in two] == [[groups[one][0]], [first]]


def test_another_version_is_refused(folder: Path) -> None:
    (folder / "export.json").write_text('{"version": 2}')
    with pytest.raises(ValueError, match="has version 2, but this file reads 1"):
        SemanticIds(folder)
