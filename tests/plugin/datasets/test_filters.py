"""Filters by number of interactions keep what RecBole's own, with its counters, keeps."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recbole.data.dataset import SequentialDataset

from recbole_adasid.plugin.config.building import build_config
from recbole_adasid.plugin.datasets.dataset import TIGERDataset
from recbole_adasid.plugin.datasets.filters import count_core
from recbole_adasid.settings.errors import SettingsError

INTERVALS = [
    ("[3,inf)", "[3,inf)"),
    ("[0,inf)", "[4,inf)"),
    (None, "[2,5]"),
    ("[2,6)", None),
    ("(1,4];[7,inf)", "[2,9]"),
    ("[0,inf)", "[0,inf)"),
]


class Recboles(TIGERDataset):
    """With RecBole's own filter."""

    _filter_by_inter_num = SequentialDataset._filter_by_inter_num


@pytest.mark.parametrize("users,items", INTERVALS)
@pytest.mark.parametrize("loads_items", [False, True])
def test_the_filters_keep_what_recbole_keeps(
    users: str | None, items: str | None, loads_items: bool, write_dataset, tmp_path: Path
) -> None:
    random = np.random.default_rng(1)
    numbers = zip(random.integers(40, size=220), random.integers(60, size=220))
    rows = [(f"u{user}", f"i{item}", str(1000 + row)) for row, (user, item) in enumerate(numbers)]
    settings = {
        "dataset": "tiny",
        "data_path": str(write_dataset(tmp_path, rows)),
        "text_fields": ["title"],
        "user_inter_num_interval": users,
        "item_inter_num_interval": items,
    }
    if loads_items:
        settings["load_col"] = {"inter": ["user_id", "item_id", "timestamp"], "item": ["item_id", "title"]}
        with (tmp_path / "tiny" / "tiny.item").open("a") as file:
            file.write("i999\tnever bought\n")
    ours, theirs = (kind(build_config(settings)) for kind in (TIGERDataset, Recboles))
    assert len(ours.inter_feat) < 220 or users == items == "[0,inf)"
    for field in ("user_id", "item_id"):
        assert list(ours.field2id_token[field]) == list(theirs.field2id_token[field])
        assert list(ours.inter_feat[field]) == list(theirs.inter_feat[field])
    assert list(ours.inter_feat["timestamp"]) == list(theirs.inter_feat["timestamp"])
    if loads_items:
        assert list(ours.item_feat["item_id"]) == list(theirs.item_feat["item_id"])


BOTH = {"inter": ["user_id", "item_id", "timestamp"], "item": ["item_id", "title"]}


def _walks(write_dataset: Any, folder: Path) -> dict[str, Any]:
    """Settings of a dataset of twelve users who take five items each out of ten."""
    rows = [(f"u{user}", f"i{(user + step) % 10}", str(1000 + step)) for user in range(12) for step in range(5)]
    return {"dataset": "tiny", "data_path": str(write_dataset(folder, rows)), "text_fields": ["title"]}


@pytest.mark.parametrize(
    "others",
    [
        {"val_interval": {"item_id": ["i0", "i1", "i2"]}},
        {"val_interval": {"user_id": ["u0", "u3"]}},
        {"val_interval": {"title": ["the red thing number i1"]}, "filter_inter_by_user_or_item": True},
        {"val_interval": {"item_id": [f"i{n}" for n in range(9)]}, "user_inter_num_interval": "[5,inf)"},
    ],
)
@pytest.mark.parametrize("loads_items", [False, True])
def test_numbers_are_counted_among_what_other_filters_left(others, loads_items, write_dataset, tmp_path):
    settings = {**_walks(write_dataset, tmp_path), **others}
    if loads_items or "title" in others["val_interval"]:
        settings["load_col"] = BOTH
    ours, theirs = (kind(build_config(settings)) for kind in (TIGERDataset, Recboles))
    assert 0 < len(ours.inter_feat) < 60
    for field in ("user_id", "item_id"):
        assert list(ours.field2id_token[field]) == list(theirs.field2id_token[field])
        assert list(ours.inter_feat[field]) == list(theirs.inter_feat[field])


@pytest.mark.parametrize(
    "others",
    [
        {"val_interval": {"timestamp": "[0,1)"}},
        {"val_interval": {"timestamp": "[0,1)"}, "user_inter_num_interval": None, "item_inter_num_interval": None},
        {"val_interval": {"timestamp": "[0,1)"}, "user_inter_num_interval": "[5,inf)", "load_col": BOTH},
        {"val_interval": {"user_id": ["nobody"]}, "rm_dup_inter": "first"},
        {"val_interval": {"title": ["nothing"]}, "load_col": BOTH},
        {"val_interval": {"title": ["nothing"]}, "load_col": BOTH, "filter_inter_by_user_or_item": False},
        {"user_inter_num_interval": "[50,inf)", "load_col": BOTH},
    ],
)
def test_filters_that_leave_nothing_say_so(others, write_dataset, tmp_path):
    with warnings.catch_warnings():
        warnings.filterwarnings("error", category=FutureWarning, message=".*boolean index.*")
        with pytest.raises(SettingsError, match="filters leave nothing of the dataset 'tiny': loosen user_inter"):
            TIGERDataset(build_config({**_walks(write_dataset, tmp_path), **others}))


def test_a_core_is_what_loops_find() -> None:
    random = np.random.default_rng(0)
    codes = {"user": random.integers(30, size=120), "item": random.integers(30, size=120)}
    keep, banned = count_core(codes, {name: lambda counts: counts >= 3 for name in codes})
    left = list(range(120))
    while True:
        counts = {name: np.bincount(column[left], minlength=30) for name, column in codes.items()}
        still = [row for row in left if all(counts[name][codes[name][row]] >= 3 for name in codes)]
        if still == left:
            break
        left = still
    assert np.flatnonzero(keep).tolist() == left and 0 < len(left) < 120
    for name, column in codes.items():
        assert set(np.flatnonzero(banned[name])) <= set(column) - set(column[left])
