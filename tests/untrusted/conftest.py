"""Malicious files, and the file that exists only if one of them was executed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from malicious_files import FORMS, Malicious


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    return tmp_path / "executed"


@pytest.fixture(params=FORMS)
def evil(request: pytest.FixtureRequest, marker: Path) -> bytes:
    """The content of a malicious file, in every form that some library unpickles."""
    return FORMS[request.param](Malicious(marker))


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["program"])
