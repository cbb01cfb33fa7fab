"""Items added and removed by clients while a run is served: with a token, and on disk before the response."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")

from fastapi.testclient import TestClient  # noqa: E402

from item_requests import NEW, add, remove, total  # noqa: E402
from recbole_adasid.server import answers  # noqa: E402
from recbole_adasid.server.access import read_token  # noqa: E402
from recbole_adasid.server.application import create_application  # noqa: E402
from recbole_adasid.serving.recommender import Recommender  # noqa: E402
from recbole_adasid.settings.errors import SettingsError  # noqa: E402


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
