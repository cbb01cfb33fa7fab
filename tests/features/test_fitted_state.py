from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recbole_adasid.features.fitted_state import read_fitted, write_fitted
from recbole_adasid.io.tensor_file import DamagedFile


def test_state_comes_back_and_is_refused_with_numbers_that_are_not_finite(tmp_path: Path) -> None:
    path = tmp_path / "features.safetensors"
    assert read_fitted(path) == {}
    write_fitted(path, {"mean": np.array([1.0, 2.0]), "width": np.array(3)})
    assert read_fitted(path)["mean"].tolist() == [1.0, 2.0]
    write_fitted(path, {"mean": np.array([1.0, np.nan])})
    with pytest.raises(DamagedFile, match="values in 'mean' that are not finite"):
        read_fitted(path)
