"""A malicious file in the place of something kept is not executed, and what it held is computed anew."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from malicious_files import planted
from recbole_adasid.features.vector_store import VectorStore
from recbole_adasid.io.digests import fingerprint
from recbole_adasid.io.stage_cache import StageCache
from recbole_adasid.io.tensor_file import read_tensors


def test_a_malicious_stage_is_computed_again(evil: bytes, tmp_path: Path, marker: Path) -> None:
    file = planted(tmp_path, evil, f"cache/features/{fingerprint({})}.safetensors")
    cache = StageCache(tmp_path / "cache")
    assert cache.arrays("features", {}, lambda: {"values": np.ones(1)})["values"] == 1
    assert cache.statuses == {"features": "computed"} and not marker.exists()
    assert read_tensors(file, "stage")


def test_malicious_vectors_are_encoded_again(evil: bytes, tmp_path: Path, marker: Path) -> None:
    store = VectorStore(tmp_path, {})
    for _ in range(2):
        found = store.vectors(["d"], lambda places: np.ones((1, 2), dtype=np.float32), sizes=[1])
        assert found.tolist() == [[1, 1]] and not marker.exists()
        (file,) = tmp_path.rglob("*.safetensors")
        file.write_bytes(evil)
