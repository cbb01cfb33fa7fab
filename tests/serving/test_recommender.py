"""Recommendations from a finished run's folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import fresh
from recbole_adasid.io.tensor_file import DamagedFile, MismatchedFile, read_tensors, write_tensors
from recbole_adasid.model.settings import BEFORE_THERE_WAS_A_CHOICE
from recbole_adasid.plugin.run import run
from recbole_adasid.run_folder.model_file import KIND, SavedModel
from recbole_adasid.serving.recommender import Recommender
from recbole_adasid.serving.trained_model import served_settings


@pytest.fixture(scope="module")
def folder(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run on items i0 … i19, some of which share a Semantic ID."""
    base = tmp_path_factory.mktemp("run")
    settings = {"dataset": "tiny", "data_path": str(tiny_data), "tokenizer": "rqkmeans", "codebook_size": 4}
    settings |= {"text_fields": ["title"], "text_width": 8, "MAX_ITEM_LIST_LENGTH": 4, "model_size": "tiny"}
    settings |= {"epochs": 3, "eval_step": 1, "beam_size": 20, "show_progress": False, "cache_dir": str(base / "cache")}
    return run({**settings, "report": False, "run_folder": str(base / "run")})["run_folder"]


@pytest.fixture(scope="module")
def recommender(folder: Path) -> Recommender:
    return Recommender.load(folder)


def items(found: list[Any]) -> list[str]:
    return [one.item for one in found]


def test_recommendations_are_the_model_s_best_items_with_their_exact_scores(recommender: Recommender) -> None:
    history = ["i3", "i4", "i5"]
    found = recommender.recommend(history, 20, exclude_seen=False)
    ids = torch.tensor([[recommender.tokens.index(token) + 1 for token in history]])
    exact = recommender.model.score_items(ids, torch.tensor([3]))[0]
    assert sorted(items(found)) == sorted(recommender.tokens)
    for one in found:
        assert one.score == pytest.approx(float(exact[recommender.tokens.index(one.item) + 1]), abs=1e-4)
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)


def test_it_gives_what_recbole_s_way_gives(folder: Path, recommender: Recommender) -> None:
    pytest.importorskip("ray")
    from recbole.quick_start import load_data_and_model

    _, model, dataset, _, _, test = load_data_and_model(str(folder / "model.safetensors"))
    interaction = next(iter(test))[0]
    expected, _ = model.eval().recommend_topk(interaction, k=5)
    fields = interaction[dataset.item_id_list_field], interaction[dataset.item_list_length_field]
    histories = [dataset.id2token(dataset.iid_field, row[: int(length)]).tolist() for row, length in zip(*fields)]
    found = recommender.recommend_many(histories, 5, exclude_seen=False)
    assert [items(one) for one in found] == [dataset.id2token(dataset.iid_field, row).tolist() for row in expected]


def test_what_was_seen_is_left_out_also_beyond_what_the_model_reads(recommender: Recommender) -> None:
    history = [f"i{number}" for number in range(15)]
    assert len(history) > recommender.max_history
    assert sorted(items(recommender.recommend(history, 20))) == sorted(f"i{number}" for number in range(15, 20))


def test_only_the_last_items_are_read(recommender: Recommender) -> None:
    long, short = ["i1", "i2", "i9", "i8", "i7", "i6"], ["i9", "i8", "i7", "i6"]
    assert recommender.recommend(long, 5, exclude_seen=False) == recommender.recommend(short, 5, exclude_seen=False)


def test_filters_hold_and_work_together(recommender: Recommender) -> None:
    allow = ["i1", "i2", "i3", "i4"]
    assert set(items(recommender.recommend(["i1"], 10, allow=allow, deny=["i3"]))) == {"i2", "i4"}
    assert "i5" not in items(recommender.recommend(["i4"], 20, deny=["i5"]))
    with pytest.raises(ValueError, match="allow names 1 unknown items, first 'x'"):
        recommender.recommend(["i1"], allow=["x"])
    with pytest.raises(ValueError, match="leave no item"):
        recommender.recommend(["i1"], allow=["i2"], deny=["i2"])


