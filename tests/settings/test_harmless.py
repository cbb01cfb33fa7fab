from __future__ import annotations

from pathlib import Path

import pytest

from recbole_adasid.settings.harmless import READ, harmless


@pytest.mark.parametrize("key", READ)
@pytest.mark.parametrize("share", ["//host/share/file.npz", "\\\\host\\share\\file.npz"])
def test_a_file_sends_nobody_to_another_machine(key: str, share: str) -> None:
    with pytest.raises(ValueError, match=f"{key}=.* is on another machine"):
        harmless({key: share}, Path("run"))
    with pytest.raises(ValueError, match=f"{key}=.* is on another machine"):
        harmless({"modalities": [{"text_fields": ["title"]}, {key: share}]}, Path("run"))


def test_what_acts_is_taken_out_of_settings_and_of_their_modalities() -> None:
    found = harmless(
        {
            "download": True,
            "reviews_url": "https://x",
            "epochs": 3,
            "modalities": [{"image_download": True, "weight": 2}],
        },
        Path("run"),
    )
    assert found == {
        "download": False,
        "reviews_url": None,
        "epochs": 3,
        "modalities": [{"image_download": False, "weight": 2}],
    }
