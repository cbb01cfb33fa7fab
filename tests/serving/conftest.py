"""A finished run whose items have texts, and a catalogue in shards with a tokenizer for it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from catalogue_shards import WIDTH, vectors, write_shards
from recbole_adasid.plugin.run import run
from recbole_adasid.tokenizer.base import ItemTokenizer

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


@pytest.fixture(scope="module")
def tokenizer() -> ItemTokenizer:
    from recbole_adasid.tokenizer.clustering.rq_kmeans import RQKMeansTokenizer
    from recbole_adasid.tokenizer.scaling import FeatureScaler

    scaler = FeatureScaler(width=WIDTH, mode="none")
    learned = RQKMeansTokenizer(scaler=scaler, width=WIDTH, codebook_sizes=[4, 3], iterations=5, seed=0)
    learned.fit(torch.from_numpy(vectors()).float(), None)
    return learned


@pytest.fixture
def shards(tmp_path: Path) -> list[Path]:
    return write_shards(tmp_path / "features")
