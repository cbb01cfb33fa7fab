from __future__ import annotations

import math
from typing import Any

import pytest

from recbole_adasid.scorecard.shared_settings import shared_settings

GIVEN = {"dataset": "tiny", "codebook_size": 4, "seed": 1, "data_path": "/a"}


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"seed": 2, "data_path": "/b", "cache_dir": None, "show_progress": False, "report": False}, True),
        ({"interactions_memory": 2.0, "item_features_mapped": True, "image_private_hosts": True}, True),
        ({"interactions_files": "/b/log"}, False),  # maybe with other interactions
        *[({"codebook_size": 8}, False), ({"epochs": 3}, False), ({"val_interval": [0, math.inf]}, False)],
    ],
)
def test_seed_and_place_are_no_other_settings(changes: dict[str, Any], same: bool) -> None:
    assert (shared_settings(GIVEN, {}) == shared_settings({**GIVEN, **changes}, {})) == same


def test_another_size_of_the_proxy_is_another_setting() -> None:
    assert shared_settings(GIVEN, {"training_examples": 1}) != shared_settings(GIVEN, {"training_examples": 2})
