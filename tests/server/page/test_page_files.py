"""The files of the page at `/`."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from runpy import run_path
from typing import Any

import pytest
import setuptools

pytest.importorskip("fastapi")
pytest.importorskip("httpx")
from fastapi.testclient import TestClient

from recbole_adasid.server.application import create_application
from recbole_adasid.server.routes.page import STATIC
from recbole_adasid.serving.recommender import Recommender

FILES = sorted(STATIC.iterdir())
ROOT = Path(__file__).parents[3]


class Tags(HTMLParser):
    """The tags of a page with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_every_file_is_served_and_its_policy_allows_nothing_from_elsewhere(shop: Recommender) -> None:
    client = TestClient(create_application(shop))
    for path in ("/", *(f"/static/{file.name}" for file in FILES)):
        answer = client.get(path)
        assert answer.status_code == 200
        policy = answer.headers["Content-Security-Policy"].split("; ")
        assert "default-src 'none'" in policy and "script-src 'self'" in policy and "style-src 'self'" in policy
        assert {source for rule in policy for source in rule.split()[1:]} == {"'none'", "'self'"}
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert client.get("/").headers["Content-Type"] == "text/html; charset=utf-8"
    assert client.get("/static/page.js").headers["Content-Type"] == "text/javascript; charset=utf-8"
    for path in ("/static/none.js", "/static/..%2Fpage.py", "/static/%2e%2e/page.py"):
        assert client.get(path).status_code == 404


def test_the_files_have_no_script_or_style_within_the_page_and_name_no_other_host() -> None:
    tags = Tags((STATIC / "index.html").read_text(encoding="utf-8")).found
    assert not [name for _, attributes in tags for name in attributes if name.startswith("on") or name == "style"]
    assert not [tag for tag, attributes in tags if tag == "style" or tag == "script" and "src" not in attributes]
    for file in FILES:
        text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?:|//[a-z]|innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b", text), file


def test_every_field_has_a_label_and_every_reference_a_target() -> None:
    tags = Tags((STATIC / "index.html").read_text(encoding="utf-8")).found
    ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for name in ("for", "list", "aria-controls", "aria-labelledby", "aria-describedby"):
        assert {attributes[name] for _, attributes in tags if name in attributes} <= set(ids)
    labelled = {attributes["for"] for tag, attributes in tags if tag == "label"}
    assert {attributes["id"] for tag, attributes in tags if tag == "input"} == labelled
    scripts = "".join(file.read_text(encoding="utf-8") for file in FILES if file.suffix == ".js")
    assert set(re.findall(r'byId\("([\w-]+)"\)', scripts)) <= set(ids)


def test_the_files_go_into_the_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}
    monkeypatch.setattr(setuptools, "setup", given.update)
    monkeypatch.chdir(ROOT)
    run_path(str(ROOT / "setup.py"))
    patterns = given["package_data"]["recbole_adasid.server"]
    assert "recbole_adasid.server" in given["packages"]
    assert {file for pattern in patterns for file in STATIC.parent.glob(pattern)} >= set(FILES)
