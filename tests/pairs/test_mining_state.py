from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from recbole_adasid.pairs.mining_state import KeptMining

PARTS = [sparse.random(5, 5, 0.6, format="csr", random_state=seed) for seed in range(2)]


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_sums_come_back_as_they_were(tmp_path: Path) -> None:
    state = KeptMining(tmp_path / "state", seconds=0)
    assert state.restore() == (0, [])
    state.note(7, PARTS)
    done, parts = KeptMining(tmp_path / "state").restore()
    assert done == 7 and len(parts) == 2
    for part, expected in zip(parts, PARTS):
        assert np.array_equal(part.toarray(), expected.toarray())


def test_sums_are_written_only_when_it_is_time(tmp_path: Path) -> None:
    clock = Clock()
    state = KeptMining(tmp_path / "state", seconds=60, clock=clock)
    for now, expected in ((59.0, 0), (60.0, 2), (119.0, 2), (121.0, 4)):
        clock.now = now
        state.note({59.0: 1, 60.0: 2, 119.0: 3, 121.0: 4}[now], PARTS)
        assert state.restore()[0] == expected


def test_a_damaged_file_costs_the_work_and_not_the_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "state").write_bytes(b"nonsense")
    assert KeptMining(tmp_path / "state").restore() == (0, [])
    assert "Restarting pair mining from the beginning" in caplog.text and str(tmp_path / "state") in caplog.text


def test_a_disk_that_takes_no_more_costs_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    KeptMining(tmp_path / "file" / "state", seconds=0).note(1, PARTS)
    assert "Pair mining continues without saving its state: cannot write" in caplog.text
