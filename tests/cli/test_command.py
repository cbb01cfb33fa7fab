"""What the commands have in common."""

from __future__ import annotations

import pytest

from recbole_adasid.cli import run_command


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (None, 0, ""),
        (ValueError("no such item"), 2, "error: no such item\n"),
        (ImportError("pip install x"), 2, "error: pip install x\n"),
        (KeyboardInterrupt(), 130, "\nstopped: all is kept\n"),
        (MemoryError(), 2, "error: memory ran out: take less; all is kept (MemoryError)\n"),
    ],
)
def test_a_command_s_exit_status_says_how_it_ended(error, status, said, capsys):
    def work(given):
        assert given == ["--k=1"]
        if error is not None:
            raise error

    assert run_command(["--k=1"], "usage", work, kept="all is kept", spare="take less") == status
    assert capsys.readouterr().err == said


@pytest.mark.parametrize("arguments", [[], ["--k=1", "--help"], ["-h"]])
def test_a_command_without_arguments_shows_its_help(arguments, capsys):
    assert run_command(arguments, lambda: "usage", pytest.fail, kept="") == 0
    assert capsys.readouterr().out == "usage\n"
