"""Recommendations from a finished run's folder."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from recbole_adasid.host.run import run
from recbole_adasid.recommender import Recommender
from recbole_adasid.storage import DamagedFile, MismatchedFile


@pytest.fixture(scope="module")
def folder(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run on items i0 … i19, some of which share a Semantic ID."""
    base = tmp_path_factory.mktemp("run")
    settings = {"dataset": "tiny", "data_path": str(tiny_data), "tokenizer": "rqkmeans", "codebook_size": 4}
    settings |= {"text_fields": ["title"], "text_width": 8, "MAX_ITEM_LIST_LENGTH": 4, "model_size": "tiny"}
    settings |= {"epochs": 3, "eval_step": 1, "beam_size": 20, "show_progress": False, "cache_dir": str(base / "cache")}
    return run({**settings, "run_folder": str(base / "run")})["run_folder"]


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
    assert "1 items of the histories are not in the catalogue" in caplog.text
    with pytest.raises(ValueError, match=r"no item of the history \['new'\] is in the catalogue"):
        recommender.recommend(["new"])


def test_many_histories_give_what_each_gives_alone(
    recommender: Recommender, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("recbole_adasid.recommender.HISTORIES_AT_ONCE", 2)
    histories = [["i1"], [], ["i2", "i3", "i4"], ["unknown"], ["i9", "i8"]]
    found = recommender.recommend_many(histories, 4)
    alone = {row: items(recommender.recommend(histories[row], 4)) for row in (0, 2, 4)}
    assert [items(one) for one in found] == [alone.get(row, []) for row in range(5)]
    assert "2 histories of 5 have no known item" in caplog.text
    assert recommender.recommend_many([], 4) == []
    with pytest.raises(ValueError, match="k is 0"):
        recommender.recommend_many(histories, 0)


def test_neither_recbole_nor_the_dataset_is_needed(folder: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(folder, tmp_path / "moved")
    code = (
        "import sys; from recbole_adasid.recommender import Recommender\n"
        "print(len(Recommender.load(sys.argv[1]).recommend(['i3'], 3)), 'recbole' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(moved)], capture_output=True, text=True, check=True)
    assert done.stdout == "3 False\n"


def test_files_of_different_runs_and_missing_ones_are_refused(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    sids = json.loads((copy / "sids.json").read_text())
    (copy / "sids.json").write_text(json.dumps(dict(reversed(list(sids.items())))))
    with pytest.raises(MismatchedFile, match="lists other items than"):
        Recommender.load(copy)
    (copy / "model.safetensors").write_bytes(b"\x80\x04nonsense")
    with pytest.raises(DamagedFile):
        Recommender.load(copy)
    with pytest.raises(FileNotFoundError, match="no run folder"):
        Recommender.load(tmp_path / "absent")
