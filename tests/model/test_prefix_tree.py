from __future__ import annotations

import pytest
import torch

from recbole_adasid.model.prefix_tree import PrefixTree, lexicographic_order

TOKENS = torch.tensor([[1, 0], [2, 1], [1, 0], [0, 1], [1, 2]])
TREE = PrefixTree(TOKENS, [4, 3])


def test_children_of_the_root_are_the_first_codes_in_use() -> None:
    child, code, exists = TREE.expand(0, torch.tensor([0]))
    assert code[exists].tolist() == [0, 1, 2]
    assert child[exists].tolist() == [0, 1, 2]


def test_children_of_inner_nodes_equal_a_literal_dictionary() -> None:
    torch.manual_seed(0)
    tokens = torch.randint(5, (60, 4))
    tree = PrefixTree(tokens, [5, 5, 5, 5])
    prefixes: list[tuple[int, ...]] = [()]
    for level in range(4):
        child, code, exists = tree.expand(level, torch.arange(len(prefixes)))
        following = sorted({tuple(row[: level + 1]) for row in tokens.tolist()})
        for node, prefix in enumerate(prefixes):
            expected = [p[-1] for p in following if p[:-1] == prefix]
            assert code[node][exists[node]].tolist() == expected
            found = [following[c] for c in child[node][exists[node]].tolist()]
            assert found == [(*prefix, c) for c in expected]
        nodes = torch.arange(len(following))
        assert [prefixes[p] for p in tree.parents(level + 1, nodes).tolist()] == [p[:-1] for p in following]
        assert tree.codes(level + 1, nodes).tolist() == [p[-1] for p in following]
        prefixes = following


def test_a_sid_is_found_with_its_items_in_ascending_order() -> None:
    assert TREE.items(int(TREE.find(torch.tensor([1, 0])))).tolist() == [1, 3]
    assert TREE.items(int(TREE.find(torch.tensor([1, 2])))).tolist() == [5]


def test_sids_that_no_item_has_are_not_found() -> None:
    # [0, 3] and [2, -1] have the key of [1, 0] and of [1, 2]
    absent = torch.tensor([[3, 0], [1, 1], [0, 0], [2, 2], [1, -1], [0, 4], [-1, 0], [0, 3], [2, -1]])
    assert TREE.find(absent).tolist() == [-1] * len(absent)


