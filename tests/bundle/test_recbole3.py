"""RecBole 3's item_sids.json, read by a reader that knows only its format."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import pytest

from recbole_adasid.bundle.item_sids import ItemSIDs, as_item_sids
from recbole_adasid.bundle.recbole3 import read_recbole3, write_recbole3
from recbole_adasid.settings.errors import SettingsError


def published(folder: Path, entries: dict[str, list]) -> Path:
    path = folder / "item_sids.json"
    path.write_text(json.dumps(entries), encoding="utf-8")
    (folder / "item_sids.item2id").write_text("x\t0\ny\t1\n", encoding="utf-8")
    return path


def test_a_reader_of_the_published_format_finds_tokens_of_one_vocabulary(sids: ItemSIDs, tmp_path: Path, peers) -> None:
    tokens = peers.recbole3_tokens(write_recbole3(tmp_path / "item_sids.json", sids), len(sids.tokens))
    starts = [1, 1 + 4, 1 + 4 + 3, 1 + 4 + 3 + 5]
    for row, sequence in enumerate(sids.sequences.tolist()):
        assert tokens[row] == tuple(start + code for start, code in zip(starts, sequence))


@pytest.mark.parametrize("options", [{}, {"suffix": False}, {"offset": False}])
def test_an_export_is_imported_again_without_being_told_anything(options, sids: ItemSIDs, tmp_path: Path) -> None:
    again = read_recbole3(write_recbole3(tmp_path / "item_sids.json", sids, **options))
    assert list(again.tokens) == list(sids.tokens) and np.array_equal(again.codes, sids.codes)
    assert again.level_sizes == list(sids.level_sizes) and (again.suffix is None) == ("suffix" in options)


def test_both_ways_in_which_recbole_3_writes_are_understood_when_it_is_told(tmp_path: Path) -> None:
    extended = published(tmp_path, {"0": [1, 3, 5], "1": [1, 3, 6]})  # sizes 2 and 2, suffixes 1 and 2
    sids = read_recbole3(extended, offset=True, suffix=True, level_sizes=[2, 2])
    assert sids.codes.tolist() == [[1, 1], [1, 1]] and sids.suffix is not None and sids.suffix.tolist() == [1, 2]
    sinkhorn = published(tmp_path, {"0": [1, 0], "1": [0, 1]})
    assert read_recbole3(sinkhorn, offset=False, suffix=False).codes.tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize("told", [{}, {"suffix": True}, {"offset": True, "level_sizes": [2, 2]}])
def test_what_the_file_does_not_say_has_to_be_told(told, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="does not say whether .* set (offset|suffix)=true or"):
        read_recbole3(published(tmp_path, {"0": [0, 1], "1": [1, 0]}), **told)


@pytest.mark.parametrize("entry", [True, 1.0, "1", None, -1, 2**31, 10**30, [1], float("nan")])
def test_entries_that_are_no_whole_numbers_are_refused(entry, tmp_path: Path) -> None:
    path = published(tmp_path, {"0": [0], "1": [entry]})
    with pytest.raises(ValueError, match="item '1' cannot be read: .* at position 1 is not a whole number"):
        read_recbole3(path, offset=False, suffix=False)


def test_equal_sequences_are_pointed_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    shared = as_item_sids(["x", "y", "z"], [[0], [0], [1]], [2])
    with caplog.at_level(logging.WARNING):
        write_recbole3(tmp_path / "item_sids.json", shared)
    assert "2 items share a Semantic ID" in caplog.text
