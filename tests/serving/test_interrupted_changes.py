"""Changes of a catalogue on a disk that takes no more, at each write in turn: whole or not at all, and told truly."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
from safetensors import SafetensorError

from recbole_adasid.cli.items import COMMAND
from recbole_adasid.plugin.run import run
from recbole_adasid.run_folder.catalogue_log import log_line
from recbole_adasid.serving.recommender import Recommender

FULL = OSError(errno.ENOSPC, "No space left on device")
ADDED, GONE = ["n1", "n2"], ["i3", "i7"]
ACTIONS = ("add", "remove")


@pytest.fixture(scope="module")
def folder(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("runs")
    settings = {"dataset": "tiny", "data_path": str(tiny_data), "codebook_size": 4, "MAX_ITEM_LIST_LENGTH": 4}
    settings |= {"model_size": "tiny", "epochs": 1, "eval_step": 0, "beam_size": 30, "show_progress": False}
    settings |= {"tokenizer": "rqkmeans", "text_fields": ["title"], "text_width": 8, "collision": "suffix"}
    return run({**settings, "run_root": str(base), "cache_dir": str(base / "cache")})["run_folder"]


class Disk:
    """Counts what needs room on the disk, and takes no more from a given time on, or for that time alone.

    A write that fails leaves half of what it was to write.
    """

    def __init__(self, full_at: int | None, *, stays: bool = False) -> None:
        self.full_at, self.stays, self.uses = full_at, stays, 0

    def use(self) -> None:
        self.uses += 1
        if self.full_at is not None and (self.uses > self.full_at if self.stays else self.uses == self.full_at + 1):
            raise FULL

    def counted(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            self.use()
            return function(*args, **options)

        return call


class Stream:
    """A file whose writes and flushes a disk counts."""

    def __init__(self, stream: Any, disk: Disk) -> None:
        self._stream, self._disk = stream, disk

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: Any) -> None:
        self._stream.close()

    def write(self, data: Any) -> Any:
        try:
            self._disk.use()
        except OSError:
            self._stream.write(data[: len(data) // 2])
            self._stream.flush()
            raise
        return self._stream.write(data)

    def flush(self) -> None:
        self._disk.use()
        self._stream.flush()


@contextmanager
def on(disk: Disk) -> Iterator[None]:
    """Within, files are written on that disk."""
    opened, saved, made = Path.open, safetensors.torch.save_file, os.open

    def open_path(path: Path, mode: str = "r", *args: Any, **options: Any) -> Any:
        if not set(mode) & set("wa+x"):
            return opened(path, mode, *args, **options)
        disk.use()
        return Stream(opened(path, mode, *args, **options), disk)

    def save_file(tensors: Any, path: Path, **options: Any) -> None:
        try:
            disk.use()
        except OSError as error:
            Path(path).write_bytes(b"half")
            raise SafetensorError(f"I/O error: {error.strerror} (os error 28)") from None
        saved(tensors, path, **options)

    def open_low(path: Any, flags: int, *args: Any, **options: Any) -> int:
        if flags & os.O_CREAT:
            disk.use()
        return made(path, flags, *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "open", open_path)
        patch.setattr(safetensors.torch, "save_file", save_file)
        patch.setattr(os, "open", open_low)
        for name in ("fsync", "replace"):
            patch.setattr(os, name, disk.counted(getattr(os, name)))
        yield


def state(folder: Path) -> tuple[list[str], list[list[int]], list[bool]]:
    """Return the items, their Semantic IDs, and which of them are recommended."""
    recommender = Recommender.load(folder)
    tokens = list(recommender.tokens)
    return tokens, recommender.semantic_ids(tokens), recommender._live.recommended.tolist()


def logged(folder: Path, action: str) -> list[str]:
    """Return the items that the log names for an action, every line of which has to be JSON."""
    path = folder / "new-items.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [item for line in lines if line["action"] == action for item in line["items"]]


def command(action: str, folder: Path, home: Path) -> list[str]:
    title = "item_id\ttitle\n" + "".join(f"{item}\tthe red thing {item}\n" for item in ADDED)
    table = home / ("new.tsv" if action == "add" else "gone.txt")
    table.write_text(title if action == "add" else "\n".join(GONE))
    return [action, f"--run_folder={folder}", f"--items={table}"]


@pytest.mark.parametrize(("action", "stays"), [("add", False), ("add", True), ("remove", False)])
def test_a_full_disk_at_any_write_keeps_a_change_whole_or_not_at_all(
    action: str, stays: bool, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named = ADDED if action == "add" else GONE
    before, whole, disk = state(folder), Path(shutil.copytree(folder, tmp_path / "whole")), Disk(None)
    with on(disk):
        assert COMMAND.main(command(action, whole, tmp_path)) == 0
    after = state(whole)
    assert after != before and logged(whole, action) == named and disk.uses >= 8
    statuses = []
    for moment in range(disk.uses):
        copy = Path(shutil.copytree(folder, tmp_path / str(moment)))
        given = command(action, copy, tmp_path)
        capsys.readouterr()
        with on(Disk(moment, stays=stays)):
            status = COMMAND.main(given)
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        if status == 0:
            assert state(copy) == after and f"written to {copy}" in printed.out
        else:
            assert status == 2 and state(copy) == before
            assert printed.out == "" and printed.err.startswith("error: cannot write") and "No space" in printed.err
        assert COMMAND.main(given) == 0
        assert state(copy) == after and logged(copy, action) == named and not list(copy.glob(".*.tmp"))
        statuses.append(status)
    assert statuses == sorted(statuses, reverse=True) and set(statuses) == {0, 2}  # one point divides them


@pytest.mark.parametrize("action", ACTIONS)
def test_a_change_that_the_log_does_not_name_yet_is_named_with_the_next(
    action: str, folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "run"))
    (copy / "new-items.jsonl").mkdir()  # nothing can be written there
    recommender = Recommender.load(copy)
    recommender.remove_items(["i1"])
    recommender.save()
    assert "The change is saved, but cannot write" in caplog.text and "new-items.jsonl" in caplog.text
    recommender.remove_items(["i2"])
    recommender.save()
    (copy / "new-items.jsonl").rmdir()
    assert COMMAND.main(command(action, copy, tmp_path)) == 0
    assert logged(copy, "remove") == ["i1", "i2", *(GONE if action == "remove" else [])]
    assert logged(copy, "add") == (ADDED if action == "add" else [])
    again = Recommender.load(copy)
    assert again._live._unlogged  # what the log has is not written twice
    again.save()
    again.save()
    assert logged(copy, "remove") == ["i1", "i2", *(GONE if action == "remove" else [])]


def test_going_back_to_an_older_state_repeats_no_line_of_the_log(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "run"))
    for item in ("i1", "i2"):
        recommender = Recommender.load(copy)
        recommender.remove_items([item])
        path = recommender.save()
        shutil.copy(path, tmp_path / item)
    shutil.copy(tmp_path / "i1", path)
    recommender = Recommender.load(copy)
    recommender.remove_items(["i3"])
    recommender.save()
    assert logged(copy, "remove") == ["i1", "i2", "i3"] and state(copy)[2].count(False) == 3  # and padding


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (FULL, "No space left on device"),
        (UnicodeEncodeError("latin-1", "…", 0, 1, "not in range"), "'latin-1' codec can't encode"),
    ],
)
def test_words_that_nobody_takes_do_not_undo_a_change(
    failure: Exception,
    said: str,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "run"))

    class Closed:
        def write(self, _: str) -> int:
            raise failure

        def flush(self) -> None:
            raise failure

    monkeypatch.setattr(sys, "stdout", Closed())
    assert COMMAND.main(command("remove", copy, tmp_path)) == 0
    assert f"the change is saved, but could not be printed ({said}" in capsys.readouterr().err
    assert logged(copy, "remove") == GONE


def test_a_line_of_the_log_says_what_and_when_and_no_two_are_the_same() -> None:
    lines = [log_line("add", items=["ü"], recommended=3) for _ in range(20)]
    entry = json.loads(lines[0])
    assert datetime.fromisoformat(entry.pop("time")).tzinfo is not None
    assert entry == {"action": "add", "items": ["ü"], "recommended": 3} and "ü" in lines[0]
    assert len(set(lines)) == 20
