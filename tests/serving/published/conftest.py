"""A finished run, and the model repository made of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from recbole_adasid.plugin.run import run
from recbole_adasid.serving.recommender import Recommender

NAME = "me/tiny"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose path must not leak."""
    return tmp_path_factory.mktemp("secret-place")


@pytest.fixture(scope="module")
def finished(base: Path, write_dataset: Callable[..., Path]) -> Path:
    """The folder of a finished LIGER run with recognisable user names."""
    rows = [(f"secret-user-{n}", f"i{(n + step) % 20}", str(1000 + step)) for n in range(30) for step in range(6)]
    settings = {"dataset": "tiny", "data_path": str(write_dataset(base / "data", rows)), "model": "LIGER"}
    settings |= {"tokenizer": "rqkmeans", "codebook_size": 4, "text_fields": ["title"], "text_width": 8}
    settings |= {"MAX_ITEM_LIST_LENGTH": 4, "epochs": 1, "beam_size": 10, "show_progress": False, "cache_dir": None}
    return run({**settings, "run_folder": str(base / "run")})["run_folder"]


@pytest.fixture(scope="module")
def published(finished: Path, base: Path) -> Path:
    """Its model repository, which must not be changed."""
    return Recommender.load(finished).save_pretrained(base / "published", license="mit")


@pytest.fixture
def repository(published: Path, tmp_path: Path) -> Path:
    """A copy that may be changed."""
    return Path(shutil.copytree(published, tmp_path / "repository"))


@pytest.fixture
def hub(loopback_hub: Any, published: Path) -> Any:
    """A hub that has the repository as me/tiny."""
    loopback_hub.publish(NAME, published)
    return loopback_hub
