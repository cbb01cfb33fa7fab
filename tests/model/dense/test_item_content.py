from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from recbole_adasid.model.dense import item_content
from recbole_adasid.model.dense.item_content import ItemContent, principal_directions

TRAINED = torch.tensor([False, True, True, False, True])
N = 30
COLD = [3, 17, 29]


def test_content_has_an_embedding_of_every_item_unless_it_is_switched_off() -> None:
    features, everything = torch.randn(4, 3), torch.arange(5)
    content = ItemContent(features, TRAINED, d_model=6)
    assert content.ids is not None and content.ids.weight.shape == (5, 6)
    assert content.train().drawn().equal(TRAINED)
    plain = ItemContent(features, TRAINED, d_model=6, id_embedding=False)
    assert plain.ids is None
    torch.testing.assert_close(plain(everything, TRAINED), plain.features.float() @ plain.map.weight.t())


def test_an_embedding_that_is_always_dropped_is_there_outside_training_alone() -> None:
    content = ItemContent(torch.randn(4, 3), TRAINED, d_model=6, id_dropout=1.0)
    assert not content.train().drawn().any() and content.eval().drawn().equal(TRAINED)
    with pytest.raises(ValueError, match=r"^id_dropout is -0\.1, it must lie between 0 and 1$"):
        ItemContent(torch.randn(4, 3), TRAINED, d_model=6, id_dropout=-0.1)


def test_new_content_is_drawn_so_that_a_vector_begins_with_the_map_of_its_features() -> None:
    torch.manual_seed(0)
    content = ItemContent(torch.randn(300, 400), torch.ones(301, dtype=torch.bool), d_model=50)
    assert content.ids is not None
    assert content.map.weight.std().item() == pytest.approx(400**-0.5, rel=0.05)
    assert content.ids.weight.std().item() == pytest.approx(0.02, rel=0.05)


@pytest.mark.parametrize("columns", [None, 2, 3])
def test_a_placeholder_has_the_shapes_of_what_fills_it(columns: int | None) -> None:
    trained = torch.tensor([False] + [True] * 4)
    content = ItemContent(torch.randn(4, 3), trained, d_model=6, columns=columns, id_dropout=0.25)
    empty = ItemContent.empty(4, 3, d_model=6, columns=columns, id_dropout=0.25)
    assert empty.id_dropout == 0.25 and empty.trained.equal(content.trained)
    shapes, own = ({n: (v.shape, v.dtype) for n, v in one.state_dict().items()} for one in (content, empty))
    assert own == shapes


def test_further_items_are_standardised_like_the_others_and_not_trained_on() -> None:
    content = ItemContent(torch.randn(4, 3) * 5 + 2, TRAINED, d_model=6)
    more = torch.randn(2, 3)
    wider = content.with_items(more)
    expected = ((more - content.mean) / content.deviation).half()
    assert wider.features.equal(torch.cat([content.features, expected]))
    assert wider.trained.tolist() == [*TRAINED.tolist(), False, False]
    assert content.features.shape == (5, 3) and content.trained.equal(TRAINED)


def test_features_are_standardised_by_the_items_that_are_trained_on() -> None:
    raw = torch.randn(N, 6) * 3 + 1
    trained = torch.ones(N + 1, dtype=torch.bool)
    trained[[0, *COLD]] = False
    content = ItemContent(raw, trained, d_model=16)
    warm = raw[trained[1:]]
    expected = (raw - warm.mean(0)) / ((warm - warm.mean(0)) ** 2).mean(0).sqrt()
    torch.testing.assert_close(content.features[1:].float(), expected, atol=1e-2, rtol=1e-2)
    assert not content.features[0].any()


@pytest.mark.parametrize("columns", [1, 3])
def test_features_are_reduced_to_the_principal_columns_of_the_items_that_are_trained_on(columns: int) -> None:
    raw = torch.randn(N, 6) @ torch.randn(6, 6)
    trained = torch.ones(N + 1, dtype=torch.bool)
    trained[[0, *COLD]] = False
    content = ItemContent(raw, trained, d_model=16, columns=columns)
    standard = ((raw - raw[trained[1:]].mean(0)) / raw[trained[1:]].std(0, correction=0)).double().numpy()
    expected = PCA(columns, svd_solver="full").fit(standard[trained[1:].numpy()]).transform(standard)
    scale = (expected[trained[1:].numpy()] ** 2).mean() ** 0.5
    found = content.features[1:].double().numpy()
    signs = np.sign((found * expected).sum(0))
    np.testing.assert_allclose(found, signs * expected / scale, atol=5e-3)
    assert not content.features[0].any() and content.map.weight.shape == (16, columns)
    later = content.with_items(raw[:2])
    torch.testing.assert_close(later.features[N + 1 :], content.features[1:3])


def test_columns_beyond_those_there_are_leave_the_features_as_they_are() -> None:
    raw, trained = torch.randn(N, 6), torch.arange(N + 1) > 0
    plain = ItemContent(raw, trained, d_model=16)
    for columns in (6, 7, None):
        content = ItemContent(raw, trained, d_model=16, columns=columns)
        assert content.directions is None and content.features.equal(plain.features)


def test_principal_directions_do_not_depend_on_the_order_of_items_or_how_many_are_read_at_once() -> None:
    features = torch.randn(50, 4)
    features -= features.mean(0)
    found = principal_directions([features], 3)
    torch.testing.assert_close(principal_directions([features.flip(0)], 3), found)
    torch.testing.assert_close(principal_directions(iter(features.split(16)), 3), found)


@pytest.mark.parametrize("columns", [None, 2])
def test_content_read_in_parts_is_that_read_at_once(columns: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = torch.randn(4, 3)
    whole = ItemContent(raw, TRAINED, d_model=6, columns=columns)
    monkeypatch.setattr(item_content, "_ROWS_AT_ONCE", 3)
    parts = ItemContent(raw, TRAINED, d_model=6, columns=columns)
    torch.testing.assert_close(parts.features, whole.features)


@pytest.mark.parametrize("columns", [None, 4])
def test_a_column_without_variance_among_trained_items_says_nothing_about_new_ones(columns: int | None) -> None:
    # A category that first comes with a new item, as one-hot features have it.
    raw = torch.cat([torch.randn(N, 5), torch.zeros(N, 1)], dim=1)
    content = ItemContent(raw, torch.arange(N + 1) > 0, d_model=16, columns=columns)
    new = raw[:2].clone()
    new[1, 5] = 1.0
    wider = content.with_items(torch.cat([new, raw[:1] * 1e30]))
    assert wider.features.isfinite().all()
    torch.testing.assert_close(wider.features[N + 1], content.features[1])
    torch.testing.assert_close(wider.features[N + 2], content.features[2])


def test_a_direction_without_variance_among_trained_items_says_nothing_about_new_ones() -> None:
    # A category's vector has as many directions as there are categories; a new category has another one.
    categories = torch.randn(6, 40)
    raw = categories[torch.randint(5, (N,), generator=torch.Generator().manual_seed(0))]
    content = ItemContent(raw, torch.arange(N + 1) > 0, d_model=16, columns=12)
    assert content.directions.shape == (12, 40) and content.directions.isfinite().all()
    learnt = content.features[1:].float().abs().amax(0) > 1e-3
    assert learnt.sum() == 4  # directions between five points
    new = content.with_items(categories[5:]).features[-1].float()
    assert new[learnt].abs().max() > 0.1 and not new[~learnt].any()
