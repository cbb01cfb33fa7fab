from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from recbole_adasid.report.content.left_out import LeftOut
from recbole_adasid.report.view import page as module
from recbole_adasid.report.view.page import Section, in_script, render_page


@pytest.fixture
def templates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of templates and assets for pages of the test's own."""
    for name in ("templates", "assets"):
        (tmp_path / name).mkdir()
    (tmp_path / "templates" / "verdict.html").write_text("<p>{{ said }}</p>")
    (tmp_path / "templates" / "other.html").write_text("<p>{{ missing }}</p>")
    for name in ("templates/page.html", "assets/page.css", "assets/page.js"):
        (tmp_path / name).write_text((module.HERE / name).read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(module, "HERE", tmp_path)
    module._environment.cache_clear()
    yield tmp_path
    module._environment.cache_clear()


def says(text: str) -> Section[None]:
    return Section("verdict", "Verdict", "Verdict", lambda content: {"said": text})


def fails(error: Exception) -> Section[None]:
    def gather(content: None) -> dict[str, Any]:
        raise error

    return Section("other", "Other", "Other", gather)


@pytest.mark.parametrize("text", ["</p><script>alert(1)</script>", "\"'<&>", "{{ 7 * 7 }}"])
def test_what_a_section_says_is_text(text: str, templates: Path) -> None:
    page = render_page(text, text, [says(text)], None)
    assert text not in page or text == "{{ 7 * 7 }}"
    assert page.count("<script>") == 1


def test_characters_that_html_forbids_are_replaced(templates: Path) -> None:
    page = render_page("a\x00b\x1b\ud800c", "x", [says("\x07\x85 é 👩")], None)
    assert "a\ufffdb\ufffd\ufffdc" in page and "\ufffd\ufffd é 👩" in page
    page.encode("utf-8")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("it is <b>bad</b>"), "it is &lt;b&gt;bad&lt;/b&gt;"),
        (FileNotFoundError(2, "No such file", "/run/x.json"), "the folder has no x.json"),
        (KeyError("topk"), "KeyError: &#39;topk&#39;"),
    ],
)
def test_a_section_that_fails_says_why_and_the_others_stay(
    error: Exception, reason: str, templates: Path, caplog: pytest.LogCaptureFixture
) -> None:
    page = render_page("T", "S", [says("here"), fails(error)], None)
    assert "<p>here</p>" in page and f"Left out: <bdi>{reason}</bdi>" in page
    assert "has no section 'Other'" in caplog.text


def test_a_section_that_has_nothing_to_say_costs_no_warning(templates: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        page = render_page("T", "S", [says("here"), fails(LeftOut("there is nothing"))], None)
    assert "Left out: <bdi>there is nothing</bdi>." in page and caplog.text == ""


def test_a_template_that_asks_for_what_is_not_there_is_a_gap(templates: Path) -> None:
    section = Section("other", "Other", "Other", lambda content: {})
    assert "UndefinedError" in render_page("T", "S", [says("here"), section], None)


def test_json_in_a_script_element_cannot_end_it() -> None:
    value = {"</script>": ["<!--", "&amp;", "\u2028", "]]>", 'quotes"\\', None, 1.5]}
    text = str(in_script(value))
    assert not set("<>&\u2028\u2029") & set(text) and json.loads(text) == value
