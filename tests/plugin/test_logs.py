from __future__ import annotations

import logging
from pathlib import Path

import pytest

from recbole_adasid.plugin.logs import RunLogHandler


def test_a_log_that_the_disk_takes_no_more_of_stays_silent(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    handler = RunLogHandler(tmp_path)
    handler.stream.close()
    if not Path("/dev/full").exists():
        pytest.skip("needs a device that is always full")
    handler.stream = open("/dev/full", "w")  # noqa: SIM115 (the handler closes it)
    handler.handle(logging.makeLogRecord({"msg": "a line", "levelno": logging.INFO}))
    assert capfd.readouterr().err == ""
    handler.handle(logging.makeLogRecord({"msg": "%d", "args": ("no number",), "levelno": logging.INFO}))
    assert "TypeError" in capfd.readouterr().err  # other mistakes still show
    handler.stream = None  # type: ignore[assignment]
