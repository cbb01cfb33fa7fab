"""What the page at `/` does in a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("httpx")
from benchmarks.browser import Browser, is_there

browser_test = pytest.mark.skipif(not is_there(), reason="needs chromium and chromedriver")


ROWS = "return document.querySelectorAll('.rows > li').length"
FOCUS = "return document.activeElement"
HASH = "return location.hash"
OVERFLOW = "return document.scrollingElement.scrollWidth - innerWidth"


def text(selector: str) -> str:
    return f"return document.querySelector({selector!r})?.textContent ?? ''"


def fresh(window: Browser, address: str) -> None:
    """Load an address even if only its hash differs from the last one."""
    window.open("about:blank")
    window.open(address)


def tab_to(window: Browser, selector: str) -> None:
    """Press Tab until the focus is on what matches a selector."""
    for _ in range(40):
        if window.run(f"{FOCUS}.matches(arguments[0])", selector):
            return
        window.press("Tab")
    raise AssertionError(f"the focus never comes to {selector}")


@pytest.fixture(scope="module")
def window() -> Iterator[Browser]:
    with Browser() as one:
        yield one


@pytest.mark.browser
@browser_test
def test_it_works_by_keyboard_alone(window: Browser, address: str) -> None:
    fresh(window, address)
    assert "48 items" in window.wait_for(text("#facts"))
    # Find an item as one types, and add it.
    tab_to(window, "#search")
    assert window.run(f"{FOCUS.replace('return', 'return getComputedStyle(')}).outlineStyle") == "solid"
    window.press("cup no")
    # Slow typing also shows the matches of the first letters for a moment.
    window.wait_for(
        "return [...document.querySelectorAll('#matches mark')].filter((one) => one.textContent === 'no').length === 8"
    )
    assert window.run("return document.querySelectorAll('#matches [role=option]').length") == 8
    assert window.run("return document.querySelector('#search').getAttribute('aria-expanded')") == "true"
    window.press("ArrowDown", "ArrowDown")
    chosen = window.run(
        "const active = document.querySelector('#search').getAttribute('aria-activedescendant');"
        "return document.getElementById(active).querySelector('.name').textContent"
    )
    assert chosen == window.run("return document.querySelectorAll('#matches .name')[2].textContent")
    window.press("Enter")
    assert window.wait_for(ROWS) == 10
    assert window.run(text("#history .name")) == chosen
    assert window.run(
        "return document.querySelector('#popup').hidden && document.querySelector('#search').value === ''"
    )
    window.wait_for("return document.querySelector('#live').textContent === '10 recommendations'")
    # Open the path to a recommendation.
    tab_to(window, ".rows .title")
    window.press("Enter")
    window.wait_for("return document.querySelectorAll('.panel:not([hidden]) .means p').length > 0")
    assert window.run(f"{FOCUS}.getAttribute('aria-expanded')") == "true"
    path = window.run(
        "return [...document.querySelectorAll('.panel:not([hidden]) .chip.large')].map((one) => one.textContent)"
    )
    sid = window.run(
        "return [...document.querySelectorAll('.rows > li:first-child .row .chip')].map((one) => one.textContent)"
    )
    assert path == sid
    # The next one goes into the history; Back takes it out again, and the focus stays in the list.
    tab_to(window, ".rows .add")
    window.press("Enter")
    window.wait_for("return document.querySelectorAll('#history li').length === 2")
    window.wait_for(f"{FOCUS}.matches('.rows .add')")
    window.run("history.back()")
    window.wait_for("return document.querySelectorAll('#history li').length === 1")
    # Who presses Enter before the matches are there gets the best one of the whole text.
    window.run("document.querySelector('#search').focus()")
    window.press("cup")
    window.wait_for("return !document.querySelector('#popup').hidden")
    window.press(*" no 46", "Enter")
    window.wait_for("return document.querySelectorAll('#history li').length === 2")
    assert window.run(text("#history li:last-child .name")).endswith("no. 46")
    # Escape closes the matches.
    window.press("teapot")
    window.wait_for("return !document.querySelector('#popup').hidden")
    window.press("Escape")
    assert window.run("return document.querySelector('#popup').hidden")
    assert window.log() == []


@pytest.mark.browser
@browser_test
def test_late_recommendations_leave_the_focus_where_it_went(window: Browser, address: str) -> None:
    fresh(window, address)
    window.wait_for("return document.querySelector('.tags .tag') !== null")
    window.run("document.querySelector('.tags .tag').click()")
    assert window.wait_for(ROWS) == 10
    tab_to(window, ".rows .add")
    window.run(
        "const now = window.fetch;"
        "window.fetch = (...asked) => new Promise((go) => setTimeout(go, 300)).then(() => now(...asked));"
    )
    window.press("Enter")
    assert window.run("return document.querySelector('#results').getAttribute('aria-busy')") == "true"
    window.run("document.querySelector('#search').focus()")
    window.wait_for("return document.querySelector('#results').getAttribute('aria-busy') === 'false'")
    assert window.run("return document.querySelectorAll('#history li').length") == 2
    assert window.run(f"{FOCUS}.id") == "search"


@pytest.mark.browser
@browser_test
def test_its_address_holds_all_of_it_and_no_request_goes_elsewhere(window: Browser, address: str) -> None:
    fresh(window, f"{address}/#h=i1&h=i5&k=4&category=cups&deny=i3&seen=1")
    assert window.wait_for(ROWS) == 4
    window.wait_for("return document.querySelectorAll('#history li').length === 2")
    values = "return [...document.querySelectorAll('#category, #k')].map((one) => one.value)"
    assert window.run(values) == ["cups", "4"]
    assert not window.run("return document.querySelector('#exclude-seen').checked")
    kinds = window.run("return [...document.querySelectorAll('.rows .what .aside')].map((one) => one.textContent)")
    assert kinds == ["Home > Cups"] * 4
    # A filter that is taken back.
    window.run("document.querySelector('#hidden button').click()")
    window.wait_for(f"{HASH}.includes('deny') === false")
    window.run("document.querySelector('.rows .hide').click()")
    window.wait_for(f"{HASH}.includes('deny=')")
    asked = window.run("return performance.getEntriesByType('resource').map((one) => one.name)")
    assert asked and all(one.startswith(f"{address}/") for one in asked)


@pytest.mark.browser
@browser_test
@pytest.mark.parametrize("link", ["#h=i1", "#h=i1&k=40"])
def test_it_asks_for_no_more_items_than_the_server_recommends(link: str, window: Browser, sparing_address: str) -> None:
    fresh(window, f"{sparing_address}/{link}")
    assert window.wait_for(ROWS) == 5 and window.run("return document.querySelector('#k').value") == "5"
    assert window.run("return document.querySelector('[role=alert]') === null")


@pytest.mark.browser
@browser_test
def test_titles_are_shown_as_the_text_that_they_are(window: Browser, address: str) -> None:
    fresh(window, f"{address}/#h=i5&k=48&seen=1&open=i5")
    window.wait_for("return document.querySelectorAll('.panel:not([hidden]) .examples').length > 0")
    window.run("const field = document.querySelector('#search'); field.focus(); field.value = 'script';")
    window.run("document.querySelector('#search').dispatchEvent(new Event('input'))")
    window.wait_for("return document.querySelectorAll('#matches li').length === 1")
    for place in ("#history .name", ".rows [data-item=i5] .title", "#matches .name"):
        assert window.run(text(place)).startswith("<script>window.hacked = 1</script><img src=x onerror=")
    assert window.run(text(".rows [data-item=i5] .aside")) == "<b>Home</b>"
    assert window.run(text(".rows [data-item=i6] .title")) == "i6"
    assert window.run("return document.querySelectorAll('main img, main script, main b').length") == 0
    assert window.run("return window.hacked === undefined")
    assert window.log() == []


@pytest.mark.browser
@browser_test
def test_errors_are_sentences_and_the_page_goes_on(window: Browser, address: str) -> None:
    fresh(window, f"{address}/#h=i1&category=boats")
    assert "No item has the category 'boats'" in window.wait_for(text("[role=alert]"))
    assert window.run("return document.querySelector('[role=alert] button') === null")  # asking again would not help
    window.run(
        "const field = document.querySelector('#category'); field.value = ''; field.dispatchEvent(new Event('change'))"
    )
    assert window.wait_for(ROWS) == 10
    # A server that does not answer: fetch is replaced by one that fails as the browser's does.
    window.run("window.real = window.fetch; window.fetch = () => Promise.reject(new TypeError('Failed to fetch'));")
    window.run("document.querySelector('.rows .add').click()")
    assert "The server cannot be reached" in window.wait_for(text("[role=alert]"))
    window.run("window.fetch = window.real; document.querySelector('[role=alert] button').click()")
    assert window.wait_for(ROWS) == 10
    fresh(window, f"{address}/#")
    assert "Add something you know" in window.wait_for(text(".start"))


@pytest.mark.browser
@browser_test
def test_items_that_others_add_are_counted_and_get_their_share(window: Browser, address: str) -> None:
    fresh(window, f"{address}/#h=i1")
    assert window.wait_for(ROWS) == 10
    assert window.run("return document.querySelector('#share-field').hidden")
    # Later answers of /about are those of a catalogue with one item more.
    window.run(
        "const real = window.fetch; window.fetch = async (path, options) => {"
        "  const answer = await real(path, options);"
        "  if (path !== 'about') return answer;"
        "  return Response.json({ ...await answer.json(), items: 49, added_items: 1 });"
        "};"
    )
    window.run("document.querySelector('.rows .add').click()")
    window.wait_for("return !document.querySelector('#share-field').hidden")
    assert "49 items" in window.run(text("#facts"))


@pytest.mark.browser
@browser_test
@pytest.mark.parametrize(
    ("factor", "said"),
    [
        (0.5, "minus what the model gave to codes that lead to no item"),
        (2, "leaving out the share of items added after"),
    ],
)
def test_a_path_says_why_its_steps_do_not_multiply_to_the_score(
    factor: float, said: str, window: Browser, address: str
) -> None:
    fresh(window, f"{address}/#h=i1")
    window.wait_for(ROWS)
    window.run(
        "const real = window.fetch; window.fetch = async (path, options) => {"
        "  const answer = await real(path, options);"
        "  if (path !== 'explain') return answer;"
        "  const told = await answer.json(), product = told.path.reduce((all, one) => all * one.probability, 1);"
        f"  return Response.json({{ ...told, log_probability: Math.log({factor} * product) }});"
        "};"
    )
    window.run("document.querySelector('.rows .title').click()")
    assert said in window.wait_for(text(".panel .summary"))


@pytest.mark.browser
@browser_test
def test_it_fits_a_narrow_phone_in_the_dark(address: str) -> None:
    with Browser(width=360, height=740, dark=True) as phone:
        phone.open(f"{address}/#h=i5&h=i1&k=48&seen=1&open=i5&deny=i7")
        phone.wait_for("return document.querySelectorAll('.panel:not([hidden]) .means p').length > 0")
        phone.run("document.querySelector('#filters').open = true")
        phone.run("const field = document.querySelector('#search'); field.focus(); field.value = 'i';")
        phone.run("document.querySelector('#search').dispatchEvent(new Event('input'))")
        phone.wait_for("return document.querySelectorAll('#matches li').length > 0")
        assert phone.run(OVERFLOW) <= 0
        light = "const [r, g, b] = getComputedStyle(document.body)[arguments[0]].match(/\\d+/g); return +r + +g + +b"
        assert phone.run(light, "backgroundColor") < 150 and phone.run(light, "color") > 600
        assert phone.log() == []


@pytest.mark.browser
@browser_test
def test_a_history_tells_removed_items_from_unknown_ones(window: Browser, smaller_address: str) -> None:
    fresh(window, f"{smaller_address}/#h=i2&h=i1&h=nowhere&h=i3")
    window.wait_for("return document.querySelectorAll('#history li').length === 4")
    shown = "return [...document.querySelectorAll('#history li')].map((one) => one.querySelector('{}').textContent)"
    asides, names = (window.run(shown.format(part)) for part in (".aside", ".name"))
    assert asides[1:3] == ["removed from the catalogue", "not in the catalogue"] and names[1].endswith("no. 1")
    unread = "return [...document.querySelectorAll('#history li')].map((one) => one.className)"
    assert window.run(unread) == ["unread", "", "unread", ""]
    assert window.run(text("#history-note")) == "The model only reads the last 2 items."
