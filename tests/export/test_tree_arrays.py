"""Walking the arrays alone recovers the catalogue exactly, in our layout and in STATIC's."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from recbole_adasid.export import to_constraints, tree_arrays
from recbole_adasid.export.tree_arrays import Arrays, first_tokens
from recbole_adasid.model.prefix_tree import PrefixTree

CASES = {
    "many levels": ([3, 5, 4, 2], 40),
    "two levels": ([6, 7], 15),
    "one level": ([9], 6),
    "one item": ([2, 2, 2], 1),
    "levels without a choice": ([1, 3, 1], 8),
}


@pytest.fixture(params=CASES)
def tree(request: pytest.FixtureRequest) -> PrefixTree:
    """Half of the items of a random catalogue, some of which share a Semantic ID."""
    torch.manual_seed(0)
    sizes, n_items = CASES[request.param]
    codes = torch.stack([torch.randint(size, (2 * n_items,)) for size in sizes], dim=1)
    items = torch.randperm(2 * n_items)[:n_items].sort().values
    return PrefixTree(codes[items], list(sizes), items + 1)


def catalogue(tree: PrefixTree) -> dict[tuple[int, ...], list[int]]:
    """The items of each Semantic ID, as tokens, from the tree's own lookup."""
    sizes = tree.level_sizes
    everything = torch.cartesian_prod(*map(torch.arange, sizes)).view(-1, len(sizes))
    leaves = tree.find(everything).tolist()
    first = torch.tensor(first_tokens(sizes))
    return {
        tuple((first + codes).tolist()): tree.items(leaf).tolist()
        for codes, leaf in zip(everything, leaves)
        if leaf >= 0
    }


def walked(arrays: Arrays, state: int = 0, prefix: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], list[int]]]:
    """Yield every complete prefix with its items, using only what export.json says about the arrays."""
    first_leaf = arrays["level_starts"][-2]
    if state >= first_leaf:
        begin, end = arrays["leaf_pointers"][state - first_leaf : state - first_leaf + 2]
        yield prefix, arrays["leaf_items"][begin:end].tolist()
    for edge in range(*arrays["row_pointers"][state : state + 2]):
        yield from walked(arrays, int(arrays["next_states"][edge]), (*prefix, int(arrays["tokens"][edge])))


def test_walking_the_arrays_gives_the_catalogue(tree: PrefixTree) -> None:
    found = list(walked(tree_arrays.tree_arrays(tree)))
    assert dict(found) == catalogue(tree) and len(found) == tree.n_nodes[-1]
    assert [prefix for prefix, _ in found] == sorted(prefix for prefix, _ in found)


def test_states_count_the_items_below_them_and_lie_at_their_depth(tree: PrefixTree) -> None:
    arrays = tree_arrays.tree_arrays(tree)
    for depth in range(len(tree.level_sizes) + 1):
        begin, end = arrays["level_starts"][depth : depth + 2]
        below: dict[tuple[int, ...], int] = {}
        for prefix, items in catalogue(tree).items():
            below[prefix[:depth]] = below.get(prefix[:depth], 0) + len(items)
        assert arrays["items_below"][begin:end].tolist() == [below[prefix] for prefix in sorted(below)]


@pytest.mark.parametrize("module", [tree_arrays, to_constraints])
def test_every_array_is_described_with_its_type(module, tree: PrefixTree) -> None:
    arrays = tree_arrays.tree_arrays(tree)
    found = arrays if module is tree_arrays else to_constraints.static_arrays(arrays, 1 + sum(tree.level_sizes))
    assert {name: about.split(" ")[0] for name, about in module.MEANINGS.items()} == {
        name: str(values.dtype) for name, values in found.items()
    }


def test_the_table_of_static_leads_to_every_semantic_id_and_no_other(tree: PrefixTree) -> None:
    vocab_size, n_levels = 1 + sum(tree.level_sizes), len(tree.level_sizes)
    table = to_constraints.static_arrays(tree_arrays.tree_arrays(tree), vocab_size)
    beams = {(int(token),): int(table["dense_states"][token]) for token in table["start_mask"].nonzero()[0]}
    widest = [len(beams)]
    for _ in range(n_levels - 1):
        rows = {prefix: range(*table["indptr"][state : state + 2]) for prefix, state in beams.items()}
        widest.append(max(map(len, rows.values())))
        edges = [(prefix, table["packed_csr"][edge].tolist()) for prefix, row in rows.items() for edge in row]
        beams = {(*prefix, token): state for prefix, (token, state) in edges}
    assert beams.keys() == catalogue(tree).keys()
    assert table["layer_max_branches"].tolist() == widest
    if n_levels > 1:
        assert set(beams.values()) == {0}


def test_reading_past_a_state_of_static_s_table_stays_inside(tree: PrefixTree) -> None:
    vocab_size = 1 + sum(tree.level_sizes)
    table = to_constraints.static_arrays(tree_arrays.tree_arrays(tree), vocab_size)
    padding = table["packed_csr"][-vocab_size:]
    assert (padding == [vocab_size, 0]).all()
    assert table["indptr"][-1] == len(table["packed_csr"]) == table["indptr"][-2] + vocab_size
    assert table["indptr"][0] == table["indptr"][1] == 0  # the terminal state has no children
    between = sum(tree.n_nodes[2:-1])  # prefixes of 2 tokens and more that are not complete
    assert len(table["indptr"]) == vocab_size + between + 3


def test_the_table_of_static_is_that_of_a_catalogue_worked_out_by_hand() -> None:
    codes = torch.tensor([[0, 1], [2, 0], [2, 1], [2, 1]])
    arrays = tree_arrays.tree_arrays(PrefixTree(codes, [3, 2]))
    table = to_constraints.static_arrays(arrays, vocab_size=6)
    assert arrays["tokens"].tolist() == [1, 3, 5, 4, 5] and arrays["row_pointers"].tolist() == [0, 2, 3, 5, 5, 5, 5]
    assert table["packed_csr"][:3].tolist() == [[5, 0], [4, 0], [5, 0]]
    assert table["indptr"].tolist() == [0, 0, 0, 1, 1, 3, 3, 3, 9]
    assert table["dense_states"].tolist() == [0, 2, 0, 4, 0, 0]
    assert np.array_equal(table["start_mask"], [False, True, False, True, False, False])
