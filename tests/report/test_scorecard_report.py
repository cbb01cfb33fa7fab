from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recbole_adasid.cli import report as report_command
from recbole_adasid.cli import scorecard as scorecard_command
from recbole_adasid.report import scorecard_report as module
from recbole_adasid.report.content.scorecard import ScorecardContent, scorecard_verdict
from recbole_adasid.scorecard.cells import Cell, CellFolder
from recbole_adasid.tokenizer.quality import landscape, sid_quality

scorecard = scorecard_command.COMMAND.main

main = report_command.COMMAND.main


def test_a_scorecard_leaves_a_whole_page(finished_scorecard: Path, check_page: Callable[[str], Any]) -> None:
    text = (finished_scorecard / "report.html").read_text(encoding="utf-8")
    page = check_page(text)
    assert "left-out" not in re.sub(r"<noscript>.*?</noscript>|<style>.*?</style>", "", text, flags=re.DOTALL)
    shown = "".join(page.texts)
    assert "Semantic IDs of odd" in shown and "Mine, <b>bold</b> & the best" in shown


def test_the_command_gives_the_page_of_the_scorecard(finished_scorecard: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(finished_scorecard, tmp_path / "copy"))
    (copy / "report.html").unlink()
    assert main([f"--scorecard={copy}"]) == 0
    assert (copy / "report.html").read_bytes() == (finished_scorecard / "report.html").read_bytes()


def test_a_page_that_fails_costs_a_warning_and_not_the_scorecard(
    odd_settings: dict[str, object],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("no page today")

    monkeypatch.setattr(module, "render_page", fail)
    own = {"out": tmp_path / "card", "tokenizers": "rqkmeans", "proxy_examples": 20}
    assert scorecard([f"--{key}={value}" for key, value in {**odd_settings, **own}.items()]) == 0
    assert "The scorecard is done, but its report could not be written: ZeroDivisionError" in caplog.text
    assert (tmp_path / "card" / "README.md").exists()


def made_up(folder: Path, proxies: dict[str, list[float]]) -> ScorecardContent:
    """A scorecard of made-up codes: the first tokenizer has collapsed."""
    cells = CellFolder(folder)
    for number, (name, values) in enumerate(proxies.items()):
        for seed, proxy in enumerate(values):
            codes = np.random.default_rng(seed).integers([30, 30 if number else 1], size=(200, 2))
            figures = {**sid_quality(codes, [30, 30]), **landscape(codes, [30, 30]), "proxy_ndcg@10": proxy}
            cells.add(Cell(name, name.upper(), seed, "f", 1.0, figures), codes)
    return ScorecardContent(folder)


def test_levels_get_the_sizes_that_their_codewords_have(tmp_path: Path) -> None:
    card = made_up(tmp_path, {"a": [0.1], "b": [0.2]})
    assert [[level.size for level in usage.levels] for usage in card.usages] == [[30, 30], [30, 30]]
    assert [usage.title for usage in card.usages] == ["B", "A"]
    assert [level.dead for level in card.usages[1].levels][1] == 29


def test_the_verdict_names_a_collapse_few_seeds_and_whether_the_lead_is_clear(tmp_path: Path) -> None:
    close = scorecard_verdict(made_up(tmp_path / "close", {"a": [0.19, 0.19, 0.19], "b": [0.2]}))
    titles = [finding.title for finding in close.findings]
    assert titles[:3] == ["A has collapsed", "The lead is not clear", "Few seeds"]
    assert "on level 2" in close.findings[0].text and "B" in close.findings[2].text
    clear = scorecard_verdict(made_up(tmp_path / "clear", {"a": [0.1], "b": [0.2]}))
    assert "One tokenizer leads" in [finding.title for finding in clear.findings]
    assert clear.tiles[0].value == "B"


def test_a_single_tokenizer_leads_nobody(tmp_path: Path) -> None:
    titles = [finding.title for finding in scorecard_verdict(made_up(tmp_path, {"a": [0.1]})).findings]
    assert "One tokenizer leads" not in titles and "Few seeds" in titles


def test_neighbours_are_compared_only_where_every_tokenizer_has_some(tmp_path: Path) -> None:
    card = made_up(tmp_path, {"a": [0.1], "b": [0.2]})
    cells = card.folder.cells()
    for cell, agreements in zip(cells, ({}, {"embedding_agreement": 0.7})):
        card.folder.add(replace(cell, figures={**cell.figures, **agreements}), card.folder.codes(cell))
    assert [tile.label for tile in scorecard_verdict(ScorecardContent(tmp_path)).tiles][-1] == "most even use"
    card.folder.add(replace(cells[0], figures={**cells[0].figures, "embedding_agreement": 0.8}), np.zeros((9, 2)))
    assert scorecard_verdict(ScorecardContent(tmp_path)).tiles[-1].value == "A"
