"""The path to an item through the prefix tree, compared with loops over every prefix of the catalogue."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch

from recbole_adasid.model.catalogue import Catalogue
from recbole_adasid.model.dense.head import DenseHead
from recbole_adasid.model.dense.item_content import ItemContent
from recbole_adasid.model.liger import LIGERModel, Losses
from recbole_adasid.model.network.tiger_network import TIGERNetwork
from recbole_adasid.model.prefix_tree import PrefixTree
from recbole_adasid.model.search.exhaustive import score_leaves
from recbole_adasid.model.tiger import TIGERModel
from recbole_adasid.serving.explain import OPTIONS_SHOWN, Explanation, explain
from recbole_adasid.serving.recommender import Recommender

N = 40
TOKENS = [f"i{number}" for number in range(N)]
HISTORY = ["i3", "unknown", "i9", "i9", "i21"]
Make = Callable[..., Recommender]


def network_of(catalogue: Catalogue, **options: object) -> TIGERNetwork:
    sizes = {"d_model": 16, "d_head": 4, "n_heads": 2, "d_ff": 24, "n_encoder_layers": 1, "n_decoder_layers": 1}
    network = TIGERNetwork(level_sizes=catalogue.level_sizes, **sizes, dropout=0.1, **options)
    if network.softmax.continued is not None:
        torch.nn.init.constant_(network.softmax.continued, 1.5)
    return network


def tiger(collision: str = "suffix", **options: object) -> Recommender:
    """A recommender of a random TIGER; some of its items collide."""
    torch.manual_seed(0)
    codes = torch.randint(5, (N, 3))
    codes[4::5] = codes[3::5]
    catalogue = Catalogue(codes, [16, 5, 5], collision=collision)
    model = TIGERModel(network=network_of(catalogue, **options), catalogue=catalogue).eval()
    return Recommender(model, TOKENS, max_history=3, beam_size=N)


def liger(retrieval: str, generative: float = 1.0) -> Recommender:
    torch.manual_seed(0)
    catalogue = Catalogue(torch.randint(5, (N, 3)), [5, 5, 5])
    trained = torch.arange(N + 1) > 0
    model = LIGERModel(
        network=network_of(catalogue, encoder_input="items"),
        catalogue=catalogue,
        content=ItemContent(torch.randn(N, 6), trained, d_model=16, id_embedding=True, id_dropout=0.0),
        head=DenseHead(d_model=16, temperature=0.2, repeat_bias=False),
        losses=Losses(generative=generative),
        retrieval=retrieval,
    ).eval()
    return Recommender(model, TOKENS, max_history=3, beam_size=N)


@torch.no_grad()
def literal_scores(recommender: Recommender, history: list[int]) -> dict[tuple[int, ...], float]:
    """Return the log-probability of every prefix in the catalogue, by decoding a tree of each length."""
    model, tree_of = recommender.model, PrefixTree
    tokens, sizes = model.catalogue.tokens[1:].long(), model.catalogue.level_sizes
    memory = model.encode(torch.tensor([history]), torch.tensor([len(history)]))
    found = {(): 0.0}
    for length in range(1, len(sizes) + 1):
        prefixes = sorted({tuple(row[:length]) for row in tokens.tolist()})
        tree = tree_of(tokens[:, :length], sizes[:length])
        scores = score_leaves(model.network, tree, memory)[0].tolist()
        found |= dict(zip(prefixes, scores))
    return found


def check(found: Explanation, recommender: Recommender, read: list[str]) -> None:
    sids = dict(zip(TOKENS, recommender.semantic_ids(TOKENS)))
    scores = literal_scores(recommender, [TOKENS.index(token) + 1 for token in read])
    sid = sids[found.item]
    assert [step.level for step in found.path] == list(range(len(sid)))
    assert [step.token for step in found.path] == sid
    for step in found.path:
        before, here = tuple(sid[: step.level]), tuple(sid[: step.level + 1])
        options = {prefix[-1]: scores[prefix] - scores[before] for prefix in scores if prefix[:-1] == before and prefix}
        total = sum(math.exp(value) for value in options.values())
        shares = {token: math.exp(value) / total for token, value in options.items()}
        best = sorted(shares, key=lambda token: -shares[token])
        assert step.log_probability == pytest.approx(options[step.token], abs=1e-4)
        assert step.probability == pytest.approx(shares[step.token], abs=1e-4)
        assert (step.n_options, step.rank) == (len(options), 1 + best.index(step.token))
        assert [option.token for option in step.options] == best[:OPTIONS_SHOWN]
        assert [option.probability for option in step.options] == pytest.approx(
            [shares[token] for token in best[:OPTIONS_SHOWN]], abs=1e-4
        )
        begins = [token for token in TOKENS if tuple(sids[token][: step.level + 1]) == here]
        assert step.prefix_items == len(begins)
        assert step.history_items == sum(token in begins for token in read)


@pytest.mark.parametrize(
    "options",
    [{}, {"collision": "shared"}, {"token_softmax": "tree", "history_bias": True}, {"encoder_input": "items"}],
    ids=str,
)
def test_the_path_is_what_loops_over_the_catalogue_find_and_sums_to_the_score(options: dict[str, object]) -> None:
    recommender = tiger(**options)
    for one in recommender.recommend(HISTORY, N, exclude_seen=False)[::9]:
        found = explain(recommender, HISTORY, one.item)
        check(found, recommender, ["i9", "i9", "i21"])
        assert found.log_probability == pytest.approx(one.score, abs=1e-4)
        assert (found.item, found.retrieval, found.note) == (one.item, "generative", "")


def test_only_some_of_many_options_are_listed_and_the_chosen_one_is_ranked_among_all() -> None:
    torch.manual_seed(0)
    catalogue = Catalogue(torch.arange(N)[:, None], [N])
    model = TIGERModel(network=network_of(catalogue), catalogue=catalogue).eval()
    recommender = Recommender(model, TOKENS, max_history=3, beam_size=N)
    last = recommender.recommend(["i1"], N, exclude_seen=False)[-1].item
    found = explain(recommender, ["i1"], last)
    assert (found.path[0].rank, found.path[0].n_options, len(found.path[0].options)) == (N, N, OPTIONS_SHOWN)
    check(found, recommender, ["i1"])


@pytest.mark.parametrize(("retrieval", "words"), [("dense", "generative half"), ("hybrid", "candidates along")])
def test_the_path_of_liger_is_that_of_its_decoder_and_the_note_says_how_it_ranks(retrieval: str, words: str) -> None:
    recommender = liger(retrieval)
    found = explain(recommender, HISTORY, "i7")
    check(found, recommender, ["i9", "i9", "i21"])
    assert found.retrieval == retrieval and words in found.note
    by_beam = {one.item: one.score for one in liger("generative").recommend(HISTORY, N, exclude_seen=False)}
    assert found.log_probability == pytest.approx(by_beam["i7"], abs=1e-4)


def test_without_a_trained_decoder_there_is_no_path() -> None:
    found = explain(liger("dense", generative=0.0), HISTORY, "i7")
    assert (found.path, found.log_probability) == ([], None)
    assert "generative_weight=0" in found.note


def test_removed_items_are_no_options_any_more() -> None:
    recommender = tiger()
    before = explain(recommender, HISTORY, "i7")
    gone = [token for token, sid in zip(TOKENS, recommender.semantic_ids(TOKENS)) if sid[0] != before.path[0].token]
    recommender.remove_items(gone)
    after = explain(recommender, HISTORY, "i7")
    assert (after.path[0].n_options, after.path[0].rank, after.path[0].probability) == (1, 1, 1.0)
    assert after.path[1:] == before.path[1:]
    assert after.log_probability == pytest.approx(before.log_probability)
    with pytest.raises(ValueError, match=f"the item '{gone[0]}' was removed from the catalogue"):
        explain(recommender, HISTORY, gone[0])


@pytest.mark.parametrize(
    ("history", "item", "message"),
    [
        (["x"], "i1", r"no item of the history \['x'\] is in the catalogue"),
        ("i1", "i1", "the history is the text 'i1': give a list"),
        (["i1"], "x", "the item 'x' is not in the catalogue"),
    ],
)
def test_what_cannot_be_explained_is_told(history: list[str], item: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        explain(tiger(), history, item)
