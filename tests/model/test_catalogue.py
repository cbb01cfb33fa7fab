from __future__ import annotations

import pytest
import torch

from recbole_adasid.model.catalogue import Catalogue, collision_ranks

CODES = torch.tensor([[1, 0], [2, 1], [1, 0], [0, 1], [1, 0], [2, 1]])


def test_suffixes_number_colliding_items_in_item_order() -> None:
    catalogue = Catalogue(CODES, [3, 2], collision="suffix")
    assert catalogue.tokens.tolist() == [
        [0, 0, 0],
        [1, 0, 0],
        [2, 1, 0],
        [1, 0, 1],
        [0, 1, 0],
        [1, 0, 2],
        [2, 1, 1],
    ]
    assert catalogue.level_sizes == [3, 2, 3]


def test_suffixes_that_were_given_before_are_kept() -> None:
    given = torch.tensor([4, 0, 1, 0, 2, 3])
    catalogue = Catalogue(CODES, [3, 2], suffix=given)
    assert catalogue.tokens[1:, -1].equal(given.int()) and catalogue.level_sizes == [3, 2, 5]


def test_without_a_collision_the_suffix_level_has_one_token() -> None:
    assert Catalogue(CODES[:2], [3, 2]).level_sizes == [3, 2, 1]


def test_suffixes_equal_a_literal_count_over_items() -> None:
    torch.manual_seed(0)
    codes = torch.randint(3, (200, 3))
    seen: dict[tuple[int, ...], int] = {}
    expected = []
    for row in map(tuple, codes.tolist()):
        expected.append(seen.get(row, 0))
        seen[row] = expected[-1] + 1
    assert collision_ranks(codes).tolist() == expected


def test_tokens_take_four_bytes_and_models_keep_eight_as_before() -> None:
    catalogue = Catalogue(CODES, [3, 2])
    assert catalogue.tokens.dtype == torch.int32 and catalogue(torch.tensor([1, 2])).dtype == torch.int64
    assert catalogue.state_dict()["tokens"].dtype == torch.int64


def test_shared_collisions_leave_the_codes_as_they_are() -> None:
    catalogue = Catalogue(CODES, [3, 2], collision="shared")
    assert catalogue.tokens[1:].tolist() == CODES.tolist()
    assert catalogue.level_sizes == [3, 2]
    leaf = catalogue.tree.find(torch.tensor([1, 0]))
    assert catalogue.tree.items(int(leaf)).tolist() == [1, 3, 5]


def test_a_changed_catalogue_knows_all_items_and_finds_those_that_are_recommended() -> None:
    catalogue = Catalogue(CODES, [3, 2])
    more, recommended = torch.tensor([[2, 0, 0], [0, 0, 1]]), torch.tensor([1, 4, 7, 8])
    changed = catalogue.changed(more, recommended)
    assert changed.tokens.tolist() == [*catalogue.tokens.tolist(), *more.tolist()]
    assert changed.tokens.dtype == torch.int32 and changed.n_items == 8 and changed.collision == "suffix"
    assert changed.level_sizes == catalogue.level_sizes and list(changed.state_dict()) == ["tokens"]
    leaves = changed.tree.find(changed(torch.arange(1, 9)))
    found = [changed.tree.items(leaf).tolist() if leaf >= 0 else [] for leaf in leaves.tolist()]
    assert found == [[1], [], [], [4], [], [], [7], [8]]
    assert catalogue.n_items == 6 and catalogue.tree.find(catalogue.tokens[1:]).tolist() == [1, 4, 2, 0, 3, 5]


def test_the_tree_of_some_items_has_those_alone() -> None:
    tree = Catalogue(CODES, [3, 2], collision="shared").tree_of(torch.tensor([2, 3, 5]))
    assert tree.leaf_items.tolist() == [3, 5, 2] and tree.level_sizes == [3, 2]
    assert tree.items(0).tolist() == [3, 5] and tree.items(1).tolist() == [2]


@pytest.mark.parametrize("collision", ["suffix", "shared"])
def test_a_placeholder_becomes_the_saved_catalogue(collision: str) -> None:
    saved = Catalogue(CODES, [3, 2], collision=collision)
    loaded = Catalogue.empty(len(CODES), saved.level_sizes, collision)
    assert Catalogue.empty(len(CODES), saved.level_sizes).collision == "suffix"
    loaded.load_state_dict(saved.state_dict())
    assert loaded.tokens.equal(saved.tokens)
    assert loaded.collision == collision
    assert list(saved.state_dict()) == ["tokens"]
    sids = saved.tokens[1:]
    assert loaded.tree.find(sids).equal(saved.tree.find(sids))
    assert loaded.tree.leaf_items.equal(saved.tree.leaf_items)


@pytest.mark.parametrize(
    ("codes", "sizes", "collision", "message"),
    [
        (CODES, [3, 2], "drop", "Unknown collision 'drop'.* Valid are: shared, suffix"),
        (CODES, [3, 2, 2], "suffix", r"shape \(6, 2\), expected a row per item and 3 columns"),
        (CODES[:0], [3, 2], "suffix", "expected a row per item"),
        (CODES, [2, 2], "suffix", "item 2 has code 2 at level 0, whose codebook has 2"),
        (CODES - 1, [3, 2], "suffix", "item 1 has code -1 at level 1"),
    ],
)
def test_bad_input_is_refused_with_the_place_and_the_remedy(
    codes: torch.Tensor, sizes: list[int], collision: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Catalogue(codes, sizes, collision=collision)
