"""Semantic IDs of features on disk equal those of features in memory."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recbole_adasid.tokenizer.bulk.blocks import assign_semantic_ids
from recbole_adasid.tokenizer.clustering.rq_kmeans import RQKMeansTokenizer
from recbole_adasid.tokenizer.scaling import FeatureScaler


@pytest.fixture(scope="module")
def features() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(103, 6)).astype(np.float16)


@pytest.fixture(scope="module")
def tokenizer(features) -> RQKMeansTokenizer:
    scaler = FeatureScaler(width=6, mode="none")
    learned = RQKMeansTokenizer(scaler=scaler, width=6, codebook_sizes=[8, 8], iterations=10, seed=0)
    learned.fit(torch.from_numpy(features.astype(np.float32)), None)
    return learned


@pytest.mark.parametrize("rows_at_once", [1, 10, 103, 1000])
def test_blocks_of_a_file_get_the_codes_of_the_whole(features, tokenizer, tmp_path, rows_at_once):
    np.save(tmp_path / "features.npy", features)
    codes = assign_semantic_ids(tokenizer, tmp_path / "features.npy", rows_at_once=rows_at_once)
    expected = tokenizer.encode(torch.from_numpy(features.astype(np.float32)))
    assert codes.dtype == np.uint16
    assert np.array_equal(codes, expected.numpy())


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        (np.zeros(5, dtype=np.float32), "one row per item"),
        (np.zeros((5, 6), dtype=np.int64), "int64"),
        (np.full((5, 6), np.nan, dtype=np.float32), "row 0, column 0"),
    ],
)
def test_files_that_are_no_features_are_refused(tokenizer, tmp_path, stored, message):
    np.save(tmp_path / "features.npy", stored)
    with pytest.raises(ValueError, match=message):
        assign_semantic_ids(tokenizer, tmp_path / "features.npy")


def test_a_block_of_no_rows_is_refused(tokenizer, tmp_path):
    with pytest.raises(ValueError, match="rows_at_once"):
        assign_semantic_ids(tokenizer, tmp_path / "features.npy", rows_at_once=0)


@pytest.mark.parametrize("kind", [">f4", ">f2", np.float64, np.longdouble])
def test_features_of_any_float_type_get_the_same_codes(features, tokenizer, tmp_path, kind):
    np.save(tmp_path / "features.npy", features.astype(kind))
    expected = tokenizer.encode(torch.from_numpy(features.astype(np.float32)))
    assert np.array_equal(assign_semantic_ids(tokenizer, tmp_path / "features.npy"), expected.numpy())


@pytest.mark.parametrize("value", [2e12, -1e25, 3e38, np.nan])
def test_a_value_that_feature_files_may_not_hold_gets_no_code(value, features, tokenizer, tmp_path):
    changed = features.astype(np.float32)
    changed[5, 2] = value
    np.save(tmp_path / "features.npy", changed)
    with pytest.raises(ValueError, match=r"in row 5, column 2: features must be finite, and at most 1e\+12 in size"):
        assign_semantic_ids(tokenizer, tmp_path / "features.npy", rows_at_once=4)


def test_a_value_beyond_float32_is_named(tokenizer, tmp_path):
    np.save(tmp_path / "features.npy", np.full((2, 6), 1e300))
    with pytest.raises(ValueError, match="has inf in row 0, column 0"):
        assign_semantic_ids(tokenizer, tmp_path / "features.npy")
