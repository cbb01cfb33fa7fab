"""`POST /explain` and `GET /codes`, compared with the functions behind them."""

from __future__ import annotations

import json
from typing import Any

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("httpx")
from fastapi.testclient import TestClient

from recbole_adasid.server.application import create_application
from recbole_adasid.serving.code_meaning import CodeMeanings
from recbole_adasid.serving.explain import explain
from recbole_adasid.serving.recommender import Recommender


@pytest.fixture(scope="module")
def client(shop: Recommender) -> TestClient:
    return TestClient(create_application(shop))


def plain(value: Any) -> Any:
    """Return named tuples as mappings, recursively."""
    if hasattr(value, "_asdict"):
        return {key: plain(one) for key, one in value._asdict().items()}
    return [plain(one) for one in value] if isinstance(value, (list, tuple)) else value


def test_an_explanation_is_that_of_the_recommender_and_sums_to_the_recommended_score(
    client: TestClient, shop: Recommender
) -> None:
    history = ["i1", "i2", "nowhere"]
    best = client.post("/recommend", json={"history": history}).json()["recommendations"][0]
    found = client.post("/explain", json={"history": history, "item": best["item"]}).json()
    assert found == json.loads(json.dumps(plain(explain(shop, history, best["item"]))))
    assert [step["token"] for step in found["path"]] == best["semantic_id"]
    assert found["log_probability"] == pytest.approx(best["score"], abs=1e-4)


@pytest.mark.parametrize("prefix", ["", "2", "2,1", " 2 , 1 "])
def test_the_meaning_of_a_code_is_that_of_its_items(client: TestClient, shop: Recommender, prefix: str) -> None:
    found = client.get("/codes", params={"prefix": prefix, "limit": 3}).json()
    codes = [int(code) for code in prefix.split(",") if prefix]
    assert found == json.loads(json.dumps(plain(CodeMeanings(shop.live).of(codes, limit=3))))
    assert found["prefix"] == codes and len(found["examples"]) == min(3, found["items"])


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"history": ["i1"], "item": "x"}, "the item 'x' is not in the catalogue"),
        ({"history": ["x"], "item": "i1"}, "no item of the history ['x'] is in the catalogue"),
        ({"history": ["i1"] * 1001, "item": "i1"}, "the history has 1001 items, more than 1000"),
        ({"history": ["i1"]}, "item is missing"),
        ({"history": "i1", "item": "i1"}, "history is 'i1'"),
    ],
)
def test_what_cannot_be_explained_is_told(client: TestClient, body: dict[str, object], detail: str) -> None:
    answer = client.post("/explain", json=body)
    assert answer.status_code == 422 and detail in answer.json()["detail"]


@pytest.mark.parametrize(
    ("parameters", "detail"),
    [
        ({"prefix": "9"}, "no Semantic ID begins with [9]"),
        ({"prefix": "0,0,0,0,0"}, "has 5 codes: give at most 4"),
        ({"prefix": "a"}, "prefix is 'a': give codes separated by commas"),
        ({"prefix": "1,,2"}, "prefix is '1,,2'"),
        ({"prefix": "-1"}, "prefix is '-1'"),
        ({"prefix": "9" * 30}, "prefix is '999"),
        ({"prefix": "1", "limit": 0}, "limit is 0: ask for 1 to 100"),
        ({"prefix": "1", "limit": 101}, "limit is 101"),
    ],
)
def test_a_question_that_names_no_code_is_told(client: TestClient, parameters: dict[str, Any], detail: str) -> None:
    answer = client.get("/codes", params=parameters)
    assert answer.status_code == 422 and detail in answer.json()["detail"]


def test_the_page_of_routes_describes_them(client: TestClient) -> None:
    page = client.get("/docs").text
    assert "/explain" in page and "/codes" in page
    assert "/static" not in page
