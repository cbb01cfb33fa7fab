"""Items that arrive after training: Semantic IDs, recommendations, removal, in Python and on the command line."""

from __future__ import annotations

import json
import shutil
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import torch

from recbole_adasid.cli import items as items_command
from recbole_adasid.cli import recommend as recommend_command
from recbole_adasid.data.item_labels import ItemLabel
from recbole_adasid.features.fitted import read_fitted
from recbole_adasid.features.item_features import item_features
from recbole_adasid.io.json_file import read_json
from recbole_adasid.io.locks import InUse
from recbole_adasid.io.stage_cache import StageCache
from recbole_adasid.model.prefix_tree import PrefixTree
from recbole_adasid.plugin.run import run
from recbole_adasid.serving import change_items as new_items
from recbole_adasid.serving.new_item_encoder import NewItemEncoder, NewItems, with_absent_columns
from recbole_adasid.serving.recommender import Recommender

change, recommend = items_command.COMMAND.main, recommend_command.COMMAND.main

TEXTS = {"tokenizer": "rqkmeans", "text_fields": ["title"], "text_width": 8, "category_field": "title"}


@pytest.fixture(scope="module")
def settings(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    base = tmp_path_factory.mktemp("runs")
    settings = {"dataset": "tiny", "data_path": str(tiny_data), "codebook_size": 4, "MAX_ITEM_LIST_LENGTH": 4}
    settings |= {"model_size": "tiny", "epochs": 2, "eval_step": 1, "beam_size": 30, "show_progress": False}
    return {**settings, **TEXTS, "run_root": str(base), "cache_dir": str(base / "cache")}


@pytest.fixture(scope="module")
def folder(settings: dict[str, object]) -> Path:
    return run(settings)["run_folder"]


@pytest.fixture(scope="module")
def liger_folder(settings: dict[str, object]) -> Path:
    return run({**settings, "model": "LIGER", "epochs": 1})["run_folder"]


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    """A run folder that a test may change."""
    return Path(shutil.copytree(folder, tmp_path / "run"))


def table(*titles: str) -> dict[str, list[str]]:
    return {"item_id": [f"new{number}" for number in range(len(titles))], "title": list(titles)}


def encoder_of(recommender: Recommender) -> NewItemEncoder:
    encoder = recommender._live._encoder
    assert encoder is not None
    return encoder


def items(found: list) -> list[str]:
    return [one.item for one in found]


def test_the_items_of_the_run_get_the_features_that_they_had(folder: Path, settings, tiny_data: Path) -> None:
    recommender = Recommender.load(folder)
    titles = [recommender.labels[token].title for token in recommender.tokens]
    encoder = encoder_of(recommender)
    contents = NewItems(recommender.tokens, {"item_id": recommender.tokens, "title": titles}, tiny_data)
    again = item_features(
        encoder.settings, contents, StageCache(None), fitted=read_fitted(folder / "features.safetensors")
    )
    first = item_features(encoder.settings, contents, StageCache(None))
    assert again.values == pytest.approx(first.values, abs=1e-5)
    alone = NewItems(["x"], {"item_id": ["x"], "title": titles[3:4]}, tiny_data)
    one = item_features(encoder.settings, alone, StageCache(None), fitted=read_fitted(folder / "features.safetensors"))
    assert one.values[0] == pytest.approx(first.values[3], abs=1e-5)


@pytest.mark.parametrize("fusion", ["concatenate", "mean", "pca", "whitening"])
def test_fused_features_of_single_items_lie_in_the_space_of_all(fusion: str, tiny_data: Path) -> None:
    tokens = [f"i{number}" for number in range(30)]
    columns = {"item_id": tokens, "title": [f"the {'red' if n % 2 else 'blue'} thing {n}" for n in range(30)]}
    modality = {"text_fields": ["title"], "text_width": 6}
    config = {"modalities": [modality, {**modality, "weight": 0.5}], "fusion": fusion, "fusion_width": 4}
    config |= {"modality_unit_length": True, "missing_modality": "refuse", "text_encoder": "tfidf", "seed": 1}
    config |= {"text_encoder_model": "", "text_bf16": False, "text_template": None, "item_features_file": None}
    whole = item_features({**config, "image_field": None}, NewItems(tokens, columns, tiny_data), StageCache(None))
    chosen = {name: column[7:9] for name, column in columns.items()}
    found = item_features(
        {**config, "image_field": None}, NewItems(tokens[7:9], chosen, tiny_data), StageCache(None), fitted=whole.fitted
    )
    assert found.values == pytest.approx(whole.values[7:9], abs=1e-4)


def test_new_items_may_all_come_without_a_picture(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    tokens = [f"i{number}" for number in range(12)]
    for number, token in enumerate(tokens[:8]):
        image.new("RGB", (8, 8), (20 * number, 10, 200 - 20 * number)).save(tmp_path / f"{token}.png")
    columns = {
        "item_id": tokens,
        "title": [f"thing {n % 5} {n}" for n in range(12)],
        "picture": [f"{t}.png" for t in tokens],
    }
    modalities = [{"text_fields": ["title"], "text_width": 4}, {"image_field": "picture", "image_folder": "."}]
    config = {"modalities": modalities, "fusion": "concatenate", "modality_unit_length": True, "seed": 1}
    config |= {"missing_modality": "allow", "text_encoder": "tfidf", "text_encoder_model": "", "text_bf16": False}
    config |= {"image_encoder_model": "pixels", "image_download": False}
    whole = item_features(config, NewItems(tokens, columns, tmp_path), StageCache(None))
    later = {name: column[8:] for name, column in columns.items()}
    with pytest.raises(ValueError, match="holds none of the images of 4 items"):
        item_features(config, NewItems(tokens[8:], later, tmp_path), StageCache(None))
    found = item_features(config, NewItems(tokens[8:], later, tmp_path), StageCache(None), fitted=whole.fitted)
    assert found.values == pytest.approx(whole.values[8:], abs=1e-5)


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


def test_changes_are_kept_beside_the_run_and_touch_nothing_else(copy: Path) -> None:
    files = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    recommender = Recommender.load(copy)
    recommender.add_items(["new0"], table=table("the red thing"))
    recommender.remove_items(["i5"])
    recommender.save()
    again = Recommender.load(copy)
    assert again.recommend(["i3", "new0"], 20) == recommender.recommend(["i3", "new0"], 20)
    assert again.semantic_ids(["new0"]) == recommender.semantic_ids(["new0"])
    new = {path.name for path in copy.rglob("*") if path.is_file() and path not in files}
    assert new == {"new-items.safetensors", "new-items.jsonl"}
    assert all(path.read_bytes() == content for path, content in files.items())


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
        (["a", "b"], {"table": table("x", "y")}, "'a' cannot be added .and 1 more.: it has no text.*bad_items=skip"),
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


def test_what_came_and_went_is_logged_when_it_is_kept(copy: Path) -> None:
    recommender = Recommender.load(copy)
    recommender.add_items(["new0", "i3", "bad"], table=table("the red thing"), bad_items="skip")
    recommender.remove_items(["i5"])
    assert not (copy / "new-items.jsonl").exists()
    recommender.save()
    recommender.save()
    again = Recommender.load(copy)
    again.remove_items(["new0"])
    again.save()
    lines = [json.loads(line) for line in (copy / "new-items.jsonl").read_text().splitlines()]
    assert [(line["action"], line["items"], line["recommended"]) for line in lines] == [
        *(("add", ["new0"], 21), ("remove", ["i5"], 20), ("remove", ["new0"], 19))
    ]
    assert lines[0]["known"] == 1 and list(lines[0]["refused"]) == ["bad"]
    assert all(datetime.fromisoformat(line["time"]).tzinfo for line in lines)


def test_changes_that_another_process_kept_are_not_lost(copy: Path) -> None:
    first, second = Recommender.load(copy), Recommender.load(copy)
    first.add_items(["a"], features=np.zeros((1, 8)))
    first.save()
    second.add_items(["b"], features=np.ones((1, 8)))
    with pytest.raises(InUse, match="was changed since this recommender was loaded: load it again"):
        second.save()
    first.remove_items(["i3"])
    first.save()
    assert Recommender.load(copy).tokens[20:] == ["a"]


def test_a_run_without_a_tokenizer_takes_no_new_items(copy: Path) -> None:
    shutil.rmtree(copy / "tokenizer")
    recommender = Recommender.load(copy)
    with pytest.raises(ValueError, match="has no tokenizer and cannot add items"):
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


@pytest.mark.parametrize("name", ["adasid", "vqgan", "grvq", "rqopq"])
def test_tokenizers_of_all_kinds_take_new_items(name: str, settings: dict[str, object], tmp_path: Path) -> None:
    given = {**settings, "tokenizer": name, "tokenizer_steps": 5, "epochs": 1, "run_folder": str(tmp_path / name)}
    given |= {"encoder_hidden": [8], "code_dim": 4, "lookup_dim": 2}
    recommender = Recommender.load(run(given)["run_folder"])
    tokens = [f"n{number}" for number in range(5)]
    arrival = recommender.add_items(tokens, table={"item_id": tokens, "title": ["the red thing"] * 5})
    assert len({tuple(one) for one in recommender.semantic_ids(recommender.tokens)}) == 25 and arrival.moved


def test_the_command_adds_and_removes(copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "new.csv").write_text("sku,name\n0815,the red thing\n0816,a blue one\n")
    columns = "--columns={item_id: sku, title: name}"
    assert change(["add", f"--run_folder={copy}", f"--items={tmp_path}/new.csv", columns]) == 0
    out = capsys.readouterr().out
    assert "0815\t[" in out and "the red thing" in out and "2 items added" in out
    assert "22 items can be recommended" in out
    assert recommend([f"--run_folder={copy}", "--history=i3 0816", "--k=30"]) == 0
    assert "0815" in capsys.readouterr().out
    (tmp_path / "gone.txt").write_text("0815\ni7\n")
    assert change(["remove", f"--run_folder={copy}", f"--items={tmp_path}/gone.txt"]) == 0
    assert "2 items are no longer recommended" in capsys.readouterr().out
    assert recommend([f"--run_folder={copy}", "--history=i3", "--k=30"]) == 0
    left = {line.split("\t")[1] for line in capsys.readouterr().out.splitlines()}
    assert "0816" in left and not {"0815", "i7"} & left
    assert len(read_json(copy / "sids.json")) == 20


def test_the_command_goes_on_without_bad_items_if_it_is_told(
    copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "new.csv").write_text("item_id,title\nn1,the red thing\nn2,\n,nameless\n")
    command = ["add", f"--run_folder={copy}", f"--items={tmp_path}/new.csv"]
    assert change(command) == 2
    assert "'n2' cannot be added: it has no text" in capsys.readouterr().err
    assert not (copy / "new-items.safetensors").exists()
    for expected in ("1 items added", "1 were already in the catalogue"):
        assert change([*command, "--bad_items=skip"]) == 0
        printed = capsys.readouterr()
        assert expected in printed.out and "skipped 'n2': it has no text" in printed.err
    (tmp_path / "gone.txt").write_text("n1\r\nunheard of\r\n")
    command = ["remove", f"--run_folder={copy}", f"--items={tmp_path}/gone.txt"]
    assert change(command) == 2 and "'unheard of' cannot be removed" in capsys.readouterr().err
    assert change([*command, "--bad_items=skip"]) == 0
    assert Recommender.load(copy).n_recommended == 20


@pytest.fixture(scope="module")
def odd_settings(settings: dict[str, object], tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """Settings of a dataset whose `.item` file has names of its own, the items' among them."""
    home = tmp_path_factory.mktemp("odd") / "tiny"
    shutil.copytree(Path(str(settings["data_path"])) / "tiny", home)
    for suffix in ("inter", "item"):
        text = (home / f"tiny.{suffix}").read_text().replace("item_id:token", "asin:token")
        (home / f"tiny.{suffix}").write_text(text.replace("title:token", "product name:token"))
    lines = (home / "tiny.item").read_text().splitlines()
    colours = ["colour:token", *(["red", "blue", "green"][row % 3] for row in range(20))]
    (home / "tiny.item").write_text("".join(f"{line}\t{colour}\n" for line, colour in zip(lines, colours)))
    odd = {"ITEM_ID_FIELD": "asin", "text_fields": ["product name", "colour"], "title_field": "product name"}
    return {**settings, "data_path": str(home.parent), "category_field": "colour", **odd}


@pytest.fixture(scope="module")
def odd_run(odd_settings: dict[str, object]) -> Path:
    return run(odd_settings)["run_folder"]


ODD = {
    "csv": "asin,product name,colour\nn1,the red thing,red\n",
    "item": "asin:token\tproduct name:token\tcolour:token\nn1\tthe red thing\tred\n",
    "tsv": "item_id\tproduct name\tcolour\tunused\nn1\tthe red thing\tred\tx\n",
    "jsonl": '{"asin": "n1", "product name": "the red thing", "colour": "red"}\n',
}


@pytest.mark.parametrize("ending", ODD)
def test_a_table_with_the_run_s_own_columns_needs_no_mapping(ending: str, odd_run: Path, tmp_path: Path) -> None:
    (tmp_path / f"new.{ending}").write_text(ODD[ending])
    recommender = Recommender.load(odd_run)
    columns = new_items.read_table(tmp_path / f"new.{ending}", {}, run=recommender.run_settings)
    chosen = {name: columns[name] for name in ("item_id", "product name", "colour")}
    assert chosen == {"item_id": ["n1"], "product name": ["the red thing"], "colour": ["red"]}
    arrival = recommender.add_items(["n1"], table=columns)
    assert recommender.labels["n1"] == ItemLabel("the red thing", "red")
    same = {"item_id": ["n1"], "product name": ["the red thing"], "colour": ["red"]}
    assert arrival == Recommender.load(odd_run).add_items(["n1"], table=same)


def test_a_table_of_other_names_is_mapped_to_the_run_s(odd_run: Path, tmp_path: Path) -> None:
    settings = Recommender.load(odd_run).run_settings
    (tmp_path / "new.csv").write_text("sku;name\nn1;the red thing\n")

    def read(path: Path, mapping: dict[str, str]) -> dict[str, list[str]]:
        return new_items.read_table(path, mapping, run=settings, delimiter="semicolon")

    for items in ("item_id", "asin"):
        found = read(tmp_path / "new.csv", {items: "sku", "title": "name"})
        assert found["item_id"] == ["n1"] and found["title"] == ["the red thing"]
    (tmp_path / "new.item").write_text("sku:token\tname:token\nn1\tthe red thing\n")
    found = read(tmp_path / "new.item", {"item_id": "sku", "product name": "name"})
    assert found["item_id"] == ["n1"] and found["product name"] == ["the red thing"]
    with pytest.raises(ValueError, match="columns names the column 'nam', which new.item lacks: did you mean 'name'"):
        read(tmp_path / "new.item", {"item_id": "sku", "product name": "nam"})
    with pytest.raises(ValueError, match="no column 'asin' for item_id among sku, name: map it, as in --columns="):
        read(tmp_path / "new.csv", {})


def test_a_table_like_the_one_the_run_was_made_from_is_read_like_it(tmp_path: Path) -> None:
    made = {"items_columns": {"item_id": "sku", "title": "name"}, "modalities": None, "item_features_file": None}
    made |= {"text_fields": ["title", "brand"], "text_template": None, "title_field": "title"}
    (tmp_path / "new.csv").write_text("sku,name,title,brand\nn1,the red thing,Dr,Acme\n")
    found = new_items.read_table(tmp_path / "new.csv", {}, run=made)
    assert found == {"item_id": ["n1"], "title": ["the red thing"], "brand": ["Acme"]}
    (tmp_path / "new.csv").write_text("item_id,title,brand\nn1,the red thing,Acme\n")
    assert new_items.read_table(tmp_path / "new.csv", {}, run=made) == found
    with pytest.raises(ValueError, match="no column 'what' for title"):
        new_items.read_table(tmp_path / "new.csv", {"title": "what"}, run=made)


def test_a_text_column_that_new_items_lack_counts_as_empty(odd_run: Path, caplog: pytest.LogCaptureFixture) -> None:
    lacking, empty = Recommender.load(odd_run), Recommender.load(odd_run)
    names = {"item_id": ["n1"], "product name": ["the red thing"]}
    arrival = lacking.add_items(["n1"], table=names)
    assert "has no colour: treated as empty. If the column has another name, map it" in caplog.text
    assert arrival == empty.add_items(["n1"], table={**names, "colour": [""]})
    with pytest.raises(
        ValueError, match="names the column 'product name', which the table of new items lacks.*columns="
    ):
        lacking.add_items(["n2"], table={"item_id": ["n2"], "name": ["the red thing"]})


def test_a_modality_that_all_new_items_miss_is_allowed_as_it_is_for_single_ones(caplog) -> None:
    table = {"item_id": ["n1"], "title": ["the red thing"]}
    config = {"modalities": [{"text_fields": ["title"]}, {"image_field": "picture"}], "missing_modality": "allow"}
    config |= {"item_features_file": None, "text_fields": ["never read"], "text_template": None}
    assert with_absent_columns(table, config) == {**table, "picture": [""]}
    assert "has no picture: treated as empty" in caplog.text
    with pytest.raises(ValueError, match="image_field names the column 'picture', which the table of new items lacks"):
        with_absent_columns(table, {**config, "missing_modality": "refuse"})


def test_cells_of_new_items_that_cannot_be_used_are_told(copy: Path, tmp_path: Path, capsys, caplog) -> None:
    (tmp_path / "new.jsonl").write_text('{"item_id": "n1", "title": "the red thing", "price": "call us"}\n')
    assert change(["add", f"--run_folder={copy}", f"--items={tmp_path}/new.jsonl"]) == 0
    assert "1 of price, first 'call us' on line 1" in caplog.text


def test_the_command_names_another_delimiter_and_takes_it(copy: Path, tmp_path: Path, capsys) -> None:
    (tmp_path / "new.csv").write_bytes("\ufeffitem_id;title\nn1;the red thing\n".encode())
    command = ["add", f"--run_folder={copy}", f"--items={tmp_path}/new.csv"]
    assert change(command) == 2
    assert "separated by semicolons, not by commas; set --delimiter=semicolon" in capsys.readouterr().err
    assert change([*command, "--delimiter=semicolon"]) == 0


def test_the_items_to_remove_may_begin_with_a_byte_order_mark(copy: Path, tmp_path: Path) -> None:
    (tmp_path / "gone.txt").write_bytes("\ufeffi3\r\ni4\r\n".encode())
    assert change(["remove", f"--run_folder={copy}", f"--items={tmp_path}/gone.txt"]) == 0
    assert Recommender.load(copy).n_recommended == 18


def test_the_command_takes_item_files_and_vectors(copy: Path, tmp_path: Path) -> None:
    (tmp_path / "new.item").write_text("item_id:token\ttitle:token\nn1\tthe red thing\n")
    np.savez(tmp_path / "new.npz", item_id=np.array(["x", "n1"]), embedding=np.eye(2, 8, dtype=np.float32))
    arguments = ["add", f"--run_folder={copy}", f"--items={tmp_path}/new.item", f"--features={tmp_path}/new.npz"]
    assert change(arguments) == 0
    expected = encoder_of(Recommender.load(copy)).tokenizer.encode(torch.eye(2, 8)[1:])
    assert Recommender.load(copy).semantic_ids(["n1"])[0][:2] == expected[0, :2].tolist()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["put"], "first argument is 'put'; valid: add, remove"),
        (["add"], "items add needs --run_folder=FOLDER"),
        (["add", "--run_folder=nowhere", "--items=x"], "no run folder nowhere"),
        (["add", "--run_fodler=x"], "did you mean run_folder"),
        (["add", "--run_folder=x", "--items=y", "--columns=z"], "columns='z' has to be a mapping"),
    ],
)
def test_mistakes_are_told(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert change(arguments) == 2
    assert message in capsys.readouterr().err
