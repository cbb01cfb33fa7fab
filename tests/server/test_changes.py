"""Items added and removed while a run is served: with a token, on disk before the response, by other processes too."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")

from fastapi.testclient import TestClient  # noqa: E402

from recbole_adasid.cli.items import COMMAND  # noqa: E402
from recbole_adasid.io.atomic import CannotWrite  # noqa: E402
from recbole_adasid.io.tensor_file import DamagedFile  # noqa: E402
from recbole_adasid.run_folder.folder import RunFolder  # noqa: E402
from recbole_adasid.server import answers  # noqa: E402
from recbole_adasid.server.access import read_token  # noqa: E402
from recbole_adasid.server.application import create_application  # noqa: E402
from recbole_adasid.server.changes import Changes  # noqa: E402
from recbole_adasid.server.errors import Busy  # noqa: E402
from recbole_adasid.server.limits import Limits  # noqa: E402
from recbole_adasid.server.state import Serving  # noqa: E402
from recbole_adasid.serving.recommender import Recommender  # noqa: E402
from recbole_adasid.settings.errors import SettingsError  # noqa: E402

NEW = {"item": "new", "title": "the red thing, renewed", "price": 3}


def add(client: Any, *items: dict[str, Any], **more: Any) -> Any:
    content = json.dumps({"items": list(items), **more})
    return client.post("/items", content=content, headers={"Content-Type": "application/json"})


def remove(client: Any, *items: str, **more: Any) -> Any:
    return client.request("DELETE", "/items", json={"items": list(items), **more})


def total(client: Any) -> int:
    return client.get("/items").json()["total"]


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_an_added_item_is_on_disk_found_recommended_and_removed_again(changing: Any) -> None:
    answer = add(changing, NEW)
    told = answers.Added.model_validate_json(answer.text, strict=True)
    saved = Recommender.load(changing.folder)
    assert saved.semantic_ids(["new"]) == [told.items[0].semantic_id]
    assert saved.labels["new"].title == told.items[0].title == NEW["title"] and told.items[0].added
    assert (told.known, told.refused, told.ignored_fields) == ([], {}, ["price"])
    assert changing.get("/items", params={"query": "renew"}).json()["items"][0]["item"] == "new"
    request = {"history": ["i1", "new"], "allow": ["new"], "exclude_seen": False}
    assert changing.post("/recommend", json=request).json()["recommendations"][0]["item"] == "new"
    assert add(changing, NEW).json()["known"] == ["new"]
    assert "recbole_adasid_added_items 1\n" in changing.get("/metrics").text
    assert answers.Removed.model_validate_json(remove(changing, "new", "i3").text, strict=True).items == ["new", "i3"]
    assert total(changing) == 19 and Recommender.load(changing.folder).n_recommended == 19
    assert add(changing, {"item": "i3"}).json()["items"][0]["added"] is False and total(changing) == 20
    assert "recbole_adasid_added_items 0\n" in changing.get("/metrics").text
    assert changing.get("/about").json()["added_items"] == 0


def test_removed_items_are_found_if_they_are_asked_for(changing: Any) -> None:
    add(changing, NEW)
    remove(changing, "new", "i3")
    for token in ("new", "i3"):
        assert token not in [one["item"] for one in changing.get("/items", params={"query": token}).json()["items"]]
        answer = changing.get("/items", params={"query": token, "removed": True})
        found = answers.FoundItems.model_validate_json(answer.text, strict=True).items[0]
        assert (found.item, found.removed) == (token, True)
    assert changing.get("/items", params={"removed": True}).json()["total"] == 21
    assert not any(one["removed"] for one in changing.get("/items").json()["items"])


@pytest.mark.parametrize(
    ("items", "more", "detail"),
    [
        ([], {}, "the number of items is 0: it has to be from 1 to 1000"),
        ([{"title": "x"}], {}, "items.0.item is missing: add it"),
        ([{"item": 7}], {}, "items.0.item is 7: input should be a valid string"),
        *[([{"item": bad, "title": "x"}], {}, "items.0.item is ") for bad in ("", " a", "a\n", "a\u0000", "a\tb")],
        ([{"item": "a", "title": {"x": 1}}], {}, "the item 'a' cannot be added: it has no text"),
        ([{"item": "a", "title": [[["x\0"]]]}], {}, "the item 'a' has the title [[['x\\x00']]]: it contains a NUL"),
        ([{"item": "a", "title": json.loads("[" * 200 + "]" * 200)}], {}, "it is nested more than 8 lists deep"),
        ([{"item": "a", "title": "thing"}, {"item": "a", "title": "x"}], {}, "the new item 'a' occurs twice: keep one"),
        ([{"item": "a"}], {}, "the items have no title, which the run reads: give one of them, or features"),
        ([{"item": "a", "name": "x"}], {}, "the items have no title, which the run reads; it does not read name: give"),
        ([{"item": "a", "title": "\ud800"}], {"bad_items": "skip"}, "it contains half a character"),
        ([{"item": "a", "title": "red\0thing"}], {}, "it contains a NUL character: remove it"),
        ([{"item": "a", "title": "x", "\ud800": 1}], {}, "items.0 is '\\ud800': input should be a valid string"),
        ([{"item": "a", "title": None}], {}, "the item 'a' cannot be added: it has no text"),
        ([{"item": "a"}], {"bad_items": "keep"}, "bad_items 'keep': did you mean skip?"),
        ([{"item": "a"}], {"features": [[1.0, 2.0]]}, "the features have the shape [1, 2] for 1 items"),
        ([{"item": "a"}, {"item": "b"}], {"features": [[1.0], [2.0, 3.0]]}, "features has vectors of 1 to 2 numbers"),
    ],
)
def test_items_that_cannot_be_added_change_nothing(changing: Any, items: Any, more: Any, detail: str) -> None:
    answer = add(changing, *items, **more)
    assert answer.status_code == 422 and detail in answer.json()["detail"]
    assert total(changing) == 20 and not (changing.folder / "new-items.safetensors").exists()


def test_fields_that_the_run_does_not_read_may_hold_anything(changing: Any) -> None:
    odd = {"stock": True, "sizes": [1, 2.5], "paths": [["a", "b"], [None]], "maker": {"name": "\ud800"}, "note": "a\0b"}
    answer = add(changing, {**NEW, **odd})
    assert answer.status_code == 200 and answer.json()["ignored_fields"] == sorted([*odd, "price"])


def test_bad_items_can_be_skipped_and_cells_may_be_numbers_or_lists(changing: Any) -> None:
    answer = add(changing, {"item": "a", "title": ["red", "thing"]}, {"item": "b", "title": ""}, bad_items="skip")
    assert [one["title"] for one in answer.json()["items"]] == ["red, thing"] and set(answer.json()["refused"]) == {"b"}
    assert add(changing, {"item": "c", "title": 7}).json()["items"][0]["title"] == "7"
    assert remove(changing, "a", "nobody", bad_items="skip").json() == {
        "items": ["a"],
        "refused": {"nobody": "not in the catalogue"},
    }
    refused = remove(changing, *[f"i{number}" for number in range(20)], "c")
    assert refused.status_code == 422 and "that would remove every item" in refused.json()["detail"]


@pytest.mark.parametrize("header", [None, "Bearer wrong", "Bearer ü", "Basic a-token-of-these-tests", "Bearer"])
def test_clients_without_the_token_change_nothing(changing: Any, header: str | None) -> None:
    headers = {"Authorization": b"" if header is None else header.encode("latin-1")}
    for method, items in (("POST", [NEW]), ("DELETE", ["i1"])):
        answer = changing.request(method, "/items", json={"items": items}, headers=headers)
        assert answer.status_code == 401 and answer.headers["WWW-Authenticate"] == "Bearer"
        assert answer.json()["detail"].endswith("the header Authorization: Bearer TOKEN")
    assert total(changing) == 20 and changing.get("/about").json()["items_can_be_added"]


def test_without_a_token_or_a_run_folder_the_routes_are_off_and_say_so(client: Any, finished_run: Path) -> None:
    for answer in (add(client, NEW), remove(client, "i1")):
        assert answer.status_code == 403 and "started without --token_file=FILE or RECBOLE_ADASID_TOKEN" in answer.text
    application = create_application(Recommender.load(finished_run), token="0123456789abcdef")
    with TestClient(application, headers={"Authorization": "Bearer 0123456789abcdef"}) as alone:
        assert "there is no run folder to write to" in add(alone, NEW).json()["detail"]


def test_a_token_is_one_line_of_some_length(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("0123456789abcdef\n")
    assert read_token(str(path), {}) == read_token(None, {"RECBOLE_ADASID_TOKEN": "0123456789abcdef"})
    assert read_token(None, {}) is None is read_token(None, {"RECBOLE_ADASID_TOKEN": ""})
    for bad in ("", "short", "one line\nand another one", "üüüüüüüüüüüüüüüüüüüüü"):
        path.write_text(bad)
        with pytest.raises(SettingsError, match=r"The token in .*token is too short \(\d+ characters\) or has special"):
            read_token(str(path), {"RECBOLE_ADASID_TOKEN": "0123456789abcdef"})
    with pytest.raises(FileNotFoundError, match="There is no file"):
        read_token(str(tmp_path / "none"), {})


def test_changes_of_another_process_are_followed(changing: Any, tmp_path: Path) -> None:
    table = tmp_path / "new.item"
    table.write_text("item_id:token\ttitle:token\nother\tthe blue thing of others\n")
    assert COMMAND.main(["add", f"--run_folder={changing.folder}", f"--items={table}"]) == 0
    wait_for(lambda: total(changing) == 21)
    add(changing, NEW)
    tokens = Recommender.load(changing.folder).tokens
    assert tokens[20:] == ["other", "new"] and changing.get("/items", params={"query": "of oth"}).json()["total"] == 1


def test_a_change_that_another_process_has_just_made_is_not_undone(run_copy: Path) -> None:
    def load() -> Recommender:
        return Recommender.load(run_copy)

    application = create_application(load(), load=load, token="0123456789abcdef", reload_seconds=1000)
    with TestClient(application, headers={"Authorization": "Bearer 0123456789abcdef"}) as client:
        other = load()
        other.remove_items(["i3"])
        other.save()
        assert total(client) == 20  # nobody has looked yet
        assert add(client, NEW).status_code == 200 and total(client) == 20
    assert load().n_recommended == 20 and not load().live.recommended[load().live.numbers["i3"]]


def test_a_damaged_change_of_another_process_is_not_served_and_not_written_over(changing: Any) -> None:
    add(changing, NEW)
    path = changing.folder / "new-items.safetensors"
    good = shutil.copy(path, changing.folder / "kept")
    path.write_bytes(b"damaged")
    answer = add(changing, {"item": "later", "title": "a thing"})
    assert answer.status_code == 503 and "changed but cannot be loaded: " in answer.json()["detail"]
    assert path.read_bytes() == b"damaged" and total(changing) == 21
    assert changing.post("/recommend", json={"history": ["new"]}).status_code == 200
    os.replace(good, path)
    wait_for(lambda: add(changing, {"item": "later", "title": "a thing"}).status_code == 200)
    assert Recommender.load(changing.folder).n_recommended == 22


def test_a_folder_that_cannot_be_seen_for_a_while_is_followed_again(
    changing: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def unseen(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    with monkeypatch.context() as patch:
        patch.setattr("recbole_adasid.run_folder.folder.stamp_of", unseen)
        wait_for(lambda: "cannot be loaded; serving the previous state" in caplog.text)
        refused = add(changing, NEW)
        assert refused.status_code == 503 and total(changing) == 20
        assert "Permission denied: 'run/model.safetensors'" in refused.json()["detail"]
    wait_for(lambda: add(changing, NEW).status_code == 200)
    assert total(changing) == 21 and caplog.text.count("cannot be loaded") == 1


def test_a_failure_that_passes_blocks_no_later_change(run_copy: Path) -> None:
    failures = [OSError(24, "Too many open files"), DamagedFile("cannot be read as safetensors: too many open files")]

    def load() -> Recommender:
        if failures:
            raise failures.pop()
        return Recommender.load(run_copy)

    serving = Serving(Recommender.load(run_copy), Limits())
    changes = Changes(serving, RunFolder.existing(run_copy), load)
    other = Recommender.load(run_copy)
    other.remove_items(["i3"])
    other.save()
    for left in (1, 0):
        changes._retry_at = 0.0
        changes.refresh()
        changes.refresh()
        assert len(failures) == left and serving.snapshot.recommender.n_recommended == 20  # not tried at every check
    changes._retry_at = 0.0
    changes.refresh()
    assert serving.snapshot.recommender.n_recommended == 19
    changes.close()
    serving.close()


@pytest.fixture
def watched(run_copy: Path) -> Iterator[tuple[Changes, Serving, RunFolder]]:
    """Changes that look at the folder when a test says so."""
    serving, folder = Serving(Recommender.load(run_copy), Limits()), RunFolder.existing(run_copy)
    changes = Changes(serving, folder, lambda: Recommender.load(run_copy))
    yield changes, serving, folder
    changes.close()
    serving.close()


def trained_again(folder: RunFolder) -> None:
    """Replace the model, as a validation does."""
    again = shutil.copy(folder.model_path, folder.path / "again")
    os.replace(again, folder.model_path)


def test_a_run_that_is_trained_again_is_served_once_it_has_finished(
    watched: tuple[Changes, Serving, RunFolder], caplog: pytest.LogCaptureFixture
) -> None:
    changes, serving, folder = watched
    before, metrics = serving.snapshot, folder.metrics_path.read_bytes()
    with folder.in_use():
        folder.metrics_path.unlink()
        trained_again(folder)
        for _ in range(2):
            changes.refresh()
            assert serving.snapshot is before and "cannot be loaded" not in caplog.text
        trained_again(folder)
        folder.metrics_path.write_bytes(metrics)
    changes.refresh()
    assert serving.snapshot is not before
    after = serving.snapshot
    changes.refresh()
    assert serving.snapshot is after
    with folder.in_use():  # as by somebody who adds items
        other = Recommender.load(folder.path)
        other.remove_items(["i3"])
        other.save(locked=True)
        changes.refresh()
        assert serving.snapshot.recommender.n_recommended == 19


def test_a_training_that_was_stopped_is_not_served(
    watched: tuple[Changes, Serving, RunFolder], caplog: pytest.LogCaptureFixture
) -> None:
    changes, serving, folder = watched
    before, metrics = serving.snapshot, folder.metrics_path.read_bytes()
    folder.metrics_path.unlink()
    trained_again(folder)
    for _ in range(2):
        changes.refresh()
        changes._retry_at = 0.0
    assert serving.snapshot is before
    assert caplog.text.count("metrics.json is missing: the run was started again and has not finished") == 1
    with pytest.raises(Busy, match="changed but cannot be loaded: .*has not finished"):
        changes._change(lambda recommender: recommender.remove_items(["i3"]))
    folder.metrics_path.write_bytes(metrics)
    changes._retry_at = 0.0
    changes.refresh()
    assert serving.snapshot is not before


def test_a_folder_that_cannot_be_locked_is_followed_all_the_same(
    watched: tuple[Changes, Serving, RunFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    changes, serving, folder = watched
    before = serving.snapshot

    def read_only(*_: object, **__: object) -> None:
        raise CannotWrite("cannot write .lock (Read-only file system)")

    monkeypatch.setattr("recbole_adasid.run_folder.folder.held", read_only)
    trained_again(folder)
    changes.refresh()
    assert serving.snapshot is not before


def test_a_run_without_metrics_from_the_start_is_followed(run_copy: Path) -> None:
    (run_copy / "metrics.json").unlink()
    serving, folder = Serving(Recommender.load(run_copy), Limits()), RunFolder.existing(run_copy)
    before, changes = serving.snapshot, Changes(serving, folder, lambda: Recommender.load(run_copy))
    trained_again(folder)
    changes.refresh()
    assert serving.snapshot is not before
    changes.close()
    serving.close()


def test_a_training_that_began_before_the_server_and_was_stopped_is_not_served(run_copy: Path) -> None:
    folder = RunFolder.existing(run_copy)
    metrics = folder.metrics_path.read_bytes()
    folder.metrics_path.unlink()
    folder.training_path.touch()
    serving = Serving(Recommender.load(run_copy), Limits())
    before, changes = serving.snapshot, Changes(serving, folder, lambda: Recommender.load(run_copy))
    folder.changes_path.write_bytes(b"damaged")
    changes.refresh()
    folder.changes_path.unlink()
    changes.refresh()
    assert serving.snapshot is not before  # of the same run
    before = serving.snapshot
    trained_again(folder)
    for _ in range(2):
        changes.refresh()
        changes._retry_at = 0.0
        assert serving.snapshot is before
    folder.training_path.unlink()
    folder.metrics_path.write_bytes(metrics)
    changes.refresh()
    assert serving.snapshot is not before
    changes.close()
    serving.close()


def test_a_folder_can_be_locked_by_others_while_its_retrained_run_loads(
    watched: tuple[Changes, Serving, RunFolder],
) -> None:
    changes, serving, folder = watched
    before, load, loads = serving.snapshot, changes._load, 0

    def load_meanwhile() -> Recommender:
        nonlocal loads
        loads += 1
        recommender = load()
        with folder.in_use():
            if loads == 1:
                trained_again(folder)
        return recommender

    changes._load = load_meanwhile
    trained_again(folder)
    changes.refresh()
    assert serving.snapshot is before and loads == 1 and not changes._unreadable
    changes.refresh()
    assert serving.snapshot is not before and loads == 2


def test_a_description_that_is_no_json_is_not_blamed_on_the_client(
    changing: Any, caplog: pytest.LogCaptureFixture
) -> None:
    (changing.folder / "tokenizer" / "tokenizer.json").write_text("{")
    answer = add(changing, NEW)
    assert (answer.status_code, answer.json()) == (500, {"detail": "internal error: the server's log has the details"})
    assert "A request failed: " in caplog.text and "tokenizer.json is not JSON" in caplog.text


def test_damage_in_the_run_folder_is_not_blamed_on_the_client(changing: Any, caplog: pytest.LogCaptureFixture) -> None:
    for path in (changing.folder / "tokenizer").iterdir():
        path.write_bytes(b"damaged")
    answer = add(changing, NEW)
    assert (answer.status_code, answer.json()) == (500, {"detail": "internal error: the server's log has the details"})
    assert "A request failed: " in caplog.text and "tokenizer" in caplog.text and total(changing) == 20


def test_a_folder_in_use_or_a_full_disk_is_told_and_changes_nothing(
    changing: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RunFolder.existing(changing.folder).in_use():
        answer = add(changing, NEW)
    assert answer.status_code == 503 and "is in use by another process" in answer.json()["detail"]

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        answer = add(changing, NEW)
    assert answer.status_code == 503 and "No space left on device" in answer.json()["detail"]
    assert total(changing) == 20 and answer.headers["Retry-After"]
    assert add(changing, NEW).status_code == 200 and total(changing) == 21


def test_changes_of_many_clients_are_all_made(changing: Any) -> None:
    def change(number: int) -> Any:
        answer = add(changing, {"item": f"n{number}", "title": f"a red thing {number}"}, bad_items="skip")
        while answer.status_code == 503:
            answer = add(changing, {"item": f"n{number}", "title": f"a red thing {number}"}, bad_items="skip")
        return answer.json()

    with ThreadPoolExecutor(24) as clients:
        told = list(clients.map(change, range(24)))
    added = {one["item"]: one["semantic_id"] for answer in told for one in answer["items"]}
    refused = {token for answer in told for token in answer["refused"]}
    saved = Recommender.load(changing.folder)
    assert len(added) + len(refused) == 24 and added and set(saved.tokens[20:]) == set(added)
    assert saved.semantic_ids(list(added)) == list(added.values()) and total(changing) == 20 + len(added)
