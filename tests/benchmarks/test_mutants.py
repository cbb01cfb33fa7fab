from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import mutants


def test_a_sample_is_drawn_by_its_seed_and_never_more_than_there_are() -> None:
    names = [f"m{number:02d}" for number in range(50)]
    chosen = mutants.sample(names, 20, 1)
    assert len(set(chosen)) == 20 and set(chosen) <= set(names)
    assert chosen == mutants.sample(names, 20, 1) != mutants.sample(names, 20, 2)
    assert set(chosen) < set(mutants.sample(names, 30, 1))
    assert mutants.sample(names, None, 0) == mutants.sample(names, 99, 0) == names


def test_the_interval_is_wilsons_narrowed_by_how_much_of_all_was_drawn() -> None:
    assert mutants.interval(81, 100, 10**9) == pytest.approx((0.7222, 0.8749), abs=1e-4)
    low, high = mutants.interval(81, 100, 200)
    assert 0.7222 < low < 0.81 < high < 0.8749
    assert mutants.interval(81, 100, 100) == (0.81, 0.81)


def test_the_table_counts_by_what_became_of_each_mutant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutants, "MUTANTS", tmp_path)
    for path, codes in (("model/a.py", [1, 3, 0, -24, 33]), ("data/b.py", [1, None])):
        meta = tmp_path / "recbole_adasid" / f"{path}.meta"
        meta.parent.mkdir(parents=True)
        found = {f"recbole_adasid.{path[:-3].replace('/', '.')}.x_f__mutmut_{n}": code for n, code in enumerate(codes)}
        meta.write_text(json.dumps({"exit_code_by_key": found}), encoding="utf-8")
    rows = mutants.table(["data", "model"], None, 0).splitlines()[2:]
    assert rows[0].startswith("| data | 2 | 1 | 1 | 0 | 0 | 0 | 100.0% (")
    assert rows[1] == "| model | 5 | 5 | 2 | 1 | 1 | 1 | 60.0% |"
