"""Generated Semantic IDs make a catalogue, or are refused in a sentence of ours."""

from __future__ import annotations

import pytest
import torch

pytest.importorskip("hypothesis")
from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from generated_input import cases, passes_or_says_why  # noqa: E402
from recbole_adasid.model.catalogue import Catalogue  # noqa: E402
from recbole_adasid.tokenizer.quality import sid_quality  # noqa: E402


@cases(130)
@given(
    codes=st.lists(st.lists(st.integers(0, 2) | st.integers(-1, 3), min_size=2, max_size=2), max_size=12),
    sizes=st.sampled_from([[3, 3], [4, 4], [3, 5]]) | st.lists(st.integers(0, 4), min_size=1, max_size=3),
    collision=st.sampled_from(["suffix", "shared", "suffix", "shared", "both"]),
)
def test_catalogues_are_built_or_refused(codes, sizes, collision):
    table = torch.tensor(codes, dtype=torch.int64).reshape(-1, 2)
    catalogue = passes_or_says_why(lambda: Catalogue(table, sizes, collision=collision))
    if catalogue is not None:
        assert catalogue.n_items == len(codes) and sid_quality(table.numpy(), sizes)
        leaves = catalogue.tree.find(catalogue.tokens[1:])
        assert all(item in catalogue.tree.items(int(leaf)) for item, leaf in enumerate(leaves, start=1))
