from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("benchmarks")
from benchmarks.scale_plan import Machines, assigning, hours, mining, plan, read_rates, size, training  # noqa: E402

RATES = {
    **{"log: share that counts": 0.5, "log: directed sums": 2.0, "log: co-occurrences": 40.0},
    **{"log: interactions read": 1e6, "task: co-occurrences": 1e7, "task: sums": 1e6},
    **{"task: items of users who never meet": 1e7, "catalogue: items encoded": 1e5, "catalogue: suffixes": 1e6},
    **{"bytes an item": 35.0, "tree: built": 1e6, "log: sorted for training": 5e5},
    **{"log: bytes an interaction, kept sorted": 10.0, "log: bytes a user, opened": 90.0},
}
MACHINES = Machines(nodes=2, workers=2, worker_memory=1e9, network=1e9)


def test_a_log_of_a_billion_interactions_by_hand() -> None:
    found = {line.stage: line.value for line in mining(1e9, 1e8, 1e7, RATES, MACHINES)}
    assert found["reading, one process"] == hours(1e9 / 1e6)
    assert found["its files"] == size(100e9) and found["its memory"] == size(60e8 + 100e7)
    assert found["blocks of users, pairs of blocks"] == "50, 1,275"  # 0.5 billion · 100 bytes in blocks of 1 GB
    assert found["pairs of users, all workers"] == hours(40e9 / 1e7 / 4)
    assert found["passing over users who never meet"] == hours(51 * 0.5e9 / 1e7 / 4)
    assert found["sums in the object store"] == size(32e9)
    assert found["sums over the network"] == hours(32e9 / 2e9)
    assert found["best targets"] == hours(2e9 / 1e6 / 4)
    assert found["objects that the driver knows"] == "0.26 million"  # 1,275 · 200 blocks of items


def test_a_catalogue_by_hand() -> None:
    found = {line.stage: line.value for line in assigning(1e8, RATES, MACHINES)}
    assert found["encoding"] == hours(1e8 / 1e5 / 4) and found["suffixes, one process"] == "100 s"
    assert found["features over the network"] == hours(1536e8 / 2e9)
    assert found["catalogue and prefix tree"] == "3.5 GB" and found["building them, one process"] == "100 s"


def test_a_log_that_is_trained_on_by_hand() -> None:
    found = {line.stage: line.value for line in training(1e9, 1e8, RATES)}
    assert found["sorting, one process of a machine"] == hours(1e9 / 5e5)
    assert found["files of a machine"] == "10.0 GB" and found["memory of each process"] == "9.0 GB"


def test_rates_are_read_from_measurements_and_the_largest_catalogue_counts(tmp_path: Path) -> None:
    records = []
    for name, rate in RATES.items():
        fast = rate >= 1e5
        if name not in ("bytes an item", "tree: built"):
            value, unit = (rate / 1e6, " M/s") if fast else (rate, "")
            records.append({"stage": name, "against": "", "value": value, "unit": unit})
    for items, stored, built in ((10, 50.0, 2.0), (100, 35.0, 1.0)):
        records.append({"stage": f"tree, {items} items", "against": "bytes an item", "value": stored, "unit": ""})
        records.append({"stage": f"tree: built, {items} items", "against": "", "value": built, "unit": " M/s"})
    (tmp_path / "m.jsonl").write_text("".join(json.dumps(one) + "\n" for one in records), encoding="utf-8")
    rates = read_rates(tmp_path / "m.jsonl")
    assert {name: rates[name] for name in RATES} == RATES
    assert "Semantic IDs of 1,000 M items" in plan(rates, Machines())
