from __future__ import annotations

import numpy as np
import pytest

from recbole_adasid.data.convert import tally as module
from recbole_adasid.data.convert.tally import Statistics, Tally


def plain_core(pairs: list[tuple[str, str]], least: int) -> list[tuple[str, str]]:
    """Drop users and items of too few interactions until none is left."""
    while True:
        users, items = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        kept = [(u, i) for u, i in pairs if users.count(u) >= least and items.count(i) >= least]
        if kept == pairs:
            return kept
        pairs = kept


def size(pairs: list[tuple[str, str]]) -> Statistics:
    return Statistics(len({u for u, _ in pairs}), len({i for _, i in pairs}), len(pairs))


@pytest.mark.parametrize("chunk", [7, 1 << 16])
def test_sizes_and_repetitions_are_those_of_plain_loops(tmp_path, monkeypatch, chunk):
    monkeypatch.setattr(module, "_CHUNK", chunk)
    monkeypatch.setattr(module, "_SORTED", 3 * chunk)
    monkeypatch.setattr(module, "_PART", 3 * chunk)
    monkeypatch.setattr(module, "_BUFFERED", 10)
    random = np.random.default_rng(3)
    pairs = [(f"u{random.zipf(1.6) % 40}", f"i{random.zipf(1.5) % 30}") for _ in range(300)]
    with Tally(tmp_path) as tally:
        for pair in pairs:
            tally.add(*pair)
        everything, core = tally.statistics(4)
        repetitions = tally.repetitions()
    assert everything == size(pairs)
    assert 0 < core.interactions < len(pairs)
    assert core == size(plain_core(pairs, 4))
    assert repetitions == len(pairs) - len(set(pairs))
    assert not list(tmp_path.iterdir())


def test_an_empty_core_and_nothing_at_all(tmp_path):
    with Tally(tmp_path) as tally:
        assert tally.statistics(5) == (Statistics(0, 0, 0), Statistics(0, 0, 0))
        assert tally.repetitions() == 0
        tally.add("u", "i")
        assert tally.statistics(5) == (Statistics(1, 1, 1), Statistics(0, 0, 0))
    assert (Statistics(4, 5, 10).density, Statistics(0, 0, 0).density) == (0.5, 0.0)


def test_repetitions_are_counted_in_one_pass_however_many(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_PART", 20)
    rows, mixed = [], module._mixed
    monkeypatch.setattr(module, "_mixed", lambda pairs: rows.append(len(pairs)) or mixed(pairs))
    random = np.random.default_rng(1)
    pairs = [(f"u{random.integers(30)}", f"i{random.integers(30)}") for _ in range(1000)]
    with Tally(tmp_path) as tally:
        for pair in pairs:
            tally.add(*pair)
        assert tally.repetitions() == len(pairs) - len(set(pairs))
    assert sum(rows) == len(pairs) and not list(tmp_path.iterdir())
