"""A tiny catalogue with collisions, a tiny network on it, and a few histories."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from recbole_adasid.model.catalogue import Catalogue
from recbole_adasid.model.tiger import TIGERModel
from small_tiger import small_network


def build_model(collision: str = "suffix", n_user_tokens: int = 0, n_items: int = 30, seed: int = 0) -> TIGERModel:
    """Return a random model in evaluation mode; some of its items collide."""
    torch.manual_seed(seed)
    codes = torch.randint(4, (n_items, 3))
    codes[4::5] = codes[3::5][: len(codes[4::5])]
    catalogue = Catalogue(codes, [4, 4, 4], collision=collision)
    network = small_network(catalogue, dropout=0.1, n_user_tokens=n_user_tokens)
    return TIGERModel(network=network, catalogue=catalogue).eval()


@pytest.fixture
def histories() -> tuple[Tensor, Tensor]:
    """Item ids [4, 6], padded on the right, and lengths [4]."""
    torch.manual_seed(1)
    lengths = torch.tensor([6, 1, 4, 3])
    items = torch.randint(1, 31, (4, 6))
    return items * (torch.arange(6) < lengths[:, None]), lengths


@pytest.fixture
def make_model() -> Callable[..., TIGERModel]:
    return build_model


@pytest.fixture
def model() -> TIGERModel:
    return build_model()
