from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recbole_adasid.tune import objectives

GRID = """
choice:
  codebook_size: [2, 4, 8]
  both:
    - {kmeans_iterations: 3, sid_length: 2}
    - {kmeans_iterations: 1}
"""


@pytest.fixture
def arguments(tiny_settings: dict[str, object], tmp_path: Path) -> Callable[..., list[str]]:
    """The function that gives the arguments of a search of a grid."""

    def given(grid: str = GRID, out: str = "found", **own: object) -> list[str]:
        (tmp_path / "grid.yaml").write_text(grid, encoding="utf-8")
        settings = {key: value for key, value in tiny_settings.items() if key != "codebook_size"}
        own = {"space": "grid.yaml", "out": str(tmp_path / out), "proxy_examples": 200, **own}
        texts = {
            key: value if isinstance(value, str) else json.dumps(value) for key, value in {**settings, **own}.items()
        }
        return [f"--{key}={value}" for key, value in texts.items()]

    return given


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replaces what proxy and validation measure by a distance from one point of the grid; lists what was measured."""
    measured: list[str] = []

    def measure(self: Any, config: Any, settings: dict[str, Any], name: str) -> tuple[np.ndarray, dict[str, float]]:
        measured.append(name)
        far = abs(config["codebook_size"] - 4) + config["kmeans_iterations"] + 0.25 * (config["seed"] % 2)
        return np.zeros((3, 2), dtype=np.int64), {self.metric: 10 - far}

    monkeypatch.setattr(objectives.Proxy, "measure", measure)
    monkeypatch.setattr(objectives.Proxy, "fingerprint", lambda self, config: str(config["epochs"]))
    return measured
