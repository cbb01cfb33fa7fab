"""The cache of computed stages."""

from __future__ import annotations

import shutil
import subprocess
import sys

import numpy as np
import pytest

from recbole_adasid.io.digests import array_digest, fingerprint
from recbole_adasid.io.stage_cache import StageCache


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
def test_a_damaged_file_is_named_and_computed_again(tmp_path, damage, caplog):
    compute = Computation()
    StageCache(tmp_path).arrays("features", {}, compute)
    (file,) = tmp_path.rglob("*.safetensors")
    file.write_bytes(damage)
    assert StageCache(tmp_path).arrays("features", {}, compute)["values"].tolist() == [2, 3, 4]
    assert str(file) in caplog.text and "Recomputing the stage features" in caplog.text
    assert StageCache(tmp_path).arrays("features", {}, compute)["values"].tolist() == [2, 3, 4]


@pytest.mark.parametrize(("stage", "description"), [("features", {"seed": 2}), ("pairs", {"seed": 1})])
def test_a_file_put_in_the_place_of_another_is_computed_again(tmp_path, stage, description, caplog):
    compute = Computation()
    cache = StageCache(tmp_path)
    cache.arrays("features", {"seed": 1}, compute)
    (source,) = tmp_path.rglob("*.safetensors")
    place = tmp_path / stage / f"{fingerprint(description)}.safetensors"
    place.parent.mkdir(exist_ok=True)
    shutil.copy(source, place)
    assert cache.arrays(stage, description, compute)["values"].tolist() == [2, 3, 4]
    assert "other settings" in caplog.text


def test_arrays_come_back_with_their_types_and_shapes(tmp_path):
    frozen = np.frombuffer(b"abc", dtype=np.uint8)
    arrays = {"frozen": frozen, "turned": np.arange(6).reshape(2, 3).T, "backwards": np.arange(3)[::-1]}
    arrays |= {"none": np.empty((0, 2), dtype=np.float32), "one": np.array(2.5)}
    StageCache(tmp_path).arrays("any", {}, lambda: arrays)
    again = StageCache(tmp_path).arrays("any", {}, dict)
    assert again.keys() == arrays.keys()
    for name, values in arrays.items():
        assert again[name].dtype == values.dtype and np.array_equal(again[name], values), name


def test_a_failed_computation_leaves_nothing_behind(tmp_path):
    def fail() -> dict[str, np.ndarray]:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        StageCache(tmp_path).arrays("features", {}, fail)
    assert not list(tmp_path.rglob("*safetensors*"))


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


def test_a_second_process_waits_for_the_first_and_reads_what_it_computed(tmp_path):
    code = (
        "import sys, time, numpy as np; from recbole_adasid.io.stage_cache import StageCache\n"
        "def compute():\n"
        "    print('computing', flush=True); time.sleep(1); return {'values': np.arange(5)}\n"
        "StageCache(sys.argv[1]).arrays('features', {}, compute)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "computing\n"
    compute = Computation()
    assert StageCache(tmp_path).arrays("features", {}, compute)["values"].tolist() == [0, 1, 2, 3, 4]
    assert compute.calls == 0 and process.wait() == 0


def test_a_cache_that_cannot_be_written_still_gives_what_was_computed(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    cache = StageCache(tmp_path / "file" / "cache")
    assert cache.arrays("features", {}, Computation())["values"].tolist() == [1, 2, 3]
    assert "The stage features could not be stored: cannot write" in caplog.text
