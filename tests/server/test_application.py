"""The read-only routes: responses match the recommender, and bad requests are refused with one sentence."""

from __future__ import annotations

import asyncio
import logging
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")

from fastapi.testclient import TestClient  # noqa: E402

from recbole_adasid.server import answers  # noqa: E402
from recbole_adasid.server.application import create_application  # noqa: E402
from recbole_adasid.server.errors import without_place  # noqa: E402
from recbole_adasid.server.limits import Limits  # noqa: E402
from recbole_adasid.server.routes import explain as explain_route  # noqa: E402
from recbole_adasid.server.state import EXPLAINED_AT_ONCE  # noqa: E402
from recbole_adasid.serving.recommender import Recommendation, Recommender  # noqa: E402


def asked(client: Any, **request: Any) -> Any:
    answer = client.post("/recommend", json=request)
    assert answer.status_code == 200, answer.text
    answers.Recommendations.model_validate_json(answer.text, strict=True)
    return answer.json()["recommendations"]


def same(found: list[dict[str, Any]], expected: list[Recommendation], recommender: Recommender) -> bool:
    """Compare an answer with recommendations; batches may round differently."""
    known = [(one["item"], one["title"], one["category"], one["semantic_id"]) for one in found]
    wanted = [(one.item, one.title, one.category, *recommender.semantic_ids([one.item])) for one in expected]
    scores = [one["score"] for one in found]
    return known == wanted and scores == pytest.approx([one.score for one in expected], abs=1e-4)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"k": 3, "exclude_seen": False},
        {"k": 7, "allow": ["i3", "i4", "i9"]},
        {"deny": ["i4", "i5"], "k": 5, "new_share": 0.5},
    ],
)
def test_answers_are_those_of_the_recommender(client: Any, recommender: Recommender, options: dict[str, Any]) -> None:
    options = {"k": 4, **options}
    histories = [["i1", "i2"], ["i7", "no such item", "i9"]]
    expected = [recommender.recommend(history, **options) for history in histories]
    assert same(asked(client, history=histories[0], **options), expected[0], recommender)
    found = asked(client, histories=[*histories, ["no such item"]], **options)
    assert same(found[0], expected[0], recommender) and same(found[1], expected[1], recommender) and found[2] == []
    assert asked(client, histories=[]) == []


