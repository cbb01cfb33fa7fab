"""Index files of LETTER and its kin, read by a reader that knows only their format."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recbole_adasid.bundle.item_sids import ItemSIDs, as_item_sids
from recbole_adasid.bundle.letter_index import read_letter, write_letter


def published(folder: Path, entries: dict[str, Any], item2id: str | None = "x\t0\ny\t1\n") -> Path:
    path = folder / "Toys.index.json"
    path.write_text(json.dumps(entries), encoding="utf-8")
    if item2id is not None:
        (folder / "Toys.item2id").write_text(item2id, encoding="utf-8")
    return path


def test_a_reader_of_the_published_format_finds_every_item_and_code(sids: ItemSIDs, tmp_path: Path, peers) -> None:
    path = write_letter(tmp_path / "Toys.index.json", sids)
    expected = {
        token: [f"<{'abcd'[place]}_{code}>" for place, code in enumerate(row)]
        for token, row in zip(sids.tokens, sids.sequences.tolist())
    }
    assert peers.letter_tokens(path) == expected
    allowed = peers.letter_allowed_tokens(path)
    assert [len(allowed[place]) for place in range(4)] == [len(np.unique(column)) for column in sids.sequences.T]
    assert len({"".join(tokens) for tokens in peers.letter_tokens(path).values()}) == len(sids.tokens)


@pytest.mark.parametrize("options", [{}, {"suffix": False}, {"offset": True}, {"suffix": False, "offset": True}])
def test_an_export_is_imported_again_without_being_told_anything(options, sids: ItemSIDs, tmp_path: Path) -> None:
    again = read_letter(write_letter(tmp_path / "Toys.index.json", sids, **options))
    assert list(again.tokens) == list(sids.tokens) and np.array_equal(again.codes, sids.codes)
    assert again.level_sizes == list(sids.level_sizes)
    assert (again.suffix is None) == ("suffix" in options)
    if again.suffix is not None:
        assert np.array_equal(again.suffix, sids.suffix)


def test_a_published_file_needs_nothing_but_its_item_map(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = published(tmp_path, {"1": ["<a_3>", "<b_0>"], "0": ["<a_0>", "<b_2>"]})
    with caplog.at_level(logging.WARNING):
        sids = read_letter(path)
    assert sids.tokens == ["x", "y"] and sids.codes.tolist() == [[0, 2], [3, 0]] and sids.level_sizes == [4, 3]
    assert "level_sizes not given" in caplog.text


def test_files_of_constrained_k_means_are_understood_when_it_is_told(tmp_path: Path) -> None:
    path = published(tmp_path, {"0": ["<|a_1|>", "<|b_2|>", "<|c_1|>"], "1": ["<a_1>", "<b_2>", "<c_2>"]})
    sids = read_letter(path, first_code=1, suffix=True, level_sizes=[4, 4])
    assert sids.codes.tolist() == [[0, 1], [0, 1]] and sids.suffix is not None and sids.suffix.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"0": ["<a_1>", "<b_1>"], "1": ["<b_1>", "<a_1>"]}, "item '1'.*'<b_1>' is on level 1.* is 'a'"),
        ({"0": ["<a_1>"], "1": ["<a_1"]}, "item '1'.*not of the form"),
        ({"0": ["<a_1>"], "1": ["<a_-1>"]}, "not of the form"),
        ({"0": ["<a_1>"], "1": ["<a_1> "]}, "not of the form"),
        ({"0": ["<a_1>"], "1": ["<a_1234567890>"]}, "not of the form"),
        ({"0": ["<a_1>"], "1": ["<a_١>"]}, "not of the form"),
        ({"0": ["<a_1>"], "1": [1]}, "1 is not a string"),
        ({"0": ["<a_1>"], "1": "<a_1>"}, "item '1' cannot be read: not a list"),
        ({"0": ["<a_1>"], "1": [None]}, "None is not a string"),
        ({"0": ["<a_1>"], "1": ["<a_1>", "<b_1>"]}, "differ in length"),
        ({"0": ["<a_70000>"], "1": ["<a_1>"]}, "at most 65,536 codewords"),
        ({"0": ["<a_1>"] * 27, "1": ["<a_1>"] * 27}, "is on level 2"),
    ],
)
def test_entries_that_are_none_are_refused(entries: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        read_letter(published(tmp_path, entries))


def test_more_levels_than_letters_cannot_be_written(tmp_path: Path) -> None:
    sids = as_item_sids(["a"], [[0] * 26], [1] * 26, [0])
    with pytest.raises(ValueError, match="more letters than there are"):
        write_letter(tmp_path / "x.index.json", sids)
    assert read_letter(write_letter(tmp_path / "x.index.json", sids, suffix=False)).codes.shape == (1, 26)
