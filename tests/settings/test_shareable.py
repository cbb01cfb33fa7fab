"""Which parts of settings and descriptions are published."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from recbole_adasid.settings.shareable import LEFT_OUT, shareable, without_places


@pytest.mark.parametrize(
    ("value", "shared"),
    [
        ("/home/somebody/models/t5", "./t5"),
        ("~/t5", "./t5"),
        ("~somebody/t5/", "./t5"),
        (r"C:\Users\somebody\t5", "./t5"),
        (r"\\server\share\t5", "./t5"),
        ("file:///home/somebody/t5", "./t5"),
        ("../../somebody/t5", "./t5"),
        ("models/../somebody/t5", "./t5"),
        ("sentence-transformers/sentence-t5-xxl", "sentence-transformers/sentence-t5-xxl"),
        ("adasid", "adasid"),
        ("[5,inf)", "[5,inf)"),
        ("", ""),
        (None, None),
        (3, 3),
        (0.5, 0.5),
        (True, True),
        (["/a/b.yaml", 1], ["./b.yaml", 1]),
        ({"of": {"file": "/a/b"}}, {"of": {"file": "./b"}}),
    ],
)
def test_places_of_a_machine_become_their_last_name(value: Any, shared: Any) -> None:
    assert without_places({"key": value}) == shareable({"key": value}) == {"key": shared}


def test_files_of_data_are_named_without_their_folder_even_where_that_is_relative() -> None:
    settings = {"item_features_file": "acme/features.npz", "sids_file": "runs/acme/bundle", "image_folder": "images"}
    assert shareable({**settings, "modalities": [{"behaviour": "runs/acme"}, {"text_fields": ["title"]}]}) == {
        **{"item_features_file": "./features.npz", "sids_file": "./bundle", "image_folder": "images"},
        "modalities": [{"behaviour": "./acme"}, {"text_fields": ["title"]}],
    }


def test_what_only_looks_like_a_place_stays() -> None:
    words = {"text_template": "/{title}/", "field_separator": "/", "seq_separator": "\\"}
    assert shareable(words) == words


@pytest.mark.parametrize("key", ["data_path", "run_folder", "cache_dir", "ray_address", "reviews_url", "gpu_id", "ip"])
def test_where_a_run_was_done_is_left_out(key: str) -> None:
    assert key in LEFT_OUT and shareable({key: "somewhere", "epochs": 3}) == {"epochs": 3}


@pytest.mark.parametrize("key", ["text_encoder_model", "image_encoder_model"])
@pytest.mark.parametrize(
    ("name", "shared"),
    [
        *((folder, "./minilm") for folder in ("../minilm", "./minilm", "models/secret/minilm", "models/minilm/")),
        *((folder, "./minilm") for folder in (r"models\minilm", "here/minilm", "minilm")),
        *((name, name) for name in ("openai/clip-vit-base-patch32", "sentence-t5-base", "pixels", "elsewhere/minilm")),
        (".", "./"),
    ],
)
def test_the_folder_of_a_model_does_not_become_a_name_on_the_hub(
    key: str, name: str, shared: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("here/minilm", "minilm", "pixels"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert shareable({key: name, "modalities": [{key: name}]}) == {key: shared, "modalities": [{key: shared}]}
