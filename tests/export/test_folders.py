"""Exported folders recommend what the run recommends, when used as their README.md says."""

from __future__ import annotations

import json
import logging
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

import fresh
from exports import export
from recbole_adasid.export import to_torch
from recbole_adasid.serving.recommender import Recommender

Opened = Callable[[Path, str], ModuleType]
Found = list[list[tuple[str, float]]]
HISTORIES = [["i3", "i4", "i5"], ["i9"], ["new0", "i1", "i2", "i3", "i7", "i8"], ["i19", "i0"]]
torch_exports = pytest.mark.skipif(
    tuple(map(int, torch.__version__.split(".")[:2])) < to_torch.TESTED, reason="exports are tested with later ones"
)


@pytest.fixture(scope="module")
def changed(finished_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_changes(finished_run, tmp_path_factory.mktemp("changed"))


@pytest.fixture(scope="module")
def changed_liger(liger_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_changes(liger_run, tmp_path_factory.mktemp("changed"))


def with_changes(run_folder: Path, base: Path) -> Path:
    """Copy a run, add new0 and new1 to its items and remove i4."""
    folder = Path(shutil.copytree(run_folder, base / "run"))
    recommender = Recommender.load(folder)
    table = {"item_id": ["new0", "new1"], "title": ["the red thing", "the blue thing number i7"]}
    recommender.add_items(["new0", "new1"], table=table)
    recommender.remove_items(["i4"])
    recommender.save()
    return folder


@pytest.fixture
def no_traces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep pytest from recording every step of torch's tracing, which dominates its run time."""
    monkeypatch.setattr(logging.getLogger("torch.__trace"), "propagate", False)


@pytest.fixture
def run_folder(request: pytest.FixtureRequest) -> Path:
    return request.getfixturevalue(request.param)


def expected(folder: Path, k: int, *, exclude_seen: bool = True, **chosen: Any) -> Found:
    many = Recommender.load(folder, **chosen).recommend_many(HISTORIES, k, exclude_seen=exclude_seen)
    return [[(one.item, one.score) for one in row] for row in many]


def assert_same(found: Found, wanted: Found) -> None:
    """Compare lists; items whose scores differ only in the last digits may be in any order."""
    assert [len(row) for row in found] == [len(row) for row in wanted]
    for row, other in zip(found, wanted):
        assert [score for _, score in row] == pytest.approx([score for _, score in other], abs=1e-4)
        scores = dict(other)
        assert all(score == pytest.approx(scores[item], abs=1e-4) for item, score in row[:-1])


def code_of(folder: Path) -> str:
    return re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL)[0]


@pytest.mark.parametrize("run_folder", ["changed", "paper_run"], indirect=True)
def test_generate_of_transformers_gives_our_list(run_folder: Path, tmp_path: Path, opened: Opened) -> None:
    pytest.importorskip("transformers")
    out = tmp_path / "t5"
    assert export(run_folder, "transformers", out) == 0
    recommend = opened(out, "recommend")
    model, ids = recommend.load(out)
    for exclude_seen in (True, False):
        found = recommend.recommend(model, ids, HISTORIES, k=8, exclude_seen=exclude_seen, folder=out)
        assert_same(found, expected(run_folder, 8, exclude_seen=exclude_seen))
    everything = recommend.recommend(model, ids, HISTORIES, k=40, folder=out)  # more beams than items
    assert_same(everything, expected(run_folder, 40))
    assert recommend.recommend(model, ids, []) == []


def test_a_run_of_one_beam_and_one_item_of_history_is_exported(
    other_run: Callable[..., Path], tmp_path: Path, opened: Opened, no_traces: None
) -> None:
    pytest.importorskip("transformers")
    small = {"MAX_ITEM_LIST_LENGTH": 1, "beam_size": 1, "topk": [1], "metrics": ["Recall"], "valid_metric": "recall@1"}
    run = other_run(**small)
    assert export(run, "transformers", tmp_path / "t5") == 0
    recommend = opened(tmp_path / "t5", "recommend")
    model, ids = recommend.load(tmp_path / "t5")
    recommender = Recommender.load(run)
    recommender.beam_size = 2
    wanted = recommender.recommend_many(HISTORIES[:2], 1)
    found = recommend.recommend(model, ids, HISTORIES[:2], k=1, num_beams=1, folder=tmp_path / "t5")
    assert_same(found, [[(one.item, one.score) for one in row] for row in wanted])
    assert export(run, "constraints", tmp_path / "constraints") == 0
    if tuple(map(int, torch.__version__.split(".")[:2])) >= to_torch.TESTED:
        assert export(run, "torch", tmp_path / "torch") == 0


def test_what_the_page_of_a_t5_says_works_as_said(changed: Path, tmp_path: Path, opened: Opened) -> None:
    pytest.importorskip("transformers")
    assert export(changed, "transformers", tmp_path / "t5") == 0
    opened(tmp_path / "t5", "recommend")
    said: dict[str, Any] = {}
    exec(code_of(tmp_path / "t5"), said)
    found = Recommender.load(changed).recommend(said["histories"][0], 10)
    assert_same(said["best"], [[(one.item, one.score) for one in found]])
    config = json.loads((tmp_path / "t5" / "config.json").read_text())
    assert config["tie_word_embeddings"] is False and "scale_decoder_outputs" not in config
    assert len({path.stat().st_mode for path in (tmp_path / "t5").iterdir() if path.is_file()}) == 1


def test_the_decoder_of_liger_becomes_a_t5(changed_liger: Path, tmp_path: Path, opened: Opened, capsys: Any) -> None:
    pytest.importorskip("transformers")
    out = tmp_path / "t5"
    assert export(changed_liger, "transformers", out) == 2
    assert "retrieval=dense compares the history with all items" in capsys.readouterr().err and not out.exists()
    assert export(changed_liger, "transformers", out, "--retrieval=generative") == 0
    recommend = opened(out, "recommend")
    found = recommend.recommend(*recommend.load(out), HISTORIES, k=8, folder=out)
    assert_same(found, expected(changed_liger, 8, retrieval="generative"))


ALONE = """
import json, sys
sys.modules["recbole_adasid"] = None  # an import of it fails
said = {}
exec(sys.argv[1], said)
found = {name: said["recommender"].recommend(json.loads(sys.argv[2]), 8, exclude_seen=seen)
         for name, seen in (("unseen", True), ("all", False))}
print(json.dumps({**found, "page": said["best"]}))
"""


@pytest.mark.slow
@torch_exports
def test_programs_of_torch_give_our_list_without_this_package(
    changed: Path, tmp_path: Path, no_traces: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "programs"
    assert export(changed, "torch", out) == 0
    monkeypatch.chdir(out)
    done = fresh.python(ALONE, code_of(out), json.dumps(HISTORIES))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert_same(found["unseen"], expected(changed, 8))
    assert_same(found["all"], expected(changed, 8, exclude_seen=False))
    recommender = Recommender.load(changed)
    first = recommender.recommend(recommender.tokens[:2], 10)
    assert_same(found["page"], [[(one.item, one.score) for one in first]])


@pytest.mark.slow
@torch_exports
def test_dense_retrieval_of_liger_is_that_of_its_user_vectors_and_keys(
    changed_liger: Path, tmp_path: Path, opened: Opened, no_traces: None
) -> None:
    out = tmp_path / "programs"
    assert export(changed_liger, "torch", out, "--new_item_bias=0.3") == 0
    recommender = opened(out, "recommend").Recommender(out)
    for exclude_seen in (True, False):
        found = recommender.recommend(HISTORIES, 8, exclude_seen=exclude_seen)
        assert_same(found, expected(changed_liger, 8, exclude_seen=exclude_seen, new_item_bias=0.3))
    assert "new1" in {item for row in found for item, _ in row}
    found = recommender.recommend(HISTORIES, 8, retrieval="generative")
    assert_same(found, expected(changed_liger, 8, retrieval="generative"))
    assert recommender.recommend([]) == []
    with pytest.raises(ValueError, match="retrieval is 'hybrid', but this folder has dense, generative"):
        recommender.recommend(HISTORIES, retrieval="hybrid")


def test_a_table_of_constraints_holds_what_can_be_recommended_now(changed: Path, tmp_path: Path) -> None:
    out = tmp_path / "constraints"
    assert export(changed, "constraints", out) == 0
    items = json.loads((out / "items.json").read_text())
    about = json.loads((out / "export.json").read_text())
    recommender = Recommender.load(changed)
    assert list(items) == recommender.tokens and about["removed"] == ["i4"] and about["items"] == 21
    first = np.array(about["first_tokens"])
    assert {item: (np.array(row) - first).tolist() for item, row in items.items()} == dict(
        zip(items, recommender.semantic_ids([*items]))
    )
    with np.load(out / "tree.npz") as tree:
        numbers = set(tree["leaf_items"].tolist())
        assert {item for place, item in enumerate(items, start=1) if place in numbers} == {*items} - {"i4"}
        assert about["tree.npz"].keys() == set(tree.files)
    with np.load(out / "static.npz") as static:
        assert about["static.npz"].keys() == set(static.files)


def test_what_the_page_of_constraints_says_works_as_said(
    changed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert export(changed, "constraints", tmp_path / "out") == 0
    monkeypatch.chdir(tmp_path / "out")
    said: dict[str, Any] = {}
    exec(code_of(tmp_path / "out"), said)
    rows = json.loads((tmp_path / "out" / "items.json").read_text())
    del rows["i4"]
    assert set(said["tree"]["tokens"][: said["end"]]) == {row[0] for row in rows.values()} == set(said["allowed"])
    assert said["state"] == 1
