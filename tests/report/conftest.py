"""A finished run and a scorecard to report on; titles, categories and tokens are as hostile as a file can hold."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from recbole_adasid.cli import scorecard as scorecard_command
from recbole_adasid.data.item_labels import ItemLabel, write_labels
from recbole_adasid.io.json_file import read_json
from recbole_adasid.plugin.run import run
from recbole_adasid.run_folder.folder import RunFolder

scorecard = scorecard_command.COMMAND.main

HOSTILE = (
    "</script><script>window.hacked = 1</script>",
    '"><img src=x onerror="window.hacked = 1">',
    "' onmouseover='window.hacked = 1",
    "<!-- <script> {{ 7 * 7 }} {% raw %} ${7 * 7}",
    "&lt;b&gt; &amp; &#60;i&#62; <b>bold</b>",
    "שלום \u202e evil \u2066 عالم",
    "👩‍👩‍👧‍👦 🇩🇪 e\u0301 \u2028 line",
    "A" * 5000,
    "long words " * 300,
    "",
)


def item_of(number: int) -> str:
    return f"<i>&\"'{number}" if number == 3 else f"i{number}"


def write_hostile_dataset(folder: Path, items: int = 40, users: int = 40) -> Path:
    """Write the dataset `odd`: users walk round the items; return the data path."""
    home = folder / "odd"
    home.mkdir(parents=True)
    rows = [
        f"u{user}\t{item_of((3 * user + step) % items)}\t{1000 + step}\n"
        for user in range(users)
        for step in range(5 + user % 3)
    ]
    (home / "odd.inter").write_text("user_id:token\titem_id:token\ttimestamp:float\n" + "".join(rows), encoding="utf-8")
    titles = [
        f"{item_of(number)}\t{HOSTILE[number % len(HOSTILE)]}\tThings > {HOSTILE[number // 4 % 8]}\tword{number % 5}\n"
        for number in range(items)
    ]
    head = "item_id:token\ttitle:token\tcategories:token\twords:token\n"
    (home / "odd.item").write_text(head + "".join(titles), encoding="utf-8")
    return folder


def settings_for(folder: Path) -> dict[str, object]:
    """Settings of a run on `odd` that takes about a second and has items that share a Semantic ID."""
    return {
        **{"dataset": "odd", "data_path": str(folder / "data"), "text_fields": ["words", "title"], "text_width": 8},
        **{"codebook_size": 4, "sid_length": 2, "code_dim": 4, "encoder_hidden": [8], "tokenizer_steps": 20},
        **{"tokenizer_log_every": 5, "tokenizer_batch_pairs": 8, "tokenizer_batch_solo_items": 4},
        **{"d_model": 16, "n_heads": 2, "d_head": 8, "d_ff": 32, "n_encoder_layers": 1, "n_decoder_layers": 1},
        **{"MAX_ITEM_LIST_LENGTH": 4, "epochs": 2, "eval_step": 1, "beam_size": 10, "show_progress": False},
        "cache_dir": str(folder / "cache"),
    }


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run; do not write into it."""
    folder = tmp_path_factory.mktemp("reported")
    write_hostile_dataset(folder / "data")
    return Path(run({**settings_for(folder), "run_folder": str(folder / "run")})["run_folder"])


@pytest.fixture
def run_folder(finished_run: Path, tmp_path: Path) -> Path:
    """A copy of the folder of a run, without its report."""
    copy = Path(shutil.copytree(finished_run, tmp_path / "run"))
    (copy / "report.html").unlink()
    return copy


@pytest.fixture(scope="session")
def finished_scorecard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a scorecard; do not write into it."""
    folder = tmp_path_factory.mktemp("compared")
    write_hostile_dataset(folder / "data")
    (folder / "mine.yaml").write_text(
        "# Mine, <b>bold</b> & the best\ntokenizer: rqkmeans\nseed: 1\n", encoding="utf-8"
    )
    own = {"out": folder / "card", "tokenizers": f"rqkmeans,adasid,{folder / 'mine.yaml'}", "proxy_examples": 50}
    given = [f"--{key}={value}" for key, value in {**settings_for(folder), **own}.items()]
    assert scorecard(given) == 0
    return folder / "card"


VOID = {"meta", "link", "input", "img", "br"}


class Page(HTMLParser):
    """Reads a page and notes what is wrong with it: tags that do not balance, attributes that stand twice."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.ids: list[str] = []
        self.places: list[str] = []
        self.wrong: list[str] = []
        self.scripts: list[dict[str, str | None]] = []
        self.elements: list[str] = []
        self.attributes: set[str] = set()
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        self.wrong += [f"<{name}> is not closed" for name in self.open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if len(given) < len(attrs):
            self.wrong.append(f"<{tag}> has an attribute twice")
        self.elements.append(tag)
        self.attributes |= given.keys()
        self.ids += [value for key, value in given.items() if key == "id" and value]
        self.places += [value or "" for key, value in given.items() if key in ("src", "href", "action", "data")]
        if tag == "script":
            self.scripts.append(given)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1] != tag:
            self.wrong.append(f"</{tag}> at {self.getpos()} closes {self.open[-1:]}")
        else:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def _check_page(text: str) -> Page:
    page = Page(text)
    assert page.wrong == []
    assert len(page.ids) == len(set(page.ids))
    inner = {place[1:] for place in page.places if place.startswith("#")}
    assert inner <= set(page.ids)
    assert {place for place in page.places if not place.startswith("#")} == {"data:,"}
    assert not any(word in text for word in ("url(", "@import", "fetch(", "XMLHttpRequest", "<iframe", "innerHTML"))
    # The only script that runs is the page's own, whose digest the page's policy names.
    assert [script for script in page.scripts if script.get("type") != "application/json"] == [{}]
    assert not {name for name in page.attributes if name.startswith("on")}
    assert "img" not in page.elements and "b" not in page.elements
    return page


@pytest.fixture(scope="session")
def check_page() -> Callable[[str], Page]:
    """A function that reads a page and asserts what every page has to be: balanced, with ids of its own, and without
    a place that a browser would fetch from or a script that is not the page's.
    """
    return _check_page


def _give_items(run_folder: Path, codes: np.ndarray, sizes: list[int], labels: list[ItemLabel]) -> None:
    folder, tokens = RunFolder(run_folder), [f"B00{number:07}" for number in range(len(codes))]
    about = {**read_json(run_folder / "sids.info.json"), "items": len(codes), "level_sizes": sizes}
    folder.write_sids(tokens, codes, level_sizes=sizes, info={**about, "collision": "shared"})
    write_labels(folder.labels_path, tokens, labels)
    shutil.rmtree(folder.tokenizer_path)
    folder.model_path.unlink()  # which has other items


@pytest.fixture(scope="session")
def give_items() -> Callable[[Path, np.ndarray, list[int], list[ItemLabel]], None]:
    """A function that gives the copy of a run other items: codes [N, L], the levels' sizes, labels [N]."""
    return _give_items


@pytest.fixture(scope="session")
def hostile_titles() -> tuple[str, ...]:
    """Titles of the dataset."""
    return HOSTILE


@pytest.fixture
def odd_settings(tmp_path: Path) -> dict[str, object]:
    """Settings of a run on a dataset with such titles."""
    write_hostile_dataset(tmp_path / "data")
    return settings_for(tmp_path)
