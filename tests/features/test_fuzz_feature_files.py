"""Generated feature files are taken, or refused in a sentence of ours."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("hypothesis")
from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from generated_input import ITEMS, cases, mutated, passes_or_says_why  # noqa: E402
from recbole_adasid.features.vectors import load_feature_file  # noqa: E402

VECTORS = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for the files of all cases, each of which writes them anew."""
    return tmp_path_factory.mktemp("generated")


DTYPES = ["f2", "f4", "f8", ">f4", "i4", "u1", "?", "c8", "U3", "S3", "M8[s]", "V4", "O", "g"]
VALUES = st.sampled_from([0.0, 1.0, -1.0, 1e-40, 65504.0, -2.0, 1e13, 1e30, 1e300, np.nan, np.inf])


@st.composite
def embeddings(draw: Any) -> np.ndarray:
    sound, odd = st.just((5, 3)), st.sampled_from([(5, 1), (5, 0), (0, 3), (4, 3), (5,), (), (5, 3, 1), (6, 3)])
    shape = draw(sound if draw(st.integers(0, 3)) else odd)
    array = np.full(shape, 0.5)
    for place in draw(st.lists(st.integers(0, max(0, array.size - 1)), max_size=3)):
        if array.size:
            array.reshape(-1)[place] = draw(VALUES)
    with np.errstate(all="ignore"):
        dtype = draw(st.sampled_from(["f2", "f4", "f8"]) if draw(st.integers(0, 3)) else st.sampled_from(DTYPES))
        return np.zeros(shape, dtype) if dtype in ("M8[s]", "V4") else array.astype(dtype)


NAMES = st.one_of(
    st.permutations(ITEMS).map(np.array),
    st.permutations(ITEMS).map(np.array),
    st.lists(st.sampled_from([*ITEMS, "zz", ""]), min_size=4, max_size=6).map(np.array),
    st.sampled_from([np.arange(5), np.arange(5.0), np.array("i0"), np.array([ITEMS]), np.array([b"\xff"] * 5)]),
)


def stored(**arrays: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


@cases(300)
@given(names=NAMES, embedding=embeddings())
def test_feature_arrays_are_taken_or_refused(folder, names, embedding):
    path = folder / "v.npz"
    path.write_bytes(stored(item_id=names, embedding=embedding))
    found = passes_or_says_why(lambda: load_feature_file(path, ITEMS))
    if found is not None:
        assert found.values.shape[0] == 5 and np.isfinite(found.values).all()
        assert np.isfinite((found.values.astype(np.float32) ** 2).sum())


@cases(200)
@given(data=mutated(stored(item_id=np.array(ITEMS), embedding=VECTORS)))
def test_damaged_archives_are_refused(folder, data):
    path = folder / "damaged.npz"
    path.write_bytes(data)
    found = passes_or_says_why(lambda: load_feature_file(path, ITEMS))
    assert found is None or (found.values.shape[0] == 5 and np.isfinite(found.values).all())
