from __future__ import annotations

import torch

from recbole_adasid.compute.numbering import numbered_rows


def test_rows_have_one_number_where_they_are_equal() -> None:
    torch.manual_seed(0)
    table = torch.randint(3, (200, 3))
    assert numbered_rows(table).equal(torch.unique(table, dim=0, return_inverse=True)[1])


def test_rows_that_float32_cannot_tell_apart_have_numbers_of_their_own() -> None:
    assert numbered_rows(torch.tensor([[2**24 + 1, 0], [2**24, 0], [2**24 + 1, 0]])).tolist() == [1, 0, 1]
