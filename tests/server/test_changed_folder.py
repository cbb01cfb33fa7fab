"""What happens to a served run's folder: changes by other processes, damage, locks, a full disk."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")

from fastapi.testclient import TestClient  # noqa: E402

from item_requests import NEW, add, total  # noqa: E402
from recbole_adasid.cli.items import COMMAND  # noqa: E402
from recbole_adasid.io.tensor_file import DamagedFile  # noqa: E402
from recbole_adasid.run_folder.folder import RunFolder  # noqa: E402
from recbole_adasid.server.application import create_application  # noqa: E402
from recbole_adasid.server.changes import Changes  # noqa: E402
from recbole_adasid.server.limits import Limits  # noqa: E402
from recbole_adasid.server.state import Serving  # noqa: E402
from recbole_adasid.serving.recommender import Recommender  # noqa: E402


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


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
