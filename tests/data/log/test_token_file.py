"""Tokens in files are found by number and by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recbole_adasid.data.log import token_file
from recbole_adasid.data.log.token_file import TokenFile, write_tokens

TOKENS = ["u1", "", "Müller", "日本", "u10", "x" * 300]


@pytest.fixture
def file(tmp_path: Path) -> TokenFile:
    write_tokens(tmp_path / "users", [TOKENS[:2], [], TOKENS[2:]])
    return TokenFile(tmp_path / "users")


def test_tokens_come_back_by_number(file: TokenFile) -> None:
    assert [file[number] for number in range(len(file))] == TOKENS and file[-1] == TOKENS[-1]
    assert file.of(np.array([3, 0, 3])).tolist() == ["日本", "u1", "日本"]
    assert [token for part in file.parts() for token in part] == TOKENS
    with pytest.raises(IndexError):
        file[6]


def test_tokens_are_found_by_name(file: TokenFile) -> None:
    assert [file.find(token) for token in TOKENS] == list(range(6))
    with pytest.raises(KeyError, match="nobody"):
        file.find("nobody")


def test_two_tokens_of_one_hash_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lengths = lambda tokens: (np.array([len(token) for token in tokens], dtype=np.uint64),) * 2  # noqa: E731
    monkeypatch.setattr(token_file, "token_hashes", lengths)
    write_tokens(tmp_path / "users", [["ab", "cd", "e"]])
    file = TokenFile(tmp_path / "users")
    assert [file.find(token) for token in ("ab", "cd", "e")] == [0, 1, 2]
    with pytest.raises(KeyError):
        file.find("xy")
