"""Items that arrive after training: Semantic IDs, recommendations, removal."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from new_items import encoder_of, items, table
from recbole_adasid.data.item_labels import ItemLabel
from recbole_adasid.model.prefix_tree import PrefixTree
from recbole_adasid.plugin.run import run
from recbole_adasid.serving.recommender import Recommender


@pytest.fixture(scope="module")
def liger_folder(settings: dict[str, object]) -> Path:
    return run({**settings, "model": "LIGER", "epochs": 1})["run_folder"]


def test_new_items_can_be_recommended_at_once_and_nobody_is_renamed(folder: Path) -> None:
    recommender, before = Recommender.load(folder), Recommender.load(folder)
    arrival = recommender.add_items(["new0", "new1"], table=table("the red thing number i3", "a blue thing"))
    assert recommender.semantic_ids(before.tokens) == before.semantic_ids(before.tokens)
    assert arrival.items == ["new0", "new1"] and arrival.semantic_ids == recommender.semantic_ids(["new0", "new1"])
    old = dict(zip(before.tokens, before.semantic_ids(before.tokens)))
    if "new0" not in arrival.moved:
        assert arrival.semantic_ids[0][:-1] == old["i3"][:-1]
    found = recommender.recommend(["i1", "i2"], 22, exclude_seen=False)
    assert set(items(found)) == {*before.tokens, "new0", "new1"}
    assert {one.title for one in found if one.item == "new1"} == {"a blue thing"}
    exact = recommender.model.score_items(torch.tensor([[2, 3]]), torch.tensor([2]))  # of any history: all are scored
    assert exact.shape == (1, 23)
    assert recommender.recommend(["new0", "i2"], 3)


@pytest.mark.parametrize("loaded", ["folder", "liger_folder"])
def test_a_copy_shares_weights_and_changes_alone(loaded: str, request: pytest.FixtureRequest) -> None:
    recommender = Recommender.load(request.getfixturevalue(loaded))
    tokens, expected = list(recommender.tokens), recommender.recommend(["i1", "i2"], 20, exclude_seen=False)
    copy = recommender.copy()
    assert copy.recommend(["i1", "i2"], 20, exclude_seen=False) == expected
    copy.add_items(["new0"], table=table("the red thing number i3"))
    copy.remove_items(["i4"])
    found = items(copy.recommend(["i1", "i2"], 20, exclude_seen=False))
    assert set(found) == {*tokens, "new0"} - {"i4"} and copy.recommend(["new0"], 3)
    assert recommender.tokens == tokens and "new0" not in recommender.live.numbers
    assert recommender.recommend(["i1", "i2"], 20, exclude_seen=False) == expected
    for one, other in zip(recommender.model.parameters(), copy.model.parameters()):
        assert one is other


def test_the_tree_is_that_of_a_catalogue_built_from_scratch(folder: Path) -> None:
    recommender = Recommender.load(folder)
    recommender.add_items(["new0", "new1"], table=table("the red thing", "a blue thing"))
    recommender.remove_items(["i4", "new0"])
    left = [token for token in recommender.tokens if token not in ("i4", "new0")]
    ids = torch.tensor([recommender.tokens.index(token) + 1 for token in left])
    catalogue = recommender.model.catalogue
    expected = PrefixTree(torch.tensor(recommender.semantic_ids(left)), catalogue.level_sizes, ids)
    for (name, one), (other_name, other) in zip(catalogue.tree.named_buffers(), expected.named_buffers()):
        assert name == other_name and torch.equal(one, other)


def test_features_can_be_given_and_equal_those_of_the_texts(folder: Path, tiny_data: Path) -> None:
    by_text, by_vector = Recommender.load(folder), Recommender.load(folder)
    columns = table("the red thing number i3", "a blue thing")
    values = encoder_of(by_text)._encoded(["new0", "new1"], columns, {})
    labels = [ItemLabel("one"), ItemLabel("two")]
    by_text.add_items(["new0", "new1"], table=columns)
    by_vector.add_items(["new0", "new1"], features=values.astype(np.float16), labels=labels)
    assert by_text.semantic_ids(["new0", "new1"]) == by_vector.semantic_ids(["new0", "new1"])
    assert by_vector.labels["new1"].title == "two"


def test_removed_items_are_understood_but_not_recommended_and_come_back_as_they_were(folder: Path) -> None:
    recommender, before = Recommender.load(folder), Recommender.load(folder)
    recommender.remove_items(["i5"])
    assert "i5" not in items(recommender.recommend(["i3", "i4"], 20, exclude_seen=False))
    assert "i5" not in items(recommender.recommend(["i3"], 20, exclude_seen=False, allow=["i5", "i6"]))
    scored = {one.item: one.score for one in before.recommend(["i5"], 20, exclude_seen=False)}
    for one in recommender.recommend(["i5"], 19, exclude_seen=False):
        assert one.score == pytest.approx(scored[one.item], abs=1e-5)
    recommender.add_items(["i5"])
    assert recommender.semantic_ids(["i5"]) == before.semantic_ids(["i5"])
    assert recommender.recommend(["i3"], 20) == before.recommend(["i3"], 20)


def test_what_cannot_be_added_is_named_and_changes_nothing(folder: Path) -> None:
    recommender = Recommender.load(folder)
    cases = [
        (["a", "a"], {}, "'a' occurs twice"),
        ([], {}, "no new item"),
        (["a"], {"features": np.zeros((1, 3))}, r"shape \[1, 3\] for 1 items: .* 8 columns"),
        (["a", "b"], {"features": np.zeros((1, 8))}, r"shape \[1, 8\] for 2 items"),
        (["b", "a"], {"features": [[0] * 8, [np.nan] * 8]}, "'a' cannot be added: its features are missing, not fin"),
        (["a"], {"features": np.full((1, 8), 1e13)}, "or beyond 1e"),
        (["a"], {"table": {"item_id": ["a"], "name": ["x"]}}, "text_fields names the column 'title'"),
        (["a", "b"], {"table": table("x", "y")}, "'a' cannot be added .and 1 more.: the table .* no row for it.*=skip"),
        (["a"], {"bad_items": "ignore"}, "bad_items 'ignore'.*refuse, skip"),
    ]
    for tokens, given, message in cases:
        with pytest.raises(ValueError, match=message):
            recommender.add_items(tokens, **given)
    with pytest.raises(ValueError, match="'x' cannot be removed: not in the catalogue"):
        recommender.remove_items(["x"])
    with pytest.raises(ValueError, match="remove every item"):
        recommender.remove_items(recommender.tokens)
    assert len(recommender.tokens) == 20 and recommender.recommend(["i3"], 20) == Recommender.load(folder).recommend(
        ["i3"], 20
    )


def test_the_same_items_may_come_and_go_twice(folder: Path) -> None:
    recommender = Recommender.load(folder)
    columns = table("the red thing", "a blue thing")
    first = recommender.add_items(["new0", "new1"], table=columns)
    again = recommender.add_items(["new1", "i3", "new0"], table=columns)
    assert first.known == [] and again.items == [] and again.known == ["new1", "i3", "new0"]
    assert recommender.semantic_ids(["new0", "new1"]) == first.semantic_ids and recommender.n_recommended == 22
    assert recommender.remove_items(["i3", "new0", "i3"]).items == ["i3", "new0"]
    assert recommender.remove_items(["i3", "new0"]).items == [] and recommender.n_recommended == 20
    back = recommender.add_items(["new0", "i5"])
    assert back.items == ["new0"] and back.known == ["i5"] and back.semantic_ids == first.semantic_ids[:1]


def test_bad_items_can_be_skipped_and_the_others_get_what_they_would_have_got(folder: Path) -> None:
    alone, together = Recommender.load(folder), Recommender.load(folder)
    random = np.random.default_rng(0).normal(size=(5, 8))
    random[[1, 3]] = np.nan
    good = ["a", "c", "e"]
    labels = [ItemLabel(name) for name in "abcde"]
    expected = alone.add_items(good, features=random[::2], labels=labels[::2])
    found = together.add_items(list("abcde"), features=random, labels=labels, bad_items="skip")
    assert found.items == good and found.semantic_ids == expected.semantic_ids and found.moved == expected.moved
    assert list(found.refused) == ["b", "d"] and "not finite" in found.refused["b"]
    assert together.tokens == alone.tokens and together.labels["e"].title == "e"
    assert together.recommend(["i3"], 25) == alone.recommend(["i3"], 25)
    nobody = together.add_items(["x", "x"], table={"item_id": ["x"], "title": [""]}, bad_items="skip")
    assert nobody.items == [] and list(nobody.refused) == ["x"] and "x" not in together.tokens
    gone = together.remove_items(["a", "b"], bad_items="skip")
    assert gone.items == ["a"] and list(gone.refused) == ["b"]


def test_items_beyond_every_place_are_refused_by_name(folder: Path) -> None:
    recommender = Recommender.load(folder)
    names = [f"n{number}" for number in range(300)]
    with pytest.raises(ValueError, match="has as many items as the model can distinguish; retrain"):
        recommender.add_items(names, features=np.zeros((300, 8)))
    found = recommender.add_items(names, features=np.zeros((300, 8)), bad_items="skip")
    assert found.items and found.moved and found.refused and len(found.items) + len(found.refused) == 300
    ids = recommender.semantic_ids(recommender.tokens)
    assert len({tuple(one) for one in ids}) == len(ids) and recommender.n_recommended == len(ids)


def test_a_run_without_a_tokenizer_takes_no_new_items(copy: Path) -> None:
    shutil.rmtree(copy / "tokenizer")
    recommender = Recommender.load(copy)
    with pytest.raises(ValueError, match="cannot encode new items: .*restore the run's original"):
        recommender.add_items(["new"], features=np.zeros((1, 8)))
    recommender.remove_items(["i3"])
    assert recommender.add_items(["i3"]).items == ["i3"]


def test_a_recommender_of_no_run_can_neither_add_nor_keep(folder: Path) -> None:
    loaded = Recommender.load(folder)
    bare = Recommender(loaded.model, loaded.tokens, max_history=4, beam_size=10)
    bare.remove_items(["i3"])
    with pytest.raises(ValueError, match="has no run folder"):
        bare.save()
    with pytest.raises(ValueError, match="has no tokenizer"):
        bare.add_items(["new"], features=np.zeros((1, 8)))


def test_new_items_can_have_a_share_of_the_places(folder: Path) -> None:
    recommender = Recommender.load(folder)
    plain = recommender.recommend(["i1", "i2"], 10, new_share=0.5)
    assert plain == recommender.recommend(["i1", "i2"], 10)  # there is no new item yet
    recommender.add_items(["new0", "new1", "new2"], table=table("the red thing", "a blue thing", "another"))
    alone = items(recommender.recommend(["i1", "i2"], 3, allow=["new0", "new1", "new2"]))
    for share, places in ((0.1, [9]), (0.2, [4, 9]), (0.3, [3, 6, 9])):
        found = items(recommender.recommend(["i1", "i2"], 10, new_share=share))
        assert [place for place, item in enumerate(found) if item.startswith("new")] == places
        assert [found[place] for place in places] == alone[: len(places)]
        rest = [item for item in found if not item.startswith("new")]
        assert rest == items(plain)[: 10 - len(places)]
    recommender.remove_items([alone[0]])
    found = items(recommender.recommend(["i1", "i2", alone[1]], 10, new_share=0.3, deny=["i3"]))
    assert [item for item in found if item.startswith("new")] == [alone[2]] and "i3" not in found
    with pytest.raises(ValueError, match="new_share is 1.5: it has to be from 0 to 1"):
        recommender.recommend(["i1"], new_share=1.5)


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_filters_seen_and_withdrawn_items_leave_all_that_is_allowed(folder: Path, share: float) -> None:
    """Items that are kept out share prefixes with those that are not; none of the latter may go with them."""
    recommender = Recommender.load(folder)
    recommender.add_items(["new0", "new1", "new2"], table=table("the red thing number i3", "a blue thing", "another"))
    recommender.remove_items(["i2", "i9", "new1"])
    there = set(recommender.tokens) - {"i2", "i9", "new1"}
    random = np.random.default_rng(0)
    for _ in range(20):
        history = random.choice(sorted(set(recommender.tokens)), size=6, replace=True).tolist()
        allow, deny = (set(random.choice(sorted(there), size=size, replace=False).tolist()) for size in (14, 4))
        expected = (allow - deny - set(history)) & there
        found = recommender.recommend(history, 30, allow=allow, deny=deny, new_share=share)
        assert sorted(items(found)) == sorted(expected)
        ids = torch.tensor([[recommender.tokens.index(token) + 1 for token in history[-4:]]])
        exact = recommender.model.score_items(ids, torch.tensor([4]))[0]
        for one in found:
            assert one.score == pytest.approx(float(exact[recommender.tokens.index(one.item) + 1]), abs=1e-4)
        if not share:
            first = recommender.recommend(history, 3, allow=allow, deny=deny)
            assert [one.score for one in first] == pytest.approx([one.score for one in found[:3]], abs=1e-4)


def test_a_category_keeps_to_items_that_have_it_as_whole_words(folder: Path) -> None:
    recommender = Recommender.load(folder)  # whose categories are the titles
    red = {token for token in recommender.tokens if "red" in recommender.labels[token].title}
    assert set(items(recommender.recommend(["i2"], 20, category="Red thing", exclude_seen=False))) == red
    with pytest.raises(ValueError, match="no item has the category 're': use one such as the"):
        recommender.recommend(["i2"], category="re")
