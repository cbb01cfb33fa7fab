"""The pages in a real browser, as wide as a laptop and as a phone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmarks.browser import Browser, is_there
from recbole_adasid.data.item_labels import ItemLabel
from recbole_adasid.report.content import tree
from recbole_adasid.report.content.tree import Caps
from recbole_adasid.report.run_report import write_run_report

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not is_there(), reason="needs chromium and chromedriver"),
]
GiveItems = Callable[[Path, np.ndarray, list[int], list[ItemLabel]], None]
SIZES = {"desktop": (1280, 800), "phone": (390, 844)}
OVERFLOW = "return document.scrollingElement.scrollWidth - innerWidth"
OPEN_ALL = "document.querySelectorAll('details').forEach((one) => { one.open = true; })"


@pytest.fixture(params=SIZES)
def browser(request: pytest.FixtureRequest) -> Iterator[Browser]:
    width, height = SIZES[request.param]
    with Browser(width=width, height=height, dark=request.param == "phone") as window:
        yield window


def test_a_run_s_page_works(browser: Browser, finished_run: Path, tmp_path: Path) -> None:
    browser.open(finished_run / "report.html")
    assert browser.run(OVERFLOW) <= 0
    # The tree: a first code, then a second one, then its items.
    first = "document.querySelector('#tree-list > li > details')"
    browser.run(f"{first}.querySelector('summary').click()")
    assert browser.run(f"return {first}.querySelectorAll(':scope > ul > li > details').length") > 0
    second = f"{first}.querySelector('details')"
    browser.run(f"{second}.querySelector('summary').click()")
    listed = browser.run(f"return [...{second}.querySelectorAll('li bdi')].map((one) => one.textContent)")
    assert listed and all(isinstance(title, str) for title in listed)
    # A title that is searched for is opened and gets the focus.
    search = "const field = document.querySelector('#tree-search'); field.value = arguments[0];"
    browser.run(f"{search} field.dispatchEvent(new Event('input'))", "onerror=")
    browser.run("document.querySelector('#tree-found button').click()")
    assert "<img src=x onerror=" in browser.run("return document.activeElement.textContent")
    # Groups come in portions, and a curve tells its values to the keyboard.
    assert browser.run("return document.querySelectorAll('#groups-list > li').length") > 0
    press = "new KeyboardEvent('keydown', { key: 'ArrowRight' })"
    browser.run(f"document.querySelector('#training .plot').dispatchEvent({press})")
    assert "epoch 0" in browser.run("return document.querySelector('#training .reading').textContent")
    browser.run(OPEN_ALL)
    assert browser.run(OVERFLOW) <= 0
    assert browser.run("return window.hacked === undefined")
    assert browser.log() == []
    browser.picture(tmp_path / "page.png")
    assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")


def test_long_lists_come_in_portions_and_what_is_cut_is_said(
    run_folder: Path, give_items: GiveItems, monkeypatch: pytest.MonkeyPatch
) -> None:
    caps = (Caps(first=20, second=2, items=3),)
    monkeypatch.setattr(tree, "LADDER", caps)
    codes = np.column_stack([np.repeat(np.arange(20), 20), np.tile(np.repeat(np.arange(4), 5), 20)])
    labels = [ItemLabel(f"title {number}") for number in range(400)]
    give_items(run_folder, codes, [20, 4], labels)
    with Browser() as window:
        page = write_run_report(run_folder)
        text = page.read_text(encoding="utf-8")
        page.write_text(text.replace('"c":0,"n":20,', '"c":0,"n":1234567,', 1), encoding="utf-8")
        window.open(page)
        assert "1,234,567 items" in window.run("return document.querySelector('#tree-list').textContent")
        rows = "return document.querySelectorAll('#tree-list > li').length"
        assert window.run(rows) == 12
        # A title below a code that is not shown yet is found.
        search = "const field = document.querySelector('#tree-search'); field.value = 'title 260';"
        window.run(f"{search} field.dispatchEvent(new Event('input'))")
        window.run("document.querySelector('#tree-found button').click()")
        assert window.run("return document.activeElement.textContent") == "title 260 13-0"
        assert window.run(rows) == 14
        window.run("document.querySelector('#tree-more').click()")
        assert window.run(rows) == 20 and window.run("return document.querySelector('#tree-more').hidden")
        assert window.run("return document.activeElement.querySelector('.code').textContent") == "14"
        opened = window.run("return document.querySelector('.here').closest('#tree-list > li').textContent")
        assert "… and 2 codes with 10 items not on this page" in opened
        assert "… and 2 items not on this page" in opened
        groups = "return document.querySelectorAll('#groups-list > li').length"
        before = window.run(groups)
        window.run("document.querySelector('#groups-more').click()")
        assert (before, window.run(groups)) == (12, 24)
        assert window.run("return document.activeElement.textContent").startswith("3-0 5 items")
        assert window.log() == []


def test_a_scorecard_s_page_works(browser: Browser, finished_scorecard: Path) -> None:
    browser.open(finished_scorecard / "report.html")
    browser.run(OPEN_ALL)
    assert browser.run(OVERFLOW) <= 0
    assert browser.run("return document.querySelectorAll('.landscape .dot').length") == 3
    assert browser.run("return window.hacked === undefined") and browser.log() == []


def test_without_scripts_the_page_says_what_is_missing_and_shows_the_rest(finished_run: Path) -> None:
    with Browser(scripts=False) as window:
        window.open(finished_run / "report.html")
        shown = window.run("return document.body.innerText")
        assert "need JavaScript, which is switched off here" in shown and "Above popularity" in shown
        assert window.run("return document.querySelectorAll('#tree-list > li, #groups-list > li').length") == 0
        assert window.log() == []


def test_the_policy_of_the_page_stops_scripts_that_are_not_its_own(finished_run: Path, tmp_path: Path) -> None:
    text = (finished_run / "report.html").read_text(encoding="utf-8")
    page = tmp_path / "changed.html"
    evil = '<script>window.hacked = 1</script><img src=x onerror="window.hacked = 1"><img src="http://127.0.0.1:9/x">'
    page.write_text(text.replace("<main>", f"<main>{evil}"), encoding="utf-8")
    with Browser() as window:
        window.open(page)
        assert window.run("return window.hacked === undefined")
        assert sum("Content Security Policy" in line for line in window.log()) >= 3
