"""Downloading by name: revisions, the cache, what the hub refuses, and malicious repositories."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from recbole_adasid.hub.download import locate
from recbole_adasid.hub.layout import Layout

LAYOUT = Layout("thing", ("a.json", "part/b.json"), ("c.json",))
NAME = "me/thing"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of the expected kind, with extra files."""
    top = tmp_path / "thing"
    (top / "part").mkdir(parents=True)
    for name in (*LAYOUT.needed, "README.md", "evil.py", "model.bin", "part/evil.pkl"):
        (top / name).write_text(f"first {name}")
    return top


@pytest.fixture
def hub(loopback_hub: Any, folder: Path) -> Any:
    """A hub that has the folder as me/thing."""
    loopback_hub.publish(NAME, folder)
    return loopback_hub


def content(found: Path) -> dict[str, str]:
    files = (path for path in found.rglob("*") if path.is_file())
    return {path.relative_to(found).as_posix(): path.read_text() for path in files}


def test_only_listed_files_are_downloaded(hub: Any) -> None:
    found, downloaded = locate(NAME, LAYOUT)
    assert downloaded and content(found) == {name: f"first {name}" for name in LAYOUT.needed}
    assert hub.downloaded == set(LAYOUT.needed)


def test_a_folder_is_taken_as_it_is_and_goes_before_a_name(
    hub: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert locate(folder, LAYOUT) == (folder, False)
    monkeypatch.chdir(folder.parent)
    (folder.parent / "me").mkdir()
    folder.rename(folder.parent / "me" / "thing")
    assert locate(NAME, LAYOUT) == (Path(NAME), False) and hub.asked == []


def test_branches_tags_and_commits_are_told_apart(hub: Any, folder: Path) -> None:
    first = hub.repositories[NAME].refs["main"]
    (folder / "a.json").write_text("second")
    hub.publish(NAME, folder)
    hub.repositories[NAME].refs["v1"] = first
    found = {
        revision: content(locate(NAME, LAYOUT, revision=revision)[0])["a.json"] for revision in (None, "v1", first)
    }
    assert found == {None: "second", "v1": "first a.json", first: "first a.json"}


def test_a_second_time_nothing_is_downloaded_again(hub: Any) -> None:
    first = locate(NAME, LAYOUT)
    hub.asked.clear()
    assert locate(NAME, LAYOUT) == first and hub.downloaded == set()


@pytest.mark.parametrize("how", ["argument", "environment"])
def test_offline_an_earlier_download_is_taken(how: str, hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    local = how == "argument"
    if not local:
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(
        FileNotFoundError,
        match="there is no folder me/thing, me/thing is not in the cache, and",
    ):
        locate(NAME, LAYOUT, local_files_only=local)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    found = locate(NAME, LAYOUT)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", not local)
    hub.asked.clear()
    assert locate(NAME, LAYOUT, local_files_only=local) == found and hub.asked == []
    with pytest.raises(FileNotFoundError, match="me/thing at 'v2' is not in the cache"):
        locate(NAME, LAYOUT, revision="v2", local_files_only=local)


@pytest.mark.parametrize("failure", ["no server", "503"])
def test_an_earlier_download_replaces_a_hub_that_does_not_answer(
    failure: str, hub: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    found = locate(NAME, LAYOUT)
    if failure == "503":
        hub.status = 503
    else:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    assert locate(NAME, LAYOUT) == found
    assert "Looking for an earlier download of me/thing." in caplog.text
    with pytest.raises(FileNotFoundError, match="me/other is not in the cache"):
        locate("me/other", LAYOUT)


def test_cache_dir_says_where_downloads_are_kept(hub: Any, tmp_path: Path) -> None:
    found, _ = locate(NAME, LAYOUT, cache_dir=tmp_path / "mine")
    assert tmp_path / "mine" in found.parents


@pytest.mark.parametrize("token", ["hf_wrong", False])
def test_a_private_repository_needs_a_token(token: Any, hub: Any) -> None:
    hub.repositories[NAME].private = True
    with pytest.raises(FileNotFoundError, match="me/thing does not exist on http.*, or is private and needs a token"):
        locate(NAME, LAYOUT, token=token)
    assert locate(NAME, LAYOUT, token="hf_reader").downloaded


def test_a_gated_repository_says_where_its_conditions_are(hub: Any) -> None:
    hub.repositories[NAME].gated = True
    with pytest.raises(PermissionError, match=f"me/thing is gated: accept its terms at {hub.address}/me/thing"):
        locate(NAME, LAYOUT, token=False)


@pytest.mark.parametrize(
    ("source", "options", "error", "said"),
    [
        ("me/nothing", {}, FileNotFoundError, "me/nothing does not exist on http.*correct the name, or log in with"),
        (NAME, {"revision": "v9"}, FileNotFoundError, "me/thing has no revision 'v9': give a branch, tag or commit"),
        ("./nothing", {}, FileNotFoundError, "there is no folder ./nothing, and it is not a name on the hub"),
        ("/nothing/x", {}, FileNotFoundError, "there is no folder /nothing/x"),
        ("a/b/c", {}, FileNotFoundError, "there is no folder a/b/c"),
        ("..", {"revision": "main"}, ValueError, r"\.\. is a local folder, which has no revision 'main': leave"),
        ("me/x--y", {}, ValueError, "'me/x--y' is not a valid model name such as user/model"),
        (Path("me/thing"), {}, FileNotFoundError, "there is no folder me/thing"),
    ],
)
def test_what_cannot_be_found_is_told(source: Any, options: dict[str, Any], error: Any, said: str, hub: Any) -> None:
    with pytest.raises(error, match=said):
        locate(source, LAYOUT, **options)


def test_without_the_extra_the_error_names_it(hub: Any, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(
        ImportError,
        match=r"there is no folder me/thing, and loading 'me/thing' .*'recbole-adasid\[hub\]'",
    ):
        locate(NAME, LAYOUT)
    assert locate(folder, LAYOUT) == (folder, False)


def test_a_repository_of_another_kind_is_not_downloaded(hub: Any) -> None:
    with pytest.raises(
        FileNotFoundError, match=r"me/thing on http.* lacks x\.json, .* Its model\.bin would have to be"
    ):
        locate(NAME, Layout("other", ("x.json",), ("a.json",)))
    assert hub.downloaded == set()


def test_names_that_lead_out_of_the_folder_are_never_asked_for(hub: Any, tmp_path: Path) -> None:
    before = set(tmp_path.rglob("*"))
    evil = ["../evil", "../../../../../evil", "/tmp/evil", "part/../../evil", "..", "C:\\evil", "c.json/../../../evil"]
    hub.repositories[NAME].listed = [*evil, "evil.json", "part/c.json"]
    found, _ = locate(NAME, LAYOUT)
    assert set(content(found)) == set(LAYOUT.needed) == hub.downloaded
    cache = tmp_path / "hub-cache"
    assert {path for path in tmp_path.rglob("*") if cache not in (path, *path.parents)} == before
    assert {path.name for path in cache.rglob("*")} & {"evil", "evil.json"} == set()


@pytest.mark.parametrize("sha", ["../../../evil", "/tmp/evil", "main", "0" * 41, ""])
def test_what_is_no_commit_does_not_become_a_folder(sha: str, hub: Any, tmp_path: Path) -> None:
    hub.sha = sha or "-"
    with pytest.raises(ValueError, match="as the commit of me/thing, which is not a hash"):
        locate(NAME, LAYOUT)
    assert not (tmp_path / "hub-cache").exists()


def test_a_download_that_ends_early_is_told_and_not_kept(hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    hub.truncated = {"a.json"}
    with pytest.raises(OSError, match="me/thing|cannot reach"):
        locate(NAME, LAYOUT)
    hub.truncated = set()
    assert content(locate(NAME, LAYOUT)[0])["a.json"] == "first a.json"
