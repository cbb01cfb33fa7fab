"""Random networks of every kind, and finished runs to export."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from recbole_adasid.model.catalogue import Catalogue
from recbole_adasid.model.network.tiger_network import TIGERNetwork
from recbole_adasid.model.tiger import TIGERModel

SMALL = {"d_model": 13, "d_head": 4, "n_heads": 3, "d_ff": 24, "n_encoder_layers": 2, "n_decoder_layers": 2}


def network_of(catalogue: Catalogue, **options: Any) -> TIGERNetwork:
    """Return a network whose every weight is random, far from its initial value."""
    network = TIGERNetwork(level_sizes=catalogue.level_sizes, dropout=0.0, **{**SMALL, **options}).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)
    return network


def random_model(collision: str = "suffix", **options: Any) -> TIGERModel:
    """Return a random model on 30 items, some of which have equal codes."""
    torch.manual_seed(0)
    codes = torch.randint(4, (30, 3))
    codes[4::5] = codes[3::5][: len(codes[4::5])]
    catalogue = Catalogue(codes, [4, 4, 4], collision=collision)
    return TIGERModel(network=network_of(catalogue, **options), catalogue=catalogue).eval()


@pytest.fixture
def make_model() -> Callable[..., TIGERModel]:
    return random_model


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path, str], ModuleType]:
    """A function that imports a module from an exported folder."""

    def open_module(folder: Path, name: str) -> ModuleType:
        monkeypatch.syspath_prepend(str(folder))
        for known in ("semantic_ids", "recommend"):
            monkeypatch.delitem(sys.modules, known, raising=False)
        return importlib.import_module(name)

    return open_module


@pytest.fixture(scope="session")
def other_run(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A function that trains a tiny run with some settings and returns its folder."""
    from recbole_adasid.plugin.run import run

    def train(**settings: Any) -> Path:
        base = tmp_path_factory.mktemp("other")
        given = {"dataset": "tiny", "data_path": str(tiny_data), "tokenizer": "rqkmeans", "codebook_size": 4}
        given |= {"text_fields": ["title"], "text_width": 8, "MAX_ITEM_LIST_LENGTH": 4, "cache_dir": None}
        given |= {"d_model": 16, "n_heads": 2, "d_head": 8, "d_ff": 32, "n_encoder_layers": 1, "n_decoder_layers": 1}
        given |= {"epochs": 1, "eval_step": 1, "beam_size": 10, "show_progress": False, "report": False}
        return run({**given, **settings, "run_folder": str(base / "run")})["run_folder"]

    return train


@pytest.fixture(scope="session")
def paper_run(other_run: Callable[..., Path]) -> Path:
    """A TIGER as in its paper, but with shared Semantic IDs."""
    return other_run(encoder_attention="bidirectional", encoder_input="tokens", collision="shared")


@pytest.fixture(scope="session")
def liger_run(other_run: Callable[..., Path]) -> Path:
    return other_run(model="LIGER")
