from __future__ import annotations

import pytest
import torch

from recbole_adasid.model.network.vocabulary import Vocabulary


def test_rows_are_padding_then_the_codes_of_every_level_then_hashed_users() -> None:
    vocabulary = Vocabulary(level_sizes=[4, 2], d_model=8, n_user_tokens=3)
    codes = torch.tensor([[0, 0], [3, 1]])
    assert vocabulary.token_ids(codes).tolist() == [[1, 5], [4, 6]]
    assert vocabulary.token_ids(codes[:, :1]).tolist() == [[1], [4]]
    assert vocabulary.user_ids(torch.tensor([0, 1, 5])).tolist() == [7, 8, 9]
    assert vocabulary.embedding.weight.shape == (10, 8) and list(vocabulary.state_dict()) == ["embedding.weight"]
    assert Vocabulary(level_sizes=[4, 2], d_model=8).embedding.weight.shape == (7, 8)


@pytest.mark.parametrize("level_sizes", [[], [4, 0]])
def test_a_level_without_codewords_is_refused(level_sizes: list[int]) -> None:
    with pytest.raises(ValueError, match="every level needs at least one codeword"):
        Vocabulary(level_sizes=level_sizes, d_model=8)
