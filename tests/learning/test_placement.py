"""New items find a Semantic ID beside those of a catalogue, as a loop over items and suffixes would find it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from recbole_adasid.learning import placement
from recbole_adasid.learning.placement import matching, place

Rows = list[list[int]]


def by_loops(codes: Rows, present: Rows, suffixes: int, ranked: list[list[int]]) -> tuple[Rows, list[int]]:
    """First all items whose own place is free, then the others, each trying one last code after the other."""
    taken = {tuple(row) for row in present}
    placed: list[list[int] | None] = [None] * len(codes)
    for row, code in enumerate(codes):
        for suffix in range(suffixes):
            if (*code, suffix) not in taken:
                placed[row] = [*code, suffix]
                taken.add((*code, suffix))
                break
    moved = [row for row, found in enumerate(placed) if found is None]
    for row in moved:
        free = ((last, suffix) for last in ranked[row] for suffix in range(suffixes))
        last, suffix = next(one for one in free if (*codes[row][:-1], *one) not in taken)
        placed[row] = [*codes[row][:-1], last, suffix]
        taken.add(tuple(placed[row]))  # type: ignore[arg-type]
    return placed, moved  # type: ignore[return-value]


def catalogue(n_items: int, sizes: tuple[int, ...], seed: int) -> Tensor:
    """Codes and, as suffix, how many items of the same codes come before."""
    codes = torch.stack([torch.randint(size, (n_items,)) for size in sizes], dim=1)
    suffix = [sum(torch.equal(codes[other], codes[row]) for other in range(row)) for row in range(n_items)]
    return torch.cat([codes, torch.tensor(suffix)[:, None]], dim=1)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("room", [0, 2])
def test_places_are_those_that_loops_find(seed: int, room: int) -> None:
    torch.manual_seed(seed)
    present = catalogue(30, (3, 2, 6), seed)
    suffixes = int(present[:, -1].max()) + 1 + room
    codes = torch.stack([torch.randint(size, (20,)) for size in (3, 2, 6)], dim=1)
    ranked = torch.stack([torch.randperm(6) for _ in range(20)])
    placement = place(codes, present, suffixes, lambda rows: ranked[rows])
    expected, moved = by_loops(codes.tolist(), present.tolist(), suffixes, ranked.tolist())
    assert placement.tokens.tolist() == expected and placement.moved.tolist() == moved
    everything = torch.cat([present, placement.tokens])
    assert len(torch.unique(everything, dim=0)) == 50


def test_many_items_of_the_same_codes_fill_one_group_and_move_on() -> None:
    present = torch.tensor([[1, 0, 0]])
    placement = place(torch.tensor([[1, 0]] * 5), present, 2, lambda rows: torch.tensor([[0, 2, 1]] * len(rows)))
    assert placement.tokens.tolist() == [[1, 0, 1], [1, 2, 0], [1, 2, 1], [1, 1, 0], [1, 1, 1]]
    assert placement.moved.tolist() == [1, 2, 3, 4]


def test_a_suffix_below_the_largest_is_nobody_else_s() -> None:
    present = torch.tensor([[0, 0, 2], [0, 1, 1], [0, 1, 4]])
    codes = torch.tensor([[0, 0], [0, 1], [0, 0], [0, 2]])
    roomy = place(codes, present, 9, lambda rows: pytest.fail("nobody moves"))
    assert roomy.tokens.tolist() == [[0, 0, 3], [0, 1, 5], [0, 0, 4], [0, 2, 0]]
    narrow = place(codes, present, 5, lambda rows: torch.tensor([[1, 0, 2]] * len(rows)))
    assert narrow.tokens.tolist() == [[0, 0, 3], [0, 2, 1], [0, 0, 4], [0, 2, 0]] and narrow.moved.tolist() == [1]


def test_items_without_a_place_are_told_and_the_others_get_theirs() -> None:
    present = torch.tensor([[0, 0, 0], [0, 1, 0], [1, 1, 0]])
    codes = torch.tensor([[1, 0], [0, 1], [1, 1], [1, 0]])
    placement = place(codes, present, 1, lambda rows: torch.tensor([[1, 0]] * len(rows)))
    assert placement.unplaced.tolist() == [1, 2, 3] and len(placement.moved) == 0
    assert placement.tokens.tolist() == [[1, 0, 0], [0, 1, 1], [1, 1, 1], [1, 0, 1]]
    roomier = place(codes, present, 2, lambda rows: torch.tensor([[1, 0]] * len(rows)))
    assert roomier.tokens.tolist() == [[1, 0, 0], [0, 1, 1], [1, 1, 1], [1, 0, 1]]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("columns", [0, 1, 3])
def test_equal_rows_are_found_as_a_loop_finds_them(seed: int, columns: int) -> None:
    torch.manual_seed(seed)
    rows, others = torch.randint(4, (6, columns)), torch.randint(5, (40, columns))
    number, found, of_found = matching(rows, others)
    mine = [tuple(row) for row in rows.tolist()]
    for row, code in enumerate(mine):
        assert [other == code for other in mine] == (number == number[row]).tolist()
    expected = [place for place, row in enumerate(others.tolist()) if tuple(row) in mine]
    assert found.tolist() == expected
    for place_, one in zip(expected, of_found.tolist()):
        assert int(number[mine.index(tuple(others[place_].tolist()))]) == one


def test_large_codes_do_not_overflow() -> None:
    rows = torch.tensor([[65_535] * 8, [65_535] * 7 + [0]])
    number, found, of_found = matching(rows, torch.cat([rows.flip(0), rows[:1] - 1]))
    assert found.tolist() == [0, 1] and of_found.tolist() == number.flip(0).tolist()


def test_shared_semantic_ids_need_no_place() -> None:
    codes = torch.tensor([[1, 0], [1, 0]])
    placement = place(codes, torch.tensor([[1, 0]]), None, lambda rows: pytest.fail("nobody moves"))
    assert placement.tokens.tolist() == codes.tolist() and len(placement.moved) == 0


class Halves:
    """A tokenizer of two levels whose latent is its input, with one call recorded a block."""

    codebook_sizes = (2, 5)

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(0)
        self.books = [torch.randn(size, 4, generator=generator) for size in self.codebook_sizes]
        self.blocks: list[int] = []

    def latent(self, features: Tensor) -> Tensor:
        return features

    def quantized(self, codes: Tensor) -> Tensor:
        self.blocks.append(len(codes))
        return self.books[0][codes[:, 0]] + self.books[1][codes[:, 1]]


@pytest.mark.parametrize("at_once", [1, 65, 2**23])
def test_last_codes_are_ranked_by_distance_in_blocks_of_bounded_memory(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placement, "_VALUES_AT_ONCE", at_once)
    tokenizer = Halves()
    features = torch.randn(7, 4, generator=torch.Generator().manual_seed(1))
    codes = torch.tensor([[0, 0], [1, 3]])[torch.arange(7) % 2]
    ranked = placement.ranked_last_codes(tokenizer, features, codes)  # type: ignore[arg-type]
    for values, (first, _), found in zip(features, codes.tolist(), ranked.tolist()):
        distance = [float((tokenizer.books[0][first] + last - values).square().sum()) for last in tokenizer.books[1]]
        assert found == sorted(range(5), key=distance.__getitem__)
    assert max(tokenizer.blocks) * 4 <= max(at_once, 5 * 4)
