from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from recbole_adasid.run_folder.history import read_history, run_history, write_history

STEPS = [(0, {"loss": 2.0, "lambda_col": 1.0}), (50, {"loss": math.nan, "revived": 3.0})]


def test_a_history_comes_back_as_columns_with_gaps(tmp_path: Path) -> None:
    history = run_history(STEPS, {0: 1.5, 1: 1.25}, {1: {"recall@10": 0.5}})
    path = write_history(tmp_path / "history.json", history)
    assert read_history(path) == {
        "tokenizer": {
            "step": [0, 50],
            "loss": [2.0, None],
            "lambda_col": [1.0, None],
            "revived": [None, 3.0],
        },
        "training": {"epoch": [0, 1], "loss": [1.5, 1.25]},
        "validation": {"epoch": [1], "recall@10": [0.5]},
    }
    assert '    "lambda_col": [1.0, null],' in path.read_text().splitlines()


def test_nothing_logged_is_an_empty_table(tmp_path: Path) -> None:
    path = write_history(tmp_path / "history.json", run_history([], {}, {}))
    assert read_history(path) == {
        part: {clock: []} for part, clock in (("tokenizer", "step"), ("training", "epoch"), ("validation", "epoch"))
    }


@pytest.mark.parametrize(
    "change",
    [
        {"tokenizer": None},
        {"training": {"loss": [1.0]}},
        {"training": {"epoch": [0, 1], "loss": [1.0]}},
        {"validation": {"epoch": [0], "recall@10": ["<script>"]}},
        {"validation": {"epoch": [0], "recall@10": 1.0}},
    ],
)
def test_something_else_is_refused(change: dict, tmp_path: Path) -> None:
    path = tmp_path / "history.json"
    path.write_text(json.dumps({**run_history([], {}, {}), **change}))
    with pytest.raises(ValueError, match="history.json has no numeric columns for"):
        read_history(path)
