"""Interactions in files say what the same ones say in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recbole_adasid.data.baskets import Limits
from recbole_adasid.data.interactions import InteractionArrays
from recbole_adasid.data.log.log_interactions import LogInteractions
from recbole_adasid.data.log.sorted_log import LogSorting, SortedLog
from recbole_adasid.io.atomic import CannotWrite
from recbole_adasid.io.locks import held

N_ITEMS = 12


@pytest.fixture
def log(tmp_path: Path) -> SortedLog:
    rng = np.random.default_rng(0)
    rows = [f"u{int(rng.integers(25))},i{int(rng.integers(N_ITEMS))},{int(rng.integers(9))}" for _ in range(200)]
    rows += ["single,i1,1", "pair,i1,1", "pair,i2,2"]
    (tmp_path / "log.csv").write_text("\n".join(["user_id,item_id,timestamp", *rows]), encoding="utf-8")
    for name in ("work", "out"):
        (tmp_path / name).mkdir()
    LogSorting(tmp_path / "work").sort(tmp_path / "log.csv", {}, tmp_path / "out")
    return SortedLog.open(tmp_path / "out")


def literally(log: SortedLog, held_out: int) -> InteractionArrays:
    users, items = [], []
    for user, (start, end) in enumerate(zip(log.starts.tolist(), log.starts[1:].tolist())):
        for position in range(start, end - min(held_out, max(0, end - start - 2))):
            users.append(user + 1)
            items.append(int(log.items[position]) - 1)
    return InteractionArrays(np.array(users), np.array(items))


@pytest.mark.parametrize("held_out", [1, 2])
@pytest.mark.parametrize("memory", [600, 2**20])
def test_everything_that_is_asked_is_as_in_memory(log: SortedLog, held_out: int, memory: int) -> None:
    expected = literally(log, held_out)
    found = LogInteractions(log, held_out=held_out, memory=memory)
    assert len(found) == len(expected.users) < len(log.items)
    for one, other in zip(found.arrays(), expected.arrays()):
        assert np.array_equal(one, other) and one.dtype == other.dtype
    assert found.digest() == expected.digest()
    assert np.array_equal(found.counts(N_ITEMS), expected.counts(N_ITEMS))
    for limits in (Limits(), Limits(5, 2, 3)):
        with found.baskets(N_ITEMS, limits) as ours, expected.baskets(N_ITEMS, limits) as theirs:
            assert np.array_equal(ours.starts, theirs.starts) and np.array_equal(ours.items, theirs.items)


def folders_beside(log: SortedLog) -> list[str]:
    return sorted(path.name for path in log.folder.parent.iterdir() if path.name.startswith(f"{log.folder.name}.work"))


def test_files_in_between_end_with_the_block_and_those_of_a_killed_process_are_removed(log: SortedLog) -> None:
    killed = log.folder.with_name(f"{log.folder.name}.work-99999999")
    killed.mkdir()
    (killed / "items").write_bytes(b"left over")
    killed.with_name(f"{killed.name}.lock").touch()
    interactions = LogInteractions(log, held_out=2, memory=2**20)
    with interactions.baskets(N_ITEMS, Limits()) as baskets:
        assert baskets.n_users > 20 and len(folders_beside(log)) == 2 and not killed.exists()
    assert folders_beside(log) == []


def test_work_of_another_process_that_lives_stays(log: SortedLog) -> None:
    other = log.folder.with_name(f"{log.folder.name}.work-1")
    with held(other.with_name(f"{other.name}.lock"), "it", wait=False):
        other.mkdir()
        with LogInteractions(log, held_out=2, memory=2**20).baskets(N_ITEMS, Limits()):
            assert other.is_dir()
        assert other.is_dir()


def test_where_nothing_can_be_written_baskets_lie_elsewhere(log: SortedLog, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise CannotWrite("it is read-only")

    monkeypatch.setattr("recbole_adasid.data.log.log_interactions.held", refuse)
    with LogInteractions(log, held_out=2, memory=2**20).baskets(N_ITEMS, Limits()) as baskets:
        assert baskets.n_users > 20 and folders_beside(log) == []
