"""What the speed benchmarks stand on: the peers compute the same as we do, and the table says what was measured."""

from __future__ import annotations

import importlib
import json
import mmap

import numpy as np
import pytest

pytest.importorskip("benchmarks", reason="the benchmarks lie beside the package: run pytest from a checkout")

from benchmarks import swing as swing_benchmark  # noqa: E402
from benchmarks.__main__ import BENCHMARKS, row, run, write  # noqa: E402
from benchmarks.measuring import Measurement, median_ratio, peak_memory, reset_peak_memory  # noqa: E402
from recbole_adasid.pairs.swing import swing_pairs  # noqa: E402


def test_plain_swing_in_both_forms_equals_ours(monkeypatch):
    monkeypatch.setattr(swing_benchmark, "SAMPLED", 1)
    random = np.random.default_rng(0)
    users, items = random.integers(12, size=90), random.integers(15, size=90)
    found = swing_pairs(users, items, 15, top_k=None)
    ours = {(i, j): s for i, j, s in zip(found.trigger.tolist(), found.target.tolist(), found.weight.tolist()) if i < j}
    assert len(ours) > 10
    assert swing_benchmark.over_item_pairs(users, items) == pytest.approx(ours)
    assert swing_benchmark.over_user_pairs(users, items) == pytest.approx(ours)


def test_the_ratio_is_peer_over_ours():
    ratio, ours, peer = median_ratio(lambda: sum(range(1_000)), lambda: sum(range(200_000)), rounds=3)
    assert ratio > 5 and peer > ours > 0


def test_peak_memory_sees_what_was_freed_again():
    before = reset_peak_memory()
    with mmap.mmap(-1, 64 * 2**20) as block:  # pages of its own: an array may be put where others were freed
        block.write(bytes(len(block)))
    assert peak_memory() - before > 40


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_benchmark_has_a_module_that_explains_itself(name):
    module = importlib.import_module(f"benchmarks.{name}")
    assert f"python -m benchmarks.{name}" in module.__doc__ and callable(module.main)


def test_a_row_says_whether_the_target_was_reached():
    fast = Measurement("stage", "peer", 12.345, 10.0, detail="5 against 60 ms")
    heavy = Measurement("stage", "limit", 3.0, 2.0, at_least=False, unit=" GiB")
    assert row(fast) == "| stage | peer | 12.3× | ≥ 10× | reached | 5 against 60 ms |"
    assert "≤ 2 GiB | **missed**" in row(heavy)


def test_measurements_of_one_benchmark_replace_its_earlier_ones_only(tmp_path):
    write(tmp_path, "swing", [Measurement("a", "b", 1.0, 2.0)])
    write(tmp_path, "startup", [Measurement("c", "d", 1.0, 2.0)])
    write(tmp_path, "swing", [Measurement("e", "f", 3.0, 2.0)])
    records = [json.loads(line) for line in (tmp_path / "measurements.jsonl").read_text().splitlines()]
    assert [record["stage"] for record in records] == ["e", "c"]
    assert (tmp_path / "README.md").read_text().count("| reached |") == 1


def test_the_runner_reads_what_a_benchmark_measured():
    ok, measured = run("startup", ["--rounds", "1"])
    assert ok and [measurement.unit for measurement in measured] == [" s", " s"]
