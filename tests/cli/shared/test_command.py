"""What the commands have in common."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from recbole_adasid.cli.shared.command import Command
from recbole_adasid.cli.shared.options import Option


def command(work: Callable[[list[str]], int | None], *, bare: bool = False) -> Command:
    return Command(
        name="try",
        summary="what it does",
        usage=("--a=FILE", "--b=N"),
        about="It tries.\n",
        options={"options": (Option("a", "FILE", "a file"), Option("quite_long", "", "x " * 70)), "more": ()},
        work=work,
        resume_hint="all is kept",
        memory_hint="take less",
        help_end=lambda: "names",
        runs_bare=bare,
    )


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (None, 0, ""),
        (ValueError("no such item"), 2, "error: no such item\n"),
        (ImportError("pip install x"), 2, "error: pip install x\n"),
        (KeyboardInterrupt(), 130, "\nstopped: all is kept\n"),
        (MemoryError(), 2, "error: out of memory: take less; all is kept (MemoryError)\n"),
    ],
)
def test_a_command_s_exit_status_says_how_it_ended(error, status, said, capsys):
    def work(given):
        assert given == ["--k=1"]
        if error is not None:
            raise error

    assert command(work).main(["--k=1"]) == status
    assert capsys.readouterr().err == said


def test_work_may_have_a_status_of_its_own():
    assert command(lambda given: 1).main(["--k=1"]) == 1
    assert command(lambda given: len(given), bare=True).main([]) == 0


@pytest.mark.parametrize("arguments", [[], ["--k=1", "--help"], ["-h"]])
def test_a_command_without_arguments_shows_its_help(arguments, capsys):
    assert command(pytest.fail).main(arguments) == 0
    assert capsys.readouterr().out.splitlines()[:4] == [
        "usage: recbole-adasid try --a=FILE",
        "       recbole-adasid try --b=N",
        "",
        "It tries.",
    ]


def test_sentences_of_options_stand_below_one_another():
    lines = command(pytest.fail).help().splitlines()
    assert lines[5:9] == [
        "options",
        "  --a=FILE      a file",
        "  --quite_long  " + ("x " * 52)[:-1],
        " " * 16 + "x " * 17 + "x",
    ]
    assert lines[-1] == "names" and max(map(len, lines)) <= 120