def test_a_few_explanations_are_computed_at_once_and_more_are_refused(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, go_on = threading.Barrier(EXPLAINED_AT_ONCE + 1), threading.Event()

    def slow(*_: Any) -> Any:
        started.wait(20)
        assert go_on.wait(20)
        raise ValueError("done")

    def ask(_: int = 0) -> Any:
        return client.post("/explain", json={"history": ["i1"], "item": "i2"})

    with monkeypatch.context() as patched, ThreadPoolExecutor(EXPLAINED_AT_ONCE) as pool:
        patched.setattr(explain_route, "explain", slow)
        running = [pool.submit(ask) for _ in range(EXPLAINED_AT_ONCE)]
        started.wait(20)
        refused = ask()
        go_on.set()
        assert [one.result().status_code for one in running] == [422] * EXPLAINED_AT_ONCE
    assert refused.status_code == 503 and refused.headers["Retry-After"] == "1"
    assert refused.json()["detail"] == f"{EXPLAINED_AT_ONCE} explanations are being computed: retry later"
    assert ask().status_code == 200  # the places are free again


def test_unknown_items_of_clients_are_not_logged(client: Any, caplog: pytest.LogCaptureFixture) -> None:
    assert asked(client, histories=[["i1", "unknown"], ["unknown"]], k=2)[1] == []
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_requests_of_many_clients_at_once_get_their_own_answers(finished_run: Path, recommender: Recommender) -> None:
    requests = [([f"i{n % 20}", f"i{n * 3 % 20}"], 2 + n % 3, bool(n % 2)) for n in range(48)]
    expected = [recommender.recommend(one, k, exclude_seen=seen) for one, k, seen in requests]
    application = create_application(Recommender.load(finished_run), limits=Limits(max_wait_ms=20))
    with TestClient(application) as client, ThreadPoolExecutor(8) as clients:
        found = clients.map(lambda one: asked(client, history=one[0], k=one[1], exclude_seen=one[2]), requests)
        assert all(same(*pair, recommender) for pair in zip(found, expected))
        sizes = application.state.serving.metrics.batches
        assert sizes.total == 48 and sum(sizes.counts) < 48  # some were decoded together


@pytest.mark.parametrize(
    ("request_", "detail"),
    [
        ({"history": "i1 i2"}, "history is 'i1 i2': input should be a valid list"),
        ({"history": [7]}, "history.0 is 7: input should be a valid string"),
        ({"histories": [["i1"], ["i2", None]]}, "histories.1.1 is None: input should be a valid string"),
        ({}, "give either history, a list of item tokens, or histories, a list of such lists"),
        ({"history": ["i1"], "histories": [["i1"]]}, "give either history, a list of item tokens, or histories"),
        ({"history": ["x", "y"]}, "no item of the history ['x', 'y'] is in the catalogue: give tokens of its items"),
        ({"history": []}, "no item of the history [] is in the catalogue"),
        ({"history": ["i1"], "k": 0}, "k is 0: ask for 1 item or more"),
        ({"history": ["i1"], "k": 8}, "k is 8, more than 7: ask for fewer items"),
        ({"history": ["i1"], "k": 2.5}, "k is 2.5: input should be a valid integer"),
        ({"history": ["i1"], "k": "3"}, "k is '3': input should be a valid integer"),
        ({"history": ["i1"], "k": True}, "k is True: input should be a valid integer"),
        ({"history": ["i1"], "new_share": 1.5}, "new_share is 1.5: it has to be from 0 to 1"),
        ({"history": ["i1"], "exclude_seen": "no"}, "exclude_seen is 'no': input should be a valid boolean"),
        ({"history": ["i1"], "top": 3}, "top is not a field of this request: /docs lists the fields"),
        ({"history": ["i1"], "deny": ["x"]}, "deny names 1 unknown items, first 'x': give tokens of the catalogue"),
        ({"history": ["i1"], "allow": []}, "allow, deny and category leave no item to recommend: loosen them"),
        ({"history": ["i1"], "category": "Tea"}, "no item has the category 'Tea'"),
        ({"histories": [["i1"]], "category": ""}, "no item has the category ''"),
        ({"history": ["i1"] * 7}, "a history has 7 items, more than 6: give the latest ones, oldest first"),
        ({"histories": [["i1"]] * 4}, "4 histories exceed the limit of 3: split the request"),
        (["i1"], "the body is not a JSON object: send one, with the header Content-Type: application/json"),
    ],
)
def test_a_bad_request_is_refused_with_a_sentence(client: Any, request_: Any, detail: str) -> None:
    answer = client.post("/recommend", json=request_)
    assert answer.status_code == 422 and answer.json()["detail"].startswith(detail)
    assert set(answer.json()) == {"detail"}


@pytest.mark.parametrize(
    ("content", "status", "detail"),
    [
        (b'{"history": ["i1"', 422, "the body is not JSON ("),
        (b'{"history": ["\\ud800"]}', 422, "no item of the history ['\\ud800'] is in"),
        (b"", 422, "the body is not a JSON object"),
        (b'{"history": ["\xff"]}', 422, "the body is not JSON in UTF-8, is nested too deeply, or has"),
        (b'{"history": ["i1"], "k": NaN}', 422, "k is nan: input should be a "),
        (b'{"history": ["%s"]}' % (b"x" * 2000), 413, "the body has more than 2,000 bytes: split the request"),
    ],
)
def test_a_damaged_or_too_large_body_is_refused(client: Any, content: bytes, status: int, detail: str) -> None:
    answer = client.post("/recommend", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == status and answer.json()["detail"].startswith(detail)
    in_parts = client.post(
        "/recommend", content=iter([content[:9], content[9:]]), headers={"Content-Type": "application/json"}
    )
    assert (in_parts.status_code, in_parts.json()) == (status, answer.json())


def test_items_are_found_and_told_with_their_semantic_ids(client: Any, recommender: Recommender) -> None:
    answer = client.get("/items", params={"query": "re thi", "limit": 2})
    found = answers.FoundItems.model_validate_json(answer.text, strict=True)
    assert found.total == 10 and [one.item for one in found.items] == ["i17", "i19"]
    assert [one.semantic_id for one in found.items] == recommender.semantic_ids(["i17", "i19"])
    assert found.items[0].title == "the red thing number i17" and not found.items[0].added
    everything = client.get("/items", params={"limit": 4}).json()
    assert everything["total"] == 20 and [one["item"] for one in everything["items"]] == recommender.tokens[:4]
    long = client.get("/items", params={"query": "i " * 101})
    assert (long.status_code, long.json()["detail"]) == (422, "the query has 202 characters: give at most 200")
    for limit in (0, 1001):
        refused = client.get("/items", params={"limit": limit})
        told = f"limit is {limit}: it has to be from 1 to 1000"
        assert (refused.status_code, refused.json()["detail"]) == (422, told)


def test_a_server_tells_what_it_serves_and_how_it_does(client: Any) -> None:
    about = answers.About.model_validate_json(client.get("/about").text, strict=True)
    assert (about.model, about.dataset, about.items, about.added_items) == ("TIGER", "tiny", 20, 0)
    assert about.levels[:3] == [4, 4, 4] and about.limits["max_k"] == 7 and not about.items_can_be_added
    assert about.item_fields == ["title", "categories"]
    assert client.get("/health").json() == {"live": True, "ready": True}
    asked(client, history=["i1"])
    client.get("/made-up/7")
    client.request("MADEUP", "/items")
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = answer.text.splitlines()
    assert 'recbole_adasid_requests_total{route="GET other",status="404"} 1' in lines
    assert 'recbole_adasid_requests_total{route="other /items",status="405"} 1' in lines and "MADEUP" not in answer.text
    assert any(line.startswith('recbole_adasid_requests_total{route="POST /recommend",status="200"}') for line in lines)
    assert "recbole_adasid_items 20" in lines and "recbole_adasid_queue_histories 0" in lines
    sample = re.compile(r'[a-z_]+(\{([a-z]+="[^"]*",?)+\})? [0-9.e+-]+|# (HELP|TYPE) .+')
    assert [line for line in lines if not sample.fullmatch(line)] == []
    for name in {line.split("_bucket")[0] for line in lines if "_bucket{le" in line}:
        counts = [int(line.split()[-1]) for line in lines if line.startswith(f"{name}_bucket")]
        assert counts == sorted(counts) and f"{name}_count {counts[-1]}" in lines and counts[-1] > 0


def test_the_routes_are_described_without_anything_from_elsewhere(client: Any) -> None:
    page, schema = client.get("/docs").text, client.get("/openapi.json").json()
    assert "http" not in re.sub(r"HTTP|localhost:8000", "", page) and "<script" not in page and "src=" not in page
    for path, methods in schema["paths"].items():
        for method in methods:
            assert f"<code>{method.upper()} {path}</code>" in page
    assert "<code>item_fields</code> of <code>/about</code>" in page and "`" not in page
    known = {"/recommend", "/items", "/explain", "/codes", "/about", "/health", "/metrics"}
    assert set(schema["paths"]) == known
    for route in [schema["paths"]["/items"]["post"], schema["paths"]["/items"]["delete"]]:
        assert route["security"]
    missing = client.get("/nowhere")
    assert (missing.status_code, missing.json()["detail"]) == (404, "there is no GET /nowhere: /docs lists the routes")
    assert client.get("/recommend").json()["detail"] == "there is no GET /recommend: /docs lists the routes"


@pytest.mark.parametrize("route", ["/", "/docs", "/static/page.js"])
def test_pages_load_nothing_from_elsewhere_and_are_not_framed(client: Any, route: str) -> None:
    headers = client.get(route).headers
    policy = headers["content-security-policy"].split("; ")
    assert {"default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"} < set(policy)
    assert not [one for one in policy if one.startswith("script-src") and one != "script-src 'self'"]
    assert headers["x-content-type-options"] == "nosniff"


def test_a_failure_is_told_without_what_failed(finished_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    application = create_application(Recommender.load(finished_run))

    def fail(*_: Any) -> None:
        raise RuntimeError(f"at {finished_run}")

    monkeypatch.setattr(application.state.serving.snapshot, "find_items", fail)
    with TestClient(application, raise_server_exceptions=False) as client:
        answer = client.get("/items")
    assert (answer.status_code, answer.json()) == (500, {"detail": "internal error: the server's log has the details"})


@pytest.mark.parametrize(
    ("folder", "message", "told"),
    [
        ("/home/me/runs/one", "cannot write /home/me/runs/one/sids.json (full)", "cannot write one/sids.json (full)"),
        ("runs/one", "runs/one is in use", "one is in use"),
        ("/run", "/run/sids.json", "/run/sids.json"),
        ("one", "one/sids.json of two", "one/sids.json of two"),
        (None, "/home/me", "/home/me"),
    ],
)
def test_messages_do_not_say_where_the_run_folder_is(folder: str | None, message: str, told: str) -> None:
    assert without_place(message, folder and Path(folder)) == told


def test_a_request_that_waits_too_long_or_finds_a_full_queue_is_told_to_come_again(finished_run: Path) -> None:
    recommender, free = Recommender.load(finished_run), threading.Event()
    decode, begun = recommender.recommend_many, threading.Event()

    def slow(*given: Any, **options: Any) -> Any:
        begun.set()
        assert free.wait(20)
        return decode(*given, **options)

    recommender.recommend_many = slow  # type: ignore[method-assign]
    limits = Limits(max_batch=1, queue=1, max_histories=1, timeout=0.3)
    with TestClient(create_application(recommender, limits=limits)) as client, ThreadPoolExecutor(2) as clients:
        try:
            first = clients.submit(client.post, "/recommend", json={"history": ["i1"]})
            assert begun.wait(20)
            second = clients.submit(client.post, "/recommend", json={"history": ["i2"]})
            while not client.app.state.serving.batcher.waiting:
                pass
            third = client.post("/recommend", json={"history": ["i3"]})
            assert third.json()["detail"] == "the queue is full, 1 of 1 histories are waiting: retry later"
            for late in (first.result(20), second.result(20)):
                assert late.json()["detail"] == "no result within 0.3 s: retry later, or ask for less"
                assert (late.status_code, late.headers["Retry-After"]) == (503, "1")
            assert (third.status_code, third.headers["Retry-After"]) == (503, "1")
        finally:
            free.set()
        while client.app.state.serving.batcher.waiting:
            pass
        assert asked(client, history=["i4"], k=2)
    assert client.app.state.serving.metrics.batches.total == 2  # the second was given up before it was decoded


def test_a_body_that_does_not_arrive_is_given_up(finished_run: Path) -> None:
    application = create_application(Recommender.load(finished_run), limits=Limits(timeout=0.05))
    scope = {"type": "http", "method": "POST", "path": "/recommend", "query_string": b"", "http_version": "1.1"}
    scope |= {"headers": [(b"content-type", b"application/json")], "scheme": "http", "server": ("test", 80)}
    sent: list[Any] = []

    async def talk() -> None:
        parts = iter([{"type": "http.request", "body": b'{"his', "more_body": True}])

        async def receive() -> Any:
            return next(parts, None) or await asyncio.sleep(20)

        async def send(message: Any) -> None:
            sent.append(message)

        await application(scope, receive, send)

    asyncio.run(talk())
    application.state.serving.close()
    assert sent[0]["status"] == 408 and b"the body did not arrive within 0.05 s" in sent[1]["body"]
