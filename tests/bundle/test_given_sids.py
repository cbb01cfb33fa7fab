from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from recbole_adasid.bundle import SIDBundle
from recbole_adasid.bundle.given_sids import check_known, given_content, given_digest, remaining
from recbole_adasid.bundle.item_sids import ItemSIDs, as_item_sids
from recbole_adasid.io.tensor_file import DamagedFile


def test_codes_come_in_the_order_that_is_asked_for(
    bundle: SIDBundle, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bundle.save(tmp_path / "b")
    with caplog.at_level(logging.INFO):
        content, rows = given_content(tmp_path / "b", ["item 9", "x", "item 0"])
    assert rows.tolist() == [9, -1, 0] and content.sids.codes.tolist() == bundle.codes.tolist()
    assert "ignored 38 items that are not in the dataset" in caplog.text and "which may have seen" in caplog.text


def test_the_other_items_of_a_bundle_keep_theirs(bundle: SIDBundle) -> None:
    rows = np.r_[np.arange(30), -1]
    others = remaining(bundle.sids, rows, with_suffix=True)
    assert others is not None and list(others.tokens) == list(bundle.tokens[30:])
    assert others.sequences.tolist() == bundle.sids.sequences[30:].tolist()
    shared = remaining(bundle.sids, rows, with_suffix=False)
    assert shared is not None and shared.suffix is None
    assert remaining(bundle.sids, np.arange(40), with_suffix=True) is None


def test_the_digest_is_of_suffixes_and_encoders_too(bundle: SIDBundle, tmp_path: Path) -> None:
    suffix = bundle.sids.suffix
    assert suffix is not None
    other = as_item_sids(bundle.tokens, bundle.codes, bundle.sids.level_sizes, suffix + 1)
    fitted = {"words": np.arange(3)}
    for number, one in enumerate(
        (
            bundle,
            dataclasses.replace(bundle, sids=other),
            dataclasses.replace(bundle, fitted=fitted),
            dataclasses.replace(bundle, about={**bundle.about, "feature_kind": {"text_fields": ["a"]}}),
        )
    ):
        one.save(tmp_path / str(number))
    assert len({given_digest(tmp_path / str(number)) for number in range(4)}) == 4


def test_items_without_a_semantic_id_and_damage_are_refused(
    bundle: SIDBundle, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    bundle.save(tmp_path / "b")
    tokens = ["item 9", "x", "y"]
    with pytest.raises(ValueError, match="no Semantic ID for 2 of 3 items, first 'x': filter"):
        check_known("b", tokens, given_content(tmp_path / "b", tokens)[1])
    with pytest.raises(ValueError, match="no Semantic ID for 1 of 1 items, first 'x': filter"):
        given_content(tmp_path / "b", ["x"])
    damage(tmp_path / "b" / "sids.safetensors")
    with pytest.raises(DamagedFile):
        given_content(tmp_path / "b", ["item 9"])
    with pytest.raises(FileNotFoundError):
        given_content(tmp_path / "absent", ["item 9"])


def test_more_levels_than_a_model_has_are_refused(tmp_path: Path) -> None:
    SIDBundle(ItemSIDs(["a"], np.zeros((1, 65), dtype=np.int64), [2] * 65)).save(tmp_path / "b")
    with pytest.raises(ValueError, match="b has Semantic IDs of 65 levels, but a model reads at most 64: set"):
        given_content(tmp_path / "b", ["a"])
