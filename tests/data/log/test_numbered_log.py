"""Names become numbers, and memory does not depend on who is busy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recbole_adasid.data.log import numbered_log
from recbole_adasid.data.log.log_files import Tokens
from recbole_adasid.data.log.numbered_log import LogNumbering, training_sizes


def busy_log(folder: Path) -> Path:
    """Write a log in whose beginning the busiest users are, and one item that half of the rows have."""
    rng = np.random.default_rng(0)
    users = np.repeat(np.arange(300), np.maximum(1, 400 // (1 + np.arange(300))))
    items = np.where(rng.random(len(users)) < 0.5, 0, rng.integers(1, 200, size=len(users)))
    rows = "".join(f"u{user},i{item},{place}\n" for place, (user, item) in enumerate(zip(users, items)))
    path = folder / "log.csv"
    path.write_text("user_id,item_id,timestamp\n" + rows, encoding="utf-8")
    return path


@pytest.mark.parametrize("rows_at_once", [10, 10_000])
def test_buckets_hold_about_as_many_rows_each_however_busy_users_and_items_are(
    rows_at_once: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: dict[str, list[int]] = {}
    take = numbered_log.Buckets.take

    def measured(self: numbered_log.Buckets):
        sizes[self.paths[0].name] = [path.stat().st_size // self.type.itemsize for path in self.paths if path.exists()]
        return take(self)

    monkeypatch.setattr(numbered_log.Buckets, "take", measured)
    path = busy_log(tmp_path)
    (tmp_path / "work").mkdir()
    numbering = LogNumbering(tmp_path / "work", memory=1.0)
    numbering.bytes, numbering.rows_at_once = 60_000, rows_at_once
    log = numbering.number(path, {})
    rows = [len(user) for (user,) in log.ordered("user")]
    assert sum(rows) == log.interactions and len(rows) > 5
    assert max(rows) <= log.interactions / len(rows) + 400  # no user is cut, and the busiest has 400
    assert max(sizes["items.0"]) < log.interactions / 4  # half of the rows have one item, which counts once a chunk


def test_entries_are_the_names_of_a_chunk_in_their_order() -> None:
    entries = numbered_log._entries(Tokens(np.array([2, 0, 2, 2, 0]), np.array(["a", "nobody", "c"], dtype=object)))
    assert entries.names.tolist() == ["c", "a"] and entries.codes.tolist() == [0, 1, 0, 0, 1]
    assert entries.first.tolist() == [0, 1] and entries.rows.tolist() == [3, 2]


def test_names_of_several_lines_are_refused_where_they_are_kept(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text('user_id,item_id,timestamp\n"a\nb",x,1\n', encoding="utf-8")
    for number, named in enumerate((("items",), ("users", "items"))):
        (tmp_path / str(number)).mkdir()
        numbering = LogNumbering(tmp_path / str(number), named=named)
        if "users" in named:
            with pytest.raises(ValueError, match="in users has a line break"):
                numbering.number(tmp_path / "log.csv", {})
        else:
            assert numbering.number(tmp_path / "log.csv", {}).interactions == 1


def test_a_user_keeps_two_interactions() -> None:
    assert training_sizes(np.array([1, 2, 3, 4, 9]), 2).tolist() == [1, 2, 2, 2, 7]