def test_unknown_items_are_skipped_and_reported(recommender: Recommender, caplog: pytest.LogCaptureFixture) -> None:
    assert recommender.recommend(["new", "i3", "i4"], 3) == recommender.recommend(["i3", "i4"], 3)
    assert "Skipped 1 history items that are not in the catalogue (first: 'new'); 0 of" in caplog.text
    with pytest.raises(ValueError, match=r"no item of the history \['new'\] is in the catalogue"):
        recommender.recommend(["new"])


def test_many_histories_give_what_each_gives_alone(
    recommender: Recommender, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("recbole_adasid.serving.batch_search.HISTORIES_AT_ONCE", 2)
    histories = [["i1"], [], ["i2", "i3", "i4"], ["unknown"], ["i9", "i8"]]
    found = recommender.recommend_many(histories, 4)
    alone = {row: items(recommender.recommend(histories[row], 4)) for row in (0, 2, 4)}
    assert [items(one) for one in found] == [alone.get(row, []) for row in range(5)]
    assert "2 of 5 histories have no known item" in caplog.text
    assert recommender.recommend_many([], 4) == []
    with pytest.raises(ValueError, match="k is 0"):
        recommender.recommend_many(histories, 0)


TEXT = r"is the text '50 181': give a list of item tokens, oldest first, such as \['50', '181'\]"


@pytest.mark.parametrize(
    ("history", "message"),
    [
        ("50 181", f"the history {TEXT}"),
        (b"50 181", r"the history is the text b'50 181': .* such as \['50', '181'\]"),
        (None, "the history is None: give a list of item tokens, oldest first"),
        (50, "the history is 50: give a list"),
        (np.array("i3"), r"the history is array\('i3'.*\): give a list"),
        (["i3", 50], "the history holds 50 of type int: item tokens are texts"),
        (["i3", None], "the history holds None of type NoneType"),
        ([["i3"], ["i4"]], r"the history holds \['i3'\] of type list"),
        (np.array([3, 4]), "of type int64: item tokens are texts"),
        ([b"i3"], "the history holds b'i3' of type bytes"),
        ({"i3", "i4"}, "the history is a set, which has no order of items"),
        ({"i3": 1}, "the history is a dict, which has no order of items"),
        ([], r"no item of the history \[\] is in the catalogue"),
        (["i3,i4"], r"the history \['i3,i4'\] joins items by commas: give each by itself, on a command line"),
    ],
)
def test_what_is_no_history_is_told(recommender: Recommender, history: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        recommender.recommend(history)


@pytest.mark.parametrize(
    ("histories", "message"),
    [
        ("50 181", "histories is '50 181': give a list of histories, each a list of item tokens"),
        (None, "histories is None: give a list of histories"),
        (3, "histories is 3"),
        ({"u": ["i3"]}, "histories is {'u'"),
        (["i3", "i4"], "history 1 is the text 'i3': give a list of item tokens"),
        ([["i3"], "50 181"], f"history 2 {TEXT}"),
        ([["i3"], None], "history 2 is None"),
        ([["i3"], ["i4", 5]], "history 2 holds 5 of type int"),
    ],
)
def test_what_is_no_list_of_histories_is_told(recommender: Recommender, histories: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        recommender.recommend_many(histories)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": 2.5}, "k=2.5 has to be a whole number: ask for 1 item or more"),
        ({"k": 2.0}, "k=2.0 has to be a whole number"),
        ({"k": True}, "k=True has to be a whole number"),
        ({"k": "3"}, "k='3' has to be a whole number"),
        ({"k": None}, "k=None has to be a whole number"),
        ({"k": -3}, "k is -3: ask for 1 item or more"),
        ({"exclude_seen": "false"}, "exclude_seen='false' has to be true or false"),
        ({"exclude_seen": None}, "exclude_seen=None has to be true or false"),
        ({"new_share": "0.5"}, "new_share='0.5' has to be a number from 0 to 1"),
        ({"new_share": True}, "new_share=True has to be a number"),
        ({"new_share": float("nan")}, "new_share is nan: it has to be from 0 to 1"),
        ({"allow": "i1 i2"}, r"allow is the text 'i1 i2': give a list of item tokens such as \['i1', 'i2'\]"),
        ({"deny": "i1"}, r"deny is the text 'i1': give a list of item tokens such as \['i1'\]"),
        ({"deny": b"i1"}, "deny is the text b'i1'"),
        ({"deny": [3]}, "deny holds 3 of type int"),
        ({"allow": 3}, "allow is 3: give a list"),
        ({"category": 3}, "category=3 has to be a text, or left out"),
        ({"category": b"red"}, "category=b'red' has to be a text"),
    ],
)
def test_options_of_another_kind_are_told(recommender: Recommender, options: dict[str, Any], message: str) -> None:
    for ask in (lambda: recommender.recommend(["i3"], **options), lambda: recommender.recommend_many([], **options)):
        with pytest.raises(ValueError, match=message):
            ask()


def test_lists_of_tokens_come_in_many_forms(recommender: Recommender) -> None:
    expected = recommender.recommend(["i3", "i4"], 5, deny=["i7"])
    for history in (("i3", "i4"), np.array(["i3", "i4"]), np.array(["i3", "i4"], dtype=object), iter(["i3", "i4"])):
        assert recommender.recommend(history, np.int64(5), deny={"i7"}) == expected
    many = recommender.recommend_many(np.array([["i3", "i4"]]), 5, deny=(token for token in ["i7"]))
    assert many == [expected]
    assert recommender.recommend(["i3", "i4"], 5, deny=None) == recommender.recommend(["i3", "i4"], 5)


def test_tokens_as_a_text_are_not_read_letter_by_letter(recommender: Recommender) -> None:
    for ask in (recommender.semantic_ids, recommender.remove_items, recommender.add_items):
        with pytest.raises(ValueError, match=r"tokens is the text 'i1 i2': give a list .* such as \['i1', 'i2'\]"):
            ask("i1 i2")


def test_no_list_is_longer_than_what_can_be_recommended(recommender: Recommender) -> None:
    history = ["i3", "i4"]
    everything = recommender.recommend(history, 20, exclude_seen=False)
    assert recommender.recommend(history, 10**9, exclude_seen=False) == everything
    assert len(recommender.recommend(history, 10**9)) == 18
    assert items(recommender.recommend(history, 10**9, allow=["i3", "i5"])) == ["i5"]
    assert [len(one) for one in recommender.recommend_many([history, ["i1"], []], 10**9)] == [18, 19, 0]


def test_neither_recbole_nor_the_dataset_is_needed(folder: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(folder, tmp_path / "moved")
    code = (
        "import sys; from recbole_adasid.serving.recommender import Recommender\n"
        "print(len(Recommender.load(sys.argv[1]).recommend(['i3'], 3)), 'recbole' in sys.modules)"
    )
    done = fresh.python(code, str(moved))
    assert done.stdout == "3 False\n", done.stderr


def test_files_of_different_runs_and_missing_ones_are_refused(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    sids = json.loads((copy / "sids.json").read_text())
    (copy / "sids.json").write_text(json.dumps(dict(reversed(list(sids.items())))))
    with pytest.raises(MismatchedFile, match="lists different items than"):
        Recommender.load(copy)
    (copy / "model.safetensors").write_bytes(b"\x80\x04nonsense")
    with pytest.raises(DamagedFile):
        Recommender.load(copy)
    with pytest.raises(FileNotFoundError, match="no run folder"):
        Recommender.load(tmp_path / "absent")


def test_a_liger_recommends_new_items_by_their_features_and_keeps_them(tiny_settings, tmp_path):
    settings = {**tiny_settings, "tokenizer": "rqkmeans", "model": "LIGER", "epochs": 20, "learning_rate": 0.01}
    folder = run({**settings, "report": False, "run_folder": str(tmp_path / "liger")})["run_folder"]
    recommender = Recommender.load(folder)
    history = ["i1", "i2", "i3"]
    before = recommender.recommend(history, k=10, exclude_seen=False)
    assert not {"i1", "i2"} & {found.item for found in recommender.recommend(history, k=10)}
    table = {"item_id": ["new1", "new2"], "title": ["the red thing number 3", "the blue thing number 8"]}
    assert Recommender.load(folder, retrieval="generative").recommend(history, k=3)[0].score < 0
    with pytest.raises(ValueError, match="Unknown retrieval 'best'.* Valid are: dense, generative, hybrid"):
        Recommender.load(folder, retrieval="best")
    recommender.add_items(["new1", "new2"], table=table)
    after = recommender.recommend(history, k=22, exclude_seen=False)
    assert [found for found in after if found.item not in ("new1", "new2")][:10] == [
        found._replace(score=pytest.approx(found.score)) for found in before
    ]
    assert {"new1", "new2"} <= {found.item for found in after}
    recommender.save()
    biased = Recommender.load(folder, new_item_bias=-0.1).recommend(history, k=22, exclude_seen=False)
    scores = {one.item: one.score - (one.item in ("new1", "new2")) * 0.1 / 0.07 for one in after}
    assert {one.item: one.score for one in biased} == pytest.approx(scores, abs=1e-4)
    again = Recommender.load(folder)
    assert [found.item for found in again.recommend(history, k=22, exclude_seen=False)] == [
        found.item for found in after
    ]
    assert again.recommend(["new1", "i4"], k=3)
    again.remove_items(["new1"])
    assert "new1" not in {found.item for found in again.recommend(history, k=22, exclude_seen=False)}
    tensors, about = read_tensors(folder / "model.safetensors", KIND)
    for setting in BEFORE_THERE_WAS_A_CHOICE:
        del about["config"]["settings"][setting]
    write_tensors(folder / "model.safetensors", KIND, tensors, about)
    assert [found.item for found in Recommender.load(folder).recommend(history, k=22, exclude_seen=False)] == [
        found.item for found in after
    ]


@pytest.mark.parametrize("retrieval", ["generative", "hybrid"])
def test_a_decoder_that_was_not_trained_recommends_nothing(retrieval):
    settings = {"model": "LIGER", "n_user_tokens": 0, "generative_weight": 0, "retrieval": "dense", "new_item_bias": 0}
    saved = SavedModel(Path("m.safetensors"), {}, {"config": {"settings": settings}})
    assert served_settings(saved, retrieval="dense") == settings
    with pytest.raises(ValueError, match=f"retrieval={retrieval} needs a trained decoder, but m.safetensors was"):
        served_settings(saved, retrieval=retrieval)


def test_a_tiger_has_no_choice_of_retrieval(folder):
    with pytest.raises(ValueError, match="retrieval=dense is only for LIGER"):
        Recommender.load(folder, retrieval="dense")
    with pytest.raises(ValueError, match="new_item_bias=0 is only for LIGER"):
        Recommender.load(folder, new_item_bias=0)


@pytest.mark.parametrize(
    ("bias", "message"),
    [
        (3, "new_item_bias=3 has to be a finite number of at least -2 and at most 2"),
        (float("nan"), "new_item_bias=nan has to be a finite number"),
        ("much", "new_item_bias='much' has to be a finite number"),
    ],
)
def test_a_bias_of_new_items_that_cannot_be_is_told(bias, message):
    settings = {"model": "LIGER", "n_user_tokens": 0, "generative_weight": 1.0, "retrieval": "dense"}
    saved = SavedModel(Path("m.safetensors"), {}, {"config": {"settings": {**settings, "new_item_bias": 0.25}}})
    with pytest.raises(ValueError, match=message):
        served_settings(saved, new_item_bias=bias)
    assert served_settings(saved, new_item_bias=np.float32(0.5)) == {**settings, "new_item_bias": 0.5}
