"""How commands end: by a mistake, for want of memory, by Ctrl-C and by SIGTERM, and all of them alike."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import torch

from recbole_adasid.cli import main, train
from recbole_adasid.cli.main import COMMANDS
from recbole_adasid.cli.shared.exit_status import ended
from recbole_adasid.compute.out_of_memory import is_out_of_memory
from recbole_adasid.distributed.stop_signals import Terminated, heeding_sigterm, keeping_sigterm


@pytest.fixture(autouse=True)
def sigterm_means_its_default() -> Iterator[None]:
    """Whatever libraries of earlier tests made of it: ray, where it runs within this process, has a meaning for it."""
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGTERM, signal.SIG_DFL if before is None else before)


def end_by(error: BaseException) -> int:
    def work() -> None:
        raise error

    return ended(work, resume_hint="all is kept", memory_hint="take less")


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (ValueError("no such item"), 2, "error: no such item\n"),
        (ImportError("pip install x"), 2, "error: pip install x\n"),
        (KeyboardInterrupt(), 130, "\nstopped: all is kept\n"),
        (Terminated(), 143, "stopped by SIGTERM: all is kept\n"),
        (MemoryError(), 2, "error: out of memory: take less; all is kept (MemoryError)\n"),
        (
            RuntimeError(
                "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory\nyou tried"
            ),
            2,
            "error: out of memory: take less; all is kept (DefaultCPUAllocator: can't allocate memory)\n",
        ),
    ],
)
def test_what_ended_the_work_is_said_in_a_sentence(error, status, said, capsys):
    assert end_by(error) == status
    assert capsys.readouterr().err == said


def test_what_another_process_of_the_job_told_is_not_told_again(capsys):
    error = ValueError("lost")
    error.told = True
    assert end_by(error) == 2 and capsys.readouterr().err == ""


def test_the_status_of_work_that_ends_well_is_its_own():
    assert [ended(lambda status=status: status, resume_hint="", memory_hint="") for status in (None, 0, 1)] == [0, 0, 1]


@pytest.mark.parametrize("error", [RuntimeError("shapes do not match"), TypeError("allocate memory"), SystemExit(3)])
def test_mistakes_of_our_own_keep_their_traceback(error):
    with pytest.raises(type(error)):
        end_by(error)


def ask_torch():
    torch.empty(10**15)


def ask_numpy():
    import numpy as np

    np.empty(10**15)


def ask_the_system():
    raise OSError(errno.ENOMEM, "Cannot allocate memory")


def ask_an_accelerator():
    raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


def ask_cpp():
    raise RuntimeError("std::bad_alloc")


def ask_the_loader():
    raise ImportError("libscipy_openblas.so: failed to map segment from shared object")


ASKING = [ask_torch, ask_numpy, ask_the_system, ask_an_accelerator, ask_cpp, ask_the_loader]


@pytest.mark.parametrize("ask", ASKING)
def test_want_of_memory_is_known_whoever_says_so(ask):
    with pytest.raises((MemoryError, RuntimeError, OSError, ImportError)) as raised:
        ask()
    assert is_out_of_memory(raised.value)


def test_other_errors_are_no_want_of_memory():
    others = [OSError(errno.ENOSPC, "No space left"), ValueError("out of memory"), RuntimeError("shapes")]
    assert not any(map(is_out_of_memory, others))


def ending_by(name: str, fail: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> int:
    """Run a command whose work fails; return its exit status."""
    if name == "train":  # its work needs to know whose arguments it is given
        monkeypatch.setattr(train, "_work", fail)
        return train.main(["--anything=1"])
    return replace(COMMANDS[name], work=fail).main(["--anything=1"])


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize(
    ("error", "status", "begins"),
    [
        (MemoryError("no room for 8 GiB"), 2, r"error: out of memory: \w+ .*; .*\w \(no room for 8 GiB\)$"),
        (Terminated(), 143, r"stopped by SIGTERM: \w+ .*\w$"),
        (KeyboardInterrupt(), 130, r"stopped: \w+ .*\w$"),
    ],
)
def test_every_command_ends_alike(name, error, status, begins, monkeypatch, capsys):
    def fail(*_):
        raise error

    assert ending_by(name, fail, monkeypatch) == status
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert re.match(begins, line)


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("ask", ASKING)
def test_every_command_tells_want_of_memory_whoever_says_so(name, ask, monkeypatch, capsys):
    assert ending_by(name, lambda *_: ask(), monkeypatch) == 2
    assert capsys.readouterr().err.startswith("error: out of memory: ")


def test_sigterm_is_heeded_within_and_not_after(capsys):
    def work():
        os.kill(os.getpid(), signal.SIGTERM)

    assert ended(work, resume_hint="all is kept", memory_hint="") == 143
    assert capsys.readouterr().err == "stopped by SIGTERM: all is kept\n"
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@pytest.mark.parametrize("meaning", [signal.SIG_IGN, lambda *_: None])
def test_a_meaning_that_sigterm_has_already_is_left_alone(meaning):
    before = signal.signal(signal.SIGTERM, meaning)
    try:
        with heeding_sigterm():
            assert signal.getsignal(signal.SIGTERM) is meaning
            os.kill(os.getpid(), signal.SIGTERM)
        assert signal.getsignal(signal.SIGTERM) is meaning
    finally:
        signal.signal(signal.SIGTERM, before)


def test_torchrun_ends_its_processes_as_before(monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "job")
    with heeding_sigterm():
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_another_thread_than_the_main_one_may_do_the_work():
    found = []

    def work() -> None:
        with keeping_sigterm():
            found.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=lambda: found.append(ended(work, resume_hint="", memory_hint="")))
    thread.start()
    thread.join()
    assert found == [signal.SIG_DFL, 0]


def test_what_a_library_makes_of_sigterm_lasts_no_longer_than_its_start():
    with heeding_sigterm():
        ours = signal.getsignal(signal.SIGTERM)
        with keeping_sigterm():
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        assert signal.getsignal(signal.SIGTERM) is ours


FORKED = """
import os, signal, sys, time
from recbole_adasid.cli.shared.exit_status import ended
def work():
    ready, tell = os.pipe()
    child = os.fork()
    if not child:
        os.write(tell, b"x")  # a signal that comes before Python is ready for it here is lost
        time.sleep(60)
        os._exit(0)
    os.read(ready, 1)
    os.kill(child, signal.SIGTERM)
    return os.waitpid(child, 0)[1]