def test_rows_are_ordered_as_python_orders_lists() -> None:
    torch.manual_seed(0)
    for sizes in ([3, 2, 4], [65_536] * 8):  # the keys of the latter exceed 64 bits
        tokens = torch.stack([torch.randint(min(size, 3), (50,)) * (size // 3) for size in sizes], dim=1)
        rows = tokens.tolist()
        assert lexicographic_order(tokens, sizes).tolist() == sorted(range(50), key=lambda row: (rows[row], row))


def some_tree() -> tuple[PrefixTree, list[list[int]], list[int]]:
    """A tree of 50 items, their SIDs and their ids."""
    random = torch.Generator().manual_seed(1)
    sizes = [4, 3, 5]
    tokens = torch.stack([torch.randint(size, (50,), generator=random) for size in sizes], dim=1)
    ids = torch.randperm(200, generator=random)[:50].sort().values
    return PrefixTree(tokens, sizes, ids), tokens.tolist(), ids.tolist()


def prefixes_of(rows: list[list[int]], depth: int) -> list[list[int]]:
    return [list(prefix) for prefix in sorted({tuple(row[:depth]) for row in rows})]


def test_every_prefix_has_the_items_that_begin_with_it() -> None:
    tree, rows, ids = some_tree()
    on_the_way = tree.path(torch.tensor(rows))
    for depth in range(4):
        prefixes = prefixes_of(rows, depth)
        items = [[item for item, row in zip(ids, rows) if row[:depth] == prefix] for prefix in prefixes]
        first, last = tree.item_range(depth, torch.arange(len(prefixes)))
        assert [sorted(tree.leaf_items[a:b].tolist()) for a, b in zip(first, last)] == items
        if depth:
            assert [prefixes[node] for node in on_the_way[depth - 1].tolist()] == [row[:depth] for row in rows]
            nodes = torch.arange(len(prefixes))
            assert tree.codes(depth, nodes).tolist() == [prefix[-1] for prefix in prefixes]
            above = prefixes_of(rows, depth - 1)
            assert [above[node] for node in tree.parents(depth, nodes)] == [prefix[:-1] for prefix in prefixes]
    assert [tree.items(leaf).tolist() for leaf in range(len(items))] == items


def test_a_node_has_room_for_as_many_children_as_any_of_its_depth() -> None:
    tree, rows, _ = some_tree()
    for depth in range(3):
        prefixes, following = prefixes_of(rows, depth), prefixes_of(rows, depth + 1)
        counts = [sum(one[:depth] == prefix for one in following) for prefix in prefixes]
        child, _, exists = tree.expand(depth, torch.arange(len(prefixes)))
        assert exists.sum(1).tolist() == counts
        assert child.shape == (len(prefixes), max(counts)) and tree.fan_outs[depth] == max(counts)
        assert tree.n_nodes[depth] == len(prefixes) and int(child.max()) == len(following) - 1


def test_a_way_ends_where_no_item_goes_on() -> None:
    nodes = torch.stack(TREE.path(torch.tensor([[1, 1], [3, 0], [2, 1], [1, 2]])), dim=1)
    assert nodes.tolist() == [[1, -1], [-1, -1], [2, 3], [1, 2]]


def test_a_tree_belongs_to_no_checkpoint() -> None:
    assert not TREE.state_dict()


def test_many_levels_of_large_codebooks_do_not_overflow() -> None:
    torch.manual_seed(0)
    tokens = torch.randint(65536, (100, 8))
    tree = PrefixTree(tokens, [65536] * 8)
    items = [tree.items(leaf).tolist() for leaf in tree.find(tokens).tolist()]
    assert items == [[item] for item in range(1, 101)]


def test_arrays_are_as_narrow_as_their_values_allow_and_answers_are_not() -> None:
    wide = PrefixTree(torch.randint(65536, (300_000, 2), generator=torch.Generator().manual_seed(0)), [65536] * 2)
    assert {name: str(buffer.dtype) for name, buffer in wide.named_buffers() if buffer.dtype != torch.int32} == {
        "keys_1": "torch.int64"  # parents · 65,536
    }
    for tree in (TREE, wide):
        nodes = torch.tensor([0, 1])
        child, code, _ = tree.expand(1, nodes)
        answers = [child, code, tree.parents(1, nodes), tree.codes(1, nodes), tree.items(0)]
        answers += [*tree.item_range(1, nodes), *tree.path(torch.tensor([[1, 0], [65_535, 2**40]]))]
        assert {answer.dtype for answer in answers} == {torch.int64}


@pytest.mark.parametrize(("key", "dtype"), [(2**31 - 1, torch.int32), (2**31, torch.int64)])
def test_the_largest_key_decides_how_wide_an_array_is(key: int, dtype: torch.dtype) -> None:
    tree = PrefixTree(torch.tensor([[key]]), [2**32])
    assert tree.get_buffer("keys_0").dtype == dtype and tree.find(torch.tensor([key])).tolist() == 0


def test_codes_that_float32_cannot_tell_apart_are_found() -> None:
    codes = torch.tensor([[2**24 + 1], [2**24], [7]])
    assert PrefixTree(codes, [2**25]).find(codes).tolist() == [2, 1, 0]


def test_children_are_found_by_their_codes_and_leaves_are_counted() -> None:
    tree, rows, _ = some_tree()
    sids = sorted({tuple(row) for row in rows})
    for depth, size in enumerate(tree.level_sizes):
        prefixes = prefixes_of(rows, depth)
        longer = prefixes_of(rows, depth + 1)
        for node, prefix in enumerate(prefixes):
            below = [sid for sid in sids if list(sid[:depth]) == prefix]
            assert tree.n_leaves(depth, torch.tensor([node])).tolist() == [len(below)]
            for code in range(-1, size + 1):
                wanted = longer.index([*prefix, code]) if [*prefix, code] in longer else -1
                assert tree.child(depth, torch.tensor([node]), torch.tensor([code])).tolist() == [wanted]
