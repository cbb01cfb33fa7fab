"""Uploading a folder to a model repository, in one commit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from recbole_adasid.hub.layout import Layout
from recbole_adasid.hub.upload import upload

LAYOUT = Layout("thing", ("a.json", "part/b.json"), ("c.json",))
NAME = "me/thing"
CARD = "---\nlicense: mit\n---\n\n# A thing\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of the expected kind, with extra files."""
    top = tmp_path / "thing"
    (top / "part").mkdir(parents=True)
    for name in (*LAYOUT.needed, "c.json", "secret.txt", "part/secret.txt"):
        (top / name).write_text(f"first {name}")
    (top / "README.md").write_text(CARD)
    return top


PUBLISHED = {"a.json", "part/b.json", "c.json", "README.md"}


def test_the_files_of_the_layout_are_published_in_one_commit_and_no_others(loopback_hub: Any, folder: Path) -> None:
    address = upload(folder, NAME, LAYOUT)
    repository = loopback_hub.repositories[NAME]
    assert address == f"{loopback_hub.address}/me/thing/commit/{repository.refs['main']}"
    assert set(repository.files()) == {*PUBLISHED, ".gitattributes"} and not repository.private
    assert repository.files()["part/b.json"] == b"first part/b.json"
    assert repository.messages == ["", "Publish a thing"]


def test_publishing_again_deletes_what_is_gone_and_leaves_what_others_wrote(loopback_hub: Any, folder: Path) -> None:
    upload(folder, NAME, LAYOUT)
    repository = loopback_hub.repositories[NAME]
    repository.commit({**repository.files(), "LICENSE": b"mine"})
    (folder / "c.json").unlink()
    (folder / "a.json").write_text("second")
    upload(folder, NAME, LAYOUT, message="Again")
    assert set(repository.files()) == {"a.json", "part/b.json", "README.md", "LICENSE", ".gitattributes"}
    assert repository.files()["a.json"] == b"second" and repository.messages[-1] == "Again"


def test_large_files_are_sent_apart(loopback_hub: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True, raising=False)
    loopback_hub.large = ("b.json",)
    upload(folder, NAME, LAYOUT)
    assert [*loopback_hub.lfs.values()] == [b"first part/b.json"]
    assert loopback_hub.repositories[NAME].files()["part/b.json"] == b"first part/b.json"


def test_a_branch_is_created_and_leaves_main_alone(loopback_hub: Any, folder: Path) -> None:
    for _ in range(2):
        upload(folder, NAME, LAYOUT, revision="next")
    repository = loopback_hub.repositories[NAME]
    assert set(repository.files("next")) == {*PUBLISHED, ".gitattributes"}
    assert set(repository.files()) == {".gitattributes"}


def test_a_name_without_a_user_is_one_s_own(loopback_hub: Any, folder: Path) -> None:
    upload(folder, "thing", LAYOUT)
    assert set(loopback_hub.repositories) == {NAME}


def test_what_should_be_private_is_not_published_in_a_public_repository(loopback_hub: Any, folder: Path) -> None:
    upload(folder, "me/new", LAYOUT, private=True)
    assert loopback_hub.repositories["me/new"].private
    upload(folder, NAME, LAYOUT)
    repository = loopback_hub.repositories[NAME]
    commits = len(repository.commits)
    with pytest.raises(ValueError, match="me/thing exists and is public: make it private at http"):
        upload(folder, NAME, LAYOUT, private=True)
    assert len(repository.commits) == commits
    upload(folder, "me/new", LAYOUT, private=True)


@pytest.mark.parametrize(
    ("token", "said"),
    [
        ("hf_reader", "the token lacks the permission for me/thing: use one that has it, and log in with"),
        ("hf_wrong", "requires a valid token for me/thing: log in with `hf auth login`, or set HF_TOKEN"),
        (False, "requires a valid token for me/thing"),
    ],
)
def test_who_may_not_write_is_told(token: Any, said: str, loopback_hub: Any, folder: Path) -> None:
    with pytest.raises(PermissionError, match=said):
        upload(folder, NAME, LAYOUT, token=token)
    assert loopback_hub.repositories == {}


@pytest.mark.parametrize("name", ["me/thing/x", "me/x--y", "", "../x"])
def test_a_name_that_no_repository_can_have_is_refused(name: str, loopback_hub: Any, folder: Path) -> None:
    with pytest.raises(ValueError, match="is not a valid model name such as user/model"):
        upload(folder, name, LAYOUT)
    assert loopback_hub.repositories == {}


def test_a_card_that_the_hub_refuses_is_told_before_anything_is_sent(loopback_hub: Any, folder: Path) -> None:
    (folder / "README.md").write_text("---\nlicense: 3\n---\n")
    with pytest.raises(OSError, match="me/thing: .*README.md"):
        upload(folder, NAME, LAYOUT)
    assert set(loopback_hub.repositories[NAME].files()) == {".gitattributes"}


def test_a_hub_that_does_not_answer_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch, loopback_hub: Any) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(ConnectionError, match=r"cannot reach http://127\.0\.0\.1:9 \(.*\): check the connection"):
        upload(folder, NAME, LAYOUT)
