from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from recbole_adasid.bundle import SIDBundle
from recbole_adasid.bundle.item_sids import ItemSIDs, as_item_sids
from recbole_adasid.data.item_labels import ItemLabel
from recbole_adasid.plugin.run import run
from recbole_adasid.settings.presets import read_props
from recbole_adasid.tokenizer.base import ItemTokenizer
from recbole_adasid.tokenizer.registry import build_tokenizer, tokenizer_settings

SIZES, WIDTH, ITEMS = [4, 3, 5], 6, 40


@pytest.fixture(scope="session")
def features() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(ITEMS, WIDTH)).astype(np.float32)


@pytest.fixture(scope="session")
def settings_of_tokenizer() -> dict[str, Any]:
    given = {**read_props("tokenizers.yaml"), **read_props("tokenizer/rqkmeans.yaml"), "seed": 0}
    return tokenizer_settings({**given, "sid_length": 3, "codebook_size": SIZES})


@pytest.fixture(scope="session")
def tokenizer(features: np.ndarray, settings_of_tokenizer: dict[str, Any]) -> ItemTokenizer:
    built = build_tokenizer(settings_of_tokenizer, width=WIDTH)
    built.fit(torch.from_numpy(features), None)
    return built.eval()


def with_suffix(codes: np.ndarray) -> list[int]:
    """Number items of equal codes from 0 on, by the definition."""
    rows = [tuple(row) for row in codes.tolist()]
    return [rows[:place].count(row) for place, row in enumerate(rows)]


@pytest.fixture
def sids(tokenizer: ItemTokenizer, features: np.ndarray) -> ItemSIDs:
    """Semantic IDs with suffixes; some items collide."""
    codes = tokenizer.encode(torch.from_numpy(features)).numpy()
    return as_item_sids([f"item {row}" for row in range(ITEMS)], codes, SIZES, with_suffix(codes))


@pytest.fixture
def bundle(sids: ItemSIDs, tokenizer: ItemTokenizer, settings_of_tokenizer: dict[str, Any]) -> SIDBundle:
    about = {
        "source": {"kind": "test"},
        "dataset": {"name": "made up"},
        "settings": settings_of_tokenizer,
        "feature_kind": {"text_fields": ["title"]},
        "fingerprints": {"semantic_ids": "s", "features": {"kind": "random"}, "pairs": "p"},
        "quality": {"unique_sids": 0.5, "undefined": float("nan")},
    }
    labels = {"item 3": ItemLabel("a title, with ünïcode", "a > b")}
    return SIDBundle(sids, tokenizer, labels, about, {"words": np.arange(9, dtype=np.uint8), "idf": np.ones(2)})


@pytest.fixture(scope="session")
def run_settings(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    base = tmp_path_factory.mktemp("bundled")
    settings = {"dataset": "tiny", "data_path": str(tiny_data), "tokenizer": "rqkmeans", "codebook_size": 3}
    settings |= {"text_fields": ["title"], "text_width": 8, "MAX_ITEM_LIST_LENGTH": 4, "model_size": "tiny"}
    settings |= {"epochs": 1, "beam_size": 10, "show_progress": False, "cache_dir": str(base / "cache")}
    return {**settings, "run_root": str(base)}


@pytest.fixture(scope="session")
def finished(run_settings: dict[str, Any]) -> dict[str, Any]:
    """What a small run returned; some of its items collide."""
    return run(run_settings)


@pytest.fixture(scope="session")
def peers() -> SimpleNamespace:
    """The functions of peer_readers.py, which know nothing of this package."""
    return SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("peer_readers.py"))))


@pytest.fixture
def damage() -> Callable[[Path], None]:
    """Change one byte in the middle of a file."""

    def change(path: Path) -> None:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)

    return change
