"""What Cornac trains on is what we train on."""

from __future__ import annotations

import pytest

pytest.importorskip("benchmarks", reason="the benchmarks lie beside the package: run pytest from a checkout")

from benchmarks import cornac_peer, one_pass, toys  # noqa: E402
from benchmarks.__main__ import run  # noqa: E402


def test_sessions_are_the_sequences_of_our_benchmark():
    data = cornac_peer.TrainingSet(30)
    items, runs = one_pass.sequences(30)
    assert [len(places) for places in data.sessions.values()] == runs.lengths.tolist()
    users, rows, _ = data.uir_tuple
    for user, places in data.sessions.items():
        assert set(users[list(places)]) == {user}
    assert (rows + 1).tolist() == items.tolist() and rows.min() >= 0 and rows.max() < toys.N_ITEMS
    assert data.examples == sum(len(places) - 1 for places in data.sessions.values())


def test_a_training_set_is_the_smallest_with_so_many_examples():
    data = cornac_peer.TrainingSet.of_examples(256)
    assert data.examples >= 256 > data.examples - (len(data.sessions[len(data.sessions) - 1]) - 1)


@pytest.mark.skipif(not cornac_peer.missing(), reason="Cornac is installed")
def test_without_cornac_it_says_so(capfd):
    ok, measured = run("cornac_peer", [])
    assert ok and measured == []
    assert "Not measured: cornac" in capfd.readouterr().out