status = ended(work, resume_hint="", memory_hint="")
print(status)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
def test_a_forked_process_ends_at_once_and_says_nothing():
    done = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == (f"{signal.SIGTERM:d}\n", "")


def test_the_main_command_tells_a_mistake_of_its_arguments(capsys):
    assert main(["--=3"]) == 2
    assert capsys.readouterr().err.startswith("error: ")


@pytest.mark.parametrize("arguments", ["--help", "tune --help", "train --help"])
def test_output_that_nobody_reads_any_more_ends_a_command_quietly(arguments: str) -> None:
    program = f"{sys.executable} -m recbole_adasid {arguments} | true; echo status ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", f"sleep 0.1; {program}"], capture_output=True, text=True, timeout=120)
    assert done.stderr == "" and done.stdout in ("status 141\n", "status 0\n")


def test_work_whose_output_nobody_reads_ends_quietly_too() -> None:
    work = "from recbole_adasid.cli.shared.exit_status import ended\nimport sys\n"
    work += "sys.exit(ended(lambda: [print('x' * 9999) for _ in range(99)] and 0, resume_hint='', memory_hint=''))"
    done = subprocess.run(
        ["bash", "-c", f'{sys.executable} -c "{work}" | head -c 5; echo " ${{PIPESTATUS[0]}}"'],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.stdout, done.stderr) == ("xxxxx 141\n", "")


def test_a_mistake_is_reported_even_if_nobody_reads_the_output() -> None:
    work = "import time, sys\nfrom recbole_adasid.cli.shared.exit_status import ended\n"
    work += "def work():\n    time.sleep(0.3)\n    raise ValueError('the sentence')\n"
    work += "sys.exit(ended(work, resume_hint='', memory_hint=''))"
    done = subprocess.run(
        ["bash", "-c", f'{sys.executable} -c "{work}" | true; echo ${{PIPESTATUS[0]}}'],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.stdout, done.stderr) == ("2\n", "error: the sentence\n")
