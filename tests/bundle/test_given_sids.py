from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from recbole_adasid.bundle import SIDBundle
from recbole_adasid.bundle.given_sids import given_codes
from recbole_adasid.bundle.item_sids import ItemSIDs
from recbole_adasid.io.tensor_file import DamagedFile


def test_codes_come_in_the_order_that_is_asked_for(
    bundle: SIDBundle, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bundle.save(tmp_path / "b")
    with caplog.at_level(logging.INFO):
        codes, sizes = given_codes(tmp_path / "b", ["item 9", "item 0"])
    assert codes.tolist() == bundle.codes[[9, 0]].tolist() and sizes == [4, 3, 5]
    assert "ignored 38 items that are not in the dataset" in caplog.text and "is unknown" in caplog.text


def test_items_without_a_semantic_id_and_damage_are_refused(
    bundle: SIDBundle, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    bundle.save(tmp_path / "b")
    with pytest.raises(ValueError, match="no Semantic ID for 2 of 3 items, first 'x': filter"):
        given_codes(tmp_path / "b", ["item 9", "x", "y"])
    damage(tmp_path / "b" / "sids.safetensors")
    with pytest.raises(DamagedFile):
        given_codes(tmp_path / "b", ["item 9"])
    with pytest.raises(FileNotFoundError):
        given_codes(tmp_path / "absent", ["item 9"])


def test_more_levels_than_a_model_has_are_refused(tmp_path: Path) -> None:
    SIDBundle(ItemSIDs(["a"], np.zeros((1, 65), dtype=np.int64), [2] * 65)).save(tmp_path / "b")
    with pytest.raises(ValueError, match="b has Semantic IDs of 65 levels, and a model reads at most 64: set"):
        given_codes(tmp_path / "b", ["a"])
