"""A finished run whose items have texts."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from recbole_adasid.plugin.run import run

TEXTS = {"tokenizer": "rqkmeans", "text_fields": ["title"], "text_width": 8, "category_field": "title"}


@pytest.fixture(scope="session")
def settings(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    base = tmp_path_factory.mktemp("runs")
    settings = {"dataset": "tiny", "data_path": str(tiny_data), "codebook_size": 4, "MAX_ITEM_LIST_LENGTH": 4}
    settings |= {"model_size": "tiny", "epochs": 2, "eval_step": 1, "beam_size": 30, "show_progress": False}
    return {**settings, **TEXTS, "run_root": str(base), "cache_dir": str(base / "cache")}


@pytest.fixture(scope="session")
def folder(settings: dict[str, object]) -> Path:
    return run(settings)["run_folder"]


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    """A run folder that a test may change."""
    return Path(shutil.copytree(folder, tmp_path / "run"))
