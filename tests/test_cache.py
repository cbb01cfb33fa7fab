"""The cache of computed stages."""

from __future__ import annotations

import numpy as np
import pytest

from recbole_adasid.cache import StageCache, array_digest, fingerprint


class Computation:
    """Count how often a stage is really computed."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> dict[str, np.ndarray]:
        self.calls += 1
        return {"values": np.arange(3) + self.calls}


def test_a_stage_is_computed_once_for_one_description(tmp_path):
    compute = Computation()
    first, second = StageCache(tmp_path), StageCache(tmp_path)
    computed = first.arrays("features", {"width": 3}, compute)
    reused = second.arrays("features", {"width": 3}, compute)
    assert np.array_equal(computed["values"], reused["values"])
    assert compute.calls == 1
    assert (first.statuses, second.statuses) == ({"features": "computed"}, {"features": "reused"})


def test_another_description_is_computed_anew(tmp_path):
    compute = Computation()
    cache = StageCache(tmp_path)
    cache.arrays("features", {"width": 3}, compute)
    cache.arrays("features", {"width": 4}, compute)
    assert compute.calls == 2


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 not really a zip", b"nonsense"])
def test_a_damaged_file_is_computed_again(tmp_path, damage):
    compute = Computation()
    StageCache(tmp_path).arrays("features", {}, compute)
    (file,) = tmp_path.rglob("*.npz")
    file.write_bytes(damage)
    assert StageCache(tmp_path).arrays("features", {}, compute)["values"].tolist() == [2, 3, 4]
    assert StageCache(tmp_path).arrays("features", {}, compute)["values"].tolist() == [2, 3, 4]


def test_a_failed_computation_leaves_nothing_behind(tmp_path):
    def fail() -> dict[str, np.ndarray]:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        StageCache(tmp_path).arrays("features", {}, fail)
    assert not list(tmp_path.rglob("*.*"))


def test_without_a_folder_everything_is_computed():
    compute = Computation()
    cache = StageCache(None)
    cache.arrays("features", {}, compute)
    cache.arrays("features", {}, compute)
    assert compute.calls == 2


def test_fingerprints_ignore_the_order_of_keys_and_see_every_value():
    assert fingerprint({"a": 1, "b": [2, 3]}) == fingerprint({"b": [2, 3], "a": 1})
    assert len({fingerprint({"a": value}) for value in (1, 1.5, "1", True, None, [1])}) == 6


def test_array_digests_see_values_shapes_and_types():
    base = np.arange(6)
    others = [base + 1, base.reshape(2, 3), base.astype(np.int32)]
    assert len({array_digest(a) for a in [base, *others]}) == 4
    assert array_digest(base) == array_digest(base.copy())
