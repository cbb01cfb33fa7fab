from __future__ import annotations

import pytest
import torch

from recbole_adasid.model.dense.item_content import ItemContent

TRAINED = torch.tensor([False, True, True, False, True])


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


def test_a_placeholder_has_the_shapes_of_what_fills_it() -> None:
    content = ItemContent(torch.randn(4, 3), torch.tensor([False] + [True] * 4), d_model=6, id_dropout=0.25)
    empty = ItemContent.empty(4, 3, d_model=6, id_dropout=0.25)
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
