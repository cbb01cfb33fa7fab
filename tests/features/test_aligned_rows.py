from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recbole_adasid.features import aligned_rows as module
from recbole_adasid.features.aligned_rows import aligned_rows
from recbole_adasid.io.atomic import CannotWrite

ROWS = np.array([4, -1, 0, 0, 2])


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("block", [2, 100])
def test_rows_in_memory_and_in_a_file_are_those_of_the_matrix(
    kind: type, block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BLOCK_ROWS", block)
    matrix = np.random.default_rng(0).normal(size=(5, 3)).astype(kind)
    expected = np.where(ROWS[:, None] < 0, 0, matrix[ROWS]).astype(np.float32)
    for folder in (None, tmp_path / "cache"):
        found = aligned_rows(matrix, ROWS, folder)
        assert np.array_equal(found, expected) and found.dtype == np.float32 and found.flags.c_contiguous
        assert isinstance(found, np.memmap) == (folder is not None)
    assert list((tmp_path / "cache").iterdir()) == []  # the file has no name


def test_nothing_is_mapped_where_there_is_nothing(tmp_path: Path) -> None:
    assert aligned_rows(np.ones((3, 2)), np.empty(0, dtype=np.int64), tmp_path).shape == (0, 2)


def test_a_folder_that_cannot_be_written_to_is_named_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotWrite, match="file.*or set item_features_mapped=false"):
        aligned_rows(np.ones((3, 2)), np.arange(3), tmp_path / "file")
