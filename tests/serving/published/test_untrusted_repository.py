"""A repository that is damaged, malicious or of another program is refused."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from recbole_adasid.io.tensor_file import DamagedFile
from recbole_adasid.run_folder.folder import RunFolder
from recbole_adasid.serving.recommender import Recommender

NAME = "me/tiny"
HISTORY = ["i3", "i4", "i5"]
NEW = {"item_id": ["new"], "title": ["the red thing number i31"]}


class Malicious:
    """Writes a file when unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.marker}",)


@pytest.mark.parametrize("name", ["model.safetensors", "sids.json", "items.json", "config.json"])
@pytest.mark.parametrize("how", ["truncated", "changed", "pickled", "empty"])
def test_a_damaged_or_malicious_file_is_refused_by_name(
    name: str, how: str, repository: Path, loopback_hub: Any, tmp_path: Path
) -> None:
    blob = (repository / name).read_bytes()
    marker = tmp_path / "marker"
    spoilt = {
        "truncated": blob[: len(blob) // 2],
        "changed": blob.replace(b'"i1"', b'"i0"').replace(b'"version": 1', b'"version": 9'),
        "pickled": pickle.dumps(Malicious(marker)),
        "empty": b"",
    }[how]
    if how == "changed" and name == "model.safetensors":
        spoilt = blob[:-1] + bytes([blob[-1] ^ 1])
    assert spoilt != blob
    (repository / name).write_bytes(spoilt)
    loopback_hub.publish(NAME, repository)
    for source in (repository, NAME):
        with pytest.raises(ValueError, match=name.replace(".", r"\.")):
            Recommender.from_pretrained(source)
    assert not marker.exists()


def test_a_repository_of_pickles_is_not_even_downloaded(loopback_hub: Any, tmp_path: Path) -> None:
    folder = tmp_path / "evil"
    folder.mkdir()
    for name in ("pytorch_model.bin", "model.pkl", "modeling.py", "config.json"):
        (folder / name).write_bytes(pickle.dumps(Malicious(tmp_path / "marker")))
    loopback_hub.publish(NAME, folder)
    for source in (folder, NAME):
        with pytest.raises(FileNotFoundError, match=r"lacks model\.safetensors, so it is not a recbole-adasid "):
            Recommender.from_pretrained(source)
    assert loopback_hub.downloaded == set() and not (tmp_path / "marker").exists()


def test_pickles_and_programs_beside_the_files_are_let_lie(
    repository: Path, loopback_hub: Any, tmp_path: Path, published: Path
) -> None:
    evil = ("pytorch_model.bin", "recommender.py", "__init__.py", "tokenizer/tokenizer.pkl", "sitecustomize.py")
    for name in evil:
        (repository / name).write_bytes(pickle.dumps(Malicious(tmp_path / "marker")))
    loopback_hub.publish(NAME, repository).listed = ["../../evil.py", "/etc/evil", "tokenizer/../../evil.json"]
    expected = Recommender.load(published).recommend(HISTORY)
    for source in (repository, NAME):
        assert Recommender.from_pretrained(source).recommend(HISTORY) == expected
    assert not {*evil, "evil.py"} & {name.rpartition("/")[2] for name in loopback_hub.downloaded}
    assert not (tmp_path / "marker").exists()


@pytest.mark.parametrize("name", ["new-items.jsonl", ".lock", "new-items.safetensors", "model.safetensors"])
def test_links_out_of_a_folder_which_saving_would_follow_are_refused(
    name: str, repository: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "profile"
    outside.write_text("mine")
    (repository / name).unlink(missing_ok=True)
    (repository / name).symlink_to(outside)
    loading = [Recommender.from_pretrained, *([Recommender.load] if name != "model.safetensors" else [])]
    for load in loading:  # a model of one's own may be on another disk
        with pytest.raises(ValueError, match=f"{name} is a link to .*profile, outside its folder"):
            load(repository)
    assert outside.read_text() == "mine"


def test_the_lock_of_a_run_folder_is_never_a_link_out_of_it(tmp_path: Path) -> None:
    outside = tmp_path / "profile"
    outside.write_text("mine")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".lock").symlink_to(outside)
    with pytest.raises(ValueError, match="lock is a link to .*profile"), RunFolder(tmp_path / "run").in_use():
        pytest.fail("it was locked")
    assert outside.read_text() == "mine"


def test_a_link_out_of_a_folder_is_not_published(repository: Path, tmp_path: Path) -> None:
    key = repository / "features.safetensors"
    secret = key.rename(tmp_path / "secret")
    key.symlink_to(secret)
    recommender = Recommender.load(repository)
    with pytest.raises(ValueError, match="features.safetensors is a link to .*secret, outside its folder"):
        recommender.save_pretrained(tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_a_text_model_that_a_repository_names_is_not_downloaded(
    repository: Path, loopback_hub: Any, resigned: Callable[..., Path]
) -> None:
    pytest.importorskip("transformers")
    resigned(repository, modalities=[{"image_field": "title"}], image_encoder_model="evil/model", image_folder=".")
    (repository / "image.png").write_bytes(b"")
    loopback_hub.publish(NAME, repository)
    recommender = Recommender.from_pretrained(NAME)
    with pytest.raises((ValueError, ImportError)):
        recommender.add_items(["new"], table=NEW)
    assert not any("evil" in path for path in loopback_hub.asked)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"kind": "bert"}, "does not describe a recbole-adasid recommender: it has kind='bert'"),
        (
            {"version": 2, "recbole-adasid": "0.9"},
            "has version 2, this package reads 1: install the recbole-adasid that",
        ),
    ],
)
def test_a_repository_of_another_program_or_time_is_told(told: dict[str, Any], said: str, repository: Path) -> None:
    config = json.loads((repository / "config.json").read_text())
    (repository / "config.json").write_text(json.dumps({**config, **told}))
    with pytest.raises(DamagedFile, match=said):
        Recommender.from_pretrained(repository)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("metrics.json", {"test": {"recall@10": "high"}}),
        ("metrics.json", {"test": {"recall@10": 0.1}, "test_intervals": {"recall@10": [0.1]}}),
        ("metrics.json", {"test": 3}),
        ("config.json", {"dataset": "tiny"}),
        ("config.json", {"changed_settings": "all"}),
        ("config.json", {"dataset": {"name": "x", "users": -1}}),
    ],
)
def test_forged_figures_are_not_published_again(
    name: str, told: dict[str, Any], repository: Path, tmp_path: Path
) -> None:
    content = json.loads((repository / name).read_text())
    (repository / name).write_text(json.dumps({**content, **told}))
    with pytest.raises(DamagedFile, match=name.replace(".", r"\.")):
        Recommender.from_pretrained(repository).save_pretrained(tmp_path / "again")
    assert not (tmp_path / "again").exists()
