"""Lookups of a bundle against loops over its items."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import recbole_adasid.bundle
from recbole_adasid.bundle import SIDBundle
from recbole_adasid.bundle.item_sids import as_item_sids


def below(bundle: SIDBundle, prefix: list[int]) -> list[str]:
    """Return the items whose sequence begins so, ordered by sequence, then row."""
    rows = [(sequence, row) for row, sequence in enumerate(bundle.sids.sequences.tolist())]
    return [bundle.tokens[row] for sequence, row in sorted(rows) if sequence[: len(prefix)] == prefix]


@pytest.fixture(params=["suffix", "shared"])
def any_bundle(request: pytest.FixtureRequest, bundle: SIDBundle) -> SIDBundle:
    if request.param == "suffix":
        return bundle
    sids = as_item_sids(bundle.tokens, bundle.codes, bundle.sids.level_sizes)
    return SIDBundle(sids, bundle.tokenizer, {}, bundle.about)


def test_items_below_every_prefix_there_is_and_some_there_are_not(any_bundle: SIDBundle) -> None:
    prefixes = {tuple(row[:length]) for row in any_bundle.sids.sequences.tolist() for length in range(len(row) + 1)}
    for prefix in [*prefixes, (9,), (-1,), (0, 99), (2**40, 0)]:
        assert any_bundle.items(prefix) == below(any_bundle, list(prefix))
    assert any_bundle.items() == below(any_bundle, [])


def test_codes_are_decoded_one_by_one_and_in_tables(any_bundle: SIDBundle) -> None:
    rows = [*any_bundle.codes.tolist(), [9, 9, 9]]
    expected = [below(any_bundle, row) for row in rows]
    assert [any_bundle.decode(row) for row in rows] == expected
    for table in (rows, np.array(rows), torch.tensor(rows), np.array(rows, dtype=np.int16)):
        assert any_bundle.decode(table) == expected
    assert any_bundle.decode(any_bundle.sids.sequences[5]) == below(any_bundle, any_bundle.sids.sequences[5].tolist())


def test_tokens_codes_and_items_lead_to_each_other(bundle: SIDBundle, features: np.ndarray) -> None:
    assert np.array_equal(bundle.encode(features), bundle.codes)
    assert np.array_equal(bundle.codes_of(["item 7", "item 2"]), bundle.codes[[7, 2]])
    for token, sequence in zip(bundle.tokens, bundle.sids.sequences.tolist()):
        assert bundle.decode(sequence) == [token]


def test_unseen_features_get_their_nearest_codewords(bundle: SIDBundle) -> None:
    features = torch.randn(5, 6, generator=torch.Generator().manual_seed(3))
    assert bundle.tokenizer is not None
    assert np.array_equal(bundle.encode(features.double().numpy()), bundle.tokenizer.encode(features).numpy())
    assert np.array_equal(bundle.encode(features.tolist()), bundle.encode(features))


def test_neighbours_of_an_item_and_of_codes(bundle: SIDBundle) -> None:
    found = bundle.nearest("item 4", 5)
    assert len(found) == 5 and "item 4" not in [one.item for one in found]
    assert found == sorted(found, key=lambda one: (-one.shared_levels, one.distance))
    (own, *_) = bundle.nearest(bundle.codes[4], 40)
    assert own.shared_levels == 3 and own.distance == pytest.approx(0, abs=1e-5)
    assert len(bundle.nearest("item 4", 99)) == 39
    without = SIDBundle(bundle.sids)
    assert {one.distance for one in without.nearest([0, 0, 0])} == {None}


WRONG: list[tuple[str, tuple[Any, ...], str]] = [
    ("codes_of", (["item 1", "nobody"],), "'nobody' is not among the 40 items"),
    ("encode", (np.zeros((2, 5)),), r"shape \[2, 5\].* rows of 6"),
    ("encode", (np.zeros(6),), r"shape \[6\]"),
    ("encode", ([[0, 0, np.inf, 0, 0, 0]],), "have inf in row 0, column 2"),
    ("decode", ([0, 0],), r"shape \[2\].* 3 codes, or 4 with the suffix"),
    ("decode", ([],), "items\\(\\) takes shorter prefixes"),
    ("decode", ([[[0, 0, 0]]],), r"shape \[1, 1, 3\]"),
    ("decode", ([0.0, 0.0, 0.0],), "whole numbers"),
    ("decode", ([[0, 0, 0], [0, 0]],), "whole numbers, the same number in every row"),
    ("items", ([0, 0, 0, 0, 0],), "not part of a Semantic ID"),
    ("items", ([[0]],), "not part of a Semantic ID"),
    ("items", (["0"],), "whole numbers"),
    ("nearest", ("nobody",), "'nobody' is not among"),
    ("nearest", ([0, 0],), r"codes \[0, 0\] do not fit the levels"),
    ("nearest", ([4, 0, 0],), r"which have \[4, 3, 5\] codewords"),
    ("nearest", ("item 1", 0), "k is 0"),
    ("nearest", ("item 1", 2.5), "k=2.5 has to be a whole number"),
    ("nearest", ("item 1", True), "k=True has to be a whole number"),
    ("codes_of", ("item 1",), "tokens is the text 'item 1': give a list of item tokens"),
]


@pytest.mark.parametrize(("method", "arguments", "message"), WRONG)
def test_wrong_questions_are_answered_by_a_sentence(method, arguments, message, bundle: SIDBundle) -> None:
    with pytest.raises(ValueError, match=message):
        getattr(bundle, method)(*arguments)


def test_a_bundle_without_a_tokenizer_says_so(bundle: SIDBundle) -> None:
    with pytest.raises(ValueError, match="no tokenizer, so it cannot encode"):
        SIDBundle(bundle.sids).encode(np.zeros((1, 6)))


def test_the_package_offers_the_bundle_and_nothing_else() -> None:
    with pytest.raises(AttributeError, match="it offers SIDBundle"):
        _ = recbole_adasid.bundle.Bundle
