from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from recbole_adasid.model.catalogue import Catalogue
from recbole_adasid.model.network.stack import Tree
from recbole_adasid.model.tiger import TIGERModel
from small_tiger import small_network

Histories = tuple[Tensor, Tensor]
TARGETS = torch.tensor([3, 8, 30, 1])


def test_the_loss_is_the_mean_negative_log_probability_of_the_targets_tokens(
    model: TIGERModel, histories: Histories
) -> None:
    loss = model.training_loss(*histories, TARGETS)
    n_levels = len(model.catalogue.level_sizes)
    torch.testing.assert_close(loss, -model.score_targets(*histories, TARGETS).mean() / n_levels)


def test_decoding_with_the_cache_equals_decoding_the_whole_sequence(model: TIGERModel, histories: Histories) -> None:
    network = model.network
    with torch.no_grad():
        memory = network.encode(model.catalogue(histories[0]), histories[1])
        ids = torch.nn.functional.pad(network.vocabulary.token_ids(model.catalogue(TARGETS)), (1, 0))
        whole = network.decode(ids, Tree.sequence(5, ids.device), memory)
        caches = network.new_caches(capacity=5)
        for step in range(5):
            depths = torch.arange(step + 1)
            tree = Tree(depths[-1:], depths, torch.ones(1, step + 1, dtype=torch.bool))
            hidden = network.decode(ids[:, step : step + 1], tree, memory, caches)
            torch.testing.assert_close(hidden[:, 0], whole[:, step], atol=1e-5, rtol=1e-5)


def test_training_learns_one_batch_by_heart_in_bfloat16(
    make_model: Callable[..., TIGERModel], histories: Histories
) -> None:
    model = make_model().train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.02)
    for _ in range(60):
        with torch.autocast("cpu", torch.bfloat16):
            loss = model.training_loss(*histories, TARGETS)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    assert model.recommend(*histories, k=1, beam_size=5)[0][:, 0].equal(TARGETS)


def test_every_parameter_gets_a_gradient(make_model: Callable[..., TIGERModel], histories: Histories) -> None:
    model = make_model(n_user_tokens=3).train()
    model.training_loss(*histories, TARGETS, torch.arange(4)).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().max() > 0, name


def test_bfloat16_and_float32_agree_up_to_rounding(model: TIGERModel, histories: Histories) -> None:
    exact = model.score_targets(*histories, TARGETS)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = model.score_targets(*histories, TARGETS)
    assert rounded.dtype == torch.float32
    torch.testing.assert_close(rounded, exact, atol=0.1, rtol=0.02)


def test_a_model_loads_into_an_empty_catalogue_and_recommends_the_same(
    make_model: Callable[..., TIGERModel], histories: Histories
) -> None:
    saved, other = make_model(), make_model(seed=1)
    catalogue = Catalogue.empty(30, saved.catalogue.level_sizes)
    loaded = TIGERModel(network=make_model(seed=0).network, catalogue=catalogue).eval()
    with torch.no_grad():
        for parameter in loaded.parameters():
            parameter.zero_()
    loaded.load_state_dict(saved.state_dict())
    for mine, theirs in zip(
        loaded.recommend(*histories, k=5, beam_size=5), saved.recommend(*histories, k=5, beam_size=5)
    ):
        assert mine.equal(theirs)
    assert not other.recommend(*histories, k=5, beam_size=5)[1].equal(theirs)


def test_a_network_for_other_level_sizes_is_refused(make_model: Callable[..., TIGERModel]) -> None:
    model = make_model()
    with pytest.raises(ValueError, match=r"build the network with level_sizes=catalogue\.level_sizes"):
        TIGERModel(network=model.network, catalogue=make_model("shared").catalogue)


def test_in_a_bidirectional_encoder_every_item_sees_all_others(model: TIGERModel) -> None:
    lengths, items = torch.tensor([4]), torch.tensor([[3, 8, 5, 12]])
    states = model.encode(items, lengths).states
    for changed in range(4):
        other = items.clone()
        other[0, changed] = 21
        differ = (model.encode(other, lengths).states - states).abs().amax(2).view(4, -1).amax(1)
        assert (differ > 1e-4).all()


def test_a_model_recommends_from_a_catalogue_that_it_adopts(model: TIGERModel, histories: Histories) -> None:
    catalogue = model.catalogue.changed(model.catalogue.tokens[[7]].long(), torch.tensor([2, 31]))
    model.adopt(catalogue, torch.empty(1, 0))
    items, _ = model.recommend(*histories, k=3, beam_size=5)
    assert [sorted(row) for row in items.tolist()] == [[0, 2, 31]] * 4


@pytest.mark.parametrize("reads", ["items", "tokens"])
def test_an_empty_history_is_read_as_padding_and_not_as_the_item_with_its_codes(model: TIGERModel, reads: str) -> None:
    network, zeros = small_network(model.catalogue, encoder_input=reads).eval(), torch.zeros(1, 4, dtype=torch.int64)
    padding = network.vocabulary(zeros) if reads == "tokens" else torch.zeros(1, 1, 16)
    item, nothing = (network.encode(zeros[None], torch.tensor([length])).states for length in (1, 0))
    assert not torch.allclose(nothing, item)
    torch.testing.assert_close(nothing, network.encoder(padding, None))
