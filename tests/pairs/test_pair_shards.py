"""Pairs are written whole or not at all."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from recbole_adasid.pairs.item_pairs import ItemPairs
from recbole_adasid.pairs.pair_file import load_pair_file
from recbole_adasid.pairs.pair_shards import refuse_to_overwrite, refuse_wide_tokens, write_pairs

TOKENS = ["a", "b", "c"]


def some(trigger: int, target: int) -> ItemPairs:
    return ItemPairs(np.array([trigger]), np.array([target]), np.array([0.5], dtype=np.float32))


def dying() -> Iterator[ItemPairs]:
    yield some(0, 1)
    raise RuntimeError("a worker died")


@pytest.fixture(params=["pairs.npz", "pairs"])
def out(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "pairs":
        pytest.importorskip("pyarrow")
    return tmp_path / "new" / request.param


def test_pairs_are_read_as_they_were_written(out: Path) -> None:
    refuse_to_overwrite(out)
    assert write_pairs(out, [some(0, 1), some(2, 0)], TOKENS) == 2
    found = load_pair_file(out, TOKENS)
    assert list(zip(found.trigger.tolist(), found.target.tolist())) == [(0, 1), (2, 0)]
    with pytest.raises(FileExistsError, match="already exists"):
        refuse_to_overwrite(out)


def test_mining_that_dies_halfway_leaves_nothing(out: Path) -> None:
    with pytest.raises(RuntimeError, match="a worker died"):
        write_pairs(out, dying(), TOKENS)
    assert list(out.parent.iterdir()) == []


@pytest.mark.parametrize("parts", [[], [ItemPairs(np.zeros(0, int), np.zeros(0, int), np.zeros(0, np.float32))]])
def test_no_pairs_are_refused(parts: list[ItemPairs], out: Path) -> None:
    with pytest.raises(ValueError, match="no two users share two items"):
        write_pairs(out, parts, TOKENS)
    assert not out.exists()


def test_a_place_that_cannot_be_written_is_told_before_anything_is_mined(tmp_path: Path) -> None:
    (tmp_path / "afile").touch()
    for out in (tmp_path / "afile" / "pairs.npz", tmp_path / "afile" / "pairs"):
        with pytest.raises(OSError, match="cannot write .*afile"):
            refuse_to_overwrite(out)


def test_a_long_token_costs_a_folder_no_memory(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    tokens = ["x" * 5000, *map(str, range(20_000))]
    tracemalloc.start()
    write_pairs(tmp_path / "pairs", [some(0, 1)], tokens)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20e6  # all at the width of the longest: 100e6


def test_an_archive_in_which_one_token_would_widen_all_is_refused() -> None:
    tokens = ["é" * 2000, *map(str, range(20_000))]
    with pytest.raises(ValueError, match=r"longest item token has 4,000 bytes.* 7.5 GiB.*folder"):
        refuse_wide_tokens(Path("p.npz"), tokens, 50)
    refuse_wide_tokens(Path("p"), tokens, 50)
    refuse_wide_tokens(Path("p.npz"), tokens, 5)
    refuse_wide_tokens(Path("p.npz"), ["x" * 4000] * 20_000, 50)
    refuse_wide_tokens(Path("p.npz"), [], None)


def test_an_empty_folder_is_filled_if_it_can_be_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyarrow")
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    refuse_to_overwrite(tmp_path / "link")
    assert write_pairs(tmp_path / "link", [some(0, 1)], TOKENS) == 1
    assert [path.name for path in (tmp_path / "real").iterdir()] == ["pairs-00000.parquet"]
    (tmp_path / "disk").mkdir()

    def busy(path: Path) -> None:
        raise OSError(16, "Device or resource busy")

    (tmp_path / "disk").chmod(0o2775)
    refuse_to_overwrite(tmp_path / "disk")
    with monkeypatch.context() as patched:  # such as a mount point
        patched.setattr(Path, "rmdir", busy)
        assert write_pairs(tmp_path / "disk", [some(0, 1)], TOKENS) == 1
    assert (tmp_path / "disk").stat().st_mode & 0o7777 == 0o2775
    (tmp_path / "disk" / "pairs-00000.parquet").unlink()
    assert write_pairs(tmp_path / "disk", [some(0, 1)], TOKENS) == 1  # replaced, with the same rights
    assert (tmp_path / "disk").stat().st_mode & 0o7777 == 0o2775
    (tmp_path / "disk" / "pairs-00000.parquet").unlink()
    monkeypatch.chdir(tmp_path / "disk")
    with pytest.raises(OSError, match="cannot replace the folder . .it is the current folder."):
        refuse_to_overwrite(Path())
