"""A sorted log is kept for later runs, as long as it is the same log and whole."""

from __future__ import annotations

import dataclasses
import gc
import logging
import shutil
from pathlib import Path

import pytest

from recbole_adasid.data.log import kept_log as kept_log_module
from recbole_adasid.data.log.kept_log import LogRequest, NothingLeft, kept_log
from recbole_adasid.io.atomic import CannotWrite

ROWS = "user_id,item_id,timestamp\n" + "".join(f"u{n % 4},i{n % 5},{n}\n" for n in range(40))


@pytest.fixture
def request_(tmp_path: Path) -> LogRequest:
    (tmp_path / "log.csv").write_text(ROWS, encoding="utf-8")
    return LogRequest(tmp_path / "log.csv")


def kept(root: Path) -> list[Path]:
    return sorted(path for path in (root / "log").iterdir() if path.is_dir())


def refuse_to_sort(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("it was sorted again")

    monkeypatch.setattr(LogRequest, "sort", refuse)


def test_the_same_log_is_sorted_once(request_: LogRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = kept_log(request_, tmp_path / "cache")
    moved = tmp_path / "elsewhere" / "moved.csv"
    moved.parent.mkdir()
    shutil.move(request_.where, moved)
    refuse_to_sort(monkeypatch)
    again = kept_log(dataclasses.replace(request_, where=moved, memory=0.5), tmp_path / "cache")
    assert again.items.tolist() == first.items.tolist() and len(kept(tmp_path / "cache")) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"columns": {"user_id": "item_id", "item_id": "user_id"}},
        {"repeated": "last"},
        {"intervals": {"users": "[10,inf)"}, "fits": {"users": lambda counts: counts >= 10}},
    ],
)
def test_another_request_is_sorted_anew(request_: LogRequest, tmp_path: Path, change: dict[str, object]) -> None:
    kept_log(request_, tmp_path / "cache")
    kept_log(dataclasses.replace(request_, **change), tmp_path / "cache")  # type: ignore[arg-type]
    assert len(kept(tmp_path / "cache")) == 2


def test_another_content_is_sorted_anew(request_: LogRequest, tmp_path: Path) -> None:
    kept_log(request_, tmp_path / "cache")
    request_.where.write_text(ROWS.replace("u3,", "u9,"), encoding="utf-8")
    assert kept_log(request_, tmp_path / "cache").user_names.find("u9") == 3
    assert len(kept(tmp_path / "cache")) == 2


@pytest.mark.parametrize("harm", ["cut", "gone", "no word of it"])
def test_a_damaged_one_is_sorted_again(
    request_: LogRequest, tmp_path: Path, caplog: pytest.LogCaptureFixture, harm: str
) -> None:
    kept_log(request_, tmp_path / "cache")
    (folder,) = kept(tmp_path / "cache")
    if harm == "cut":
        (folder / "interactions").write_bytes(b"1234")
    else:
        (folder / ("starts" if harm == "gone" else "about.json")).unlink()
    with caplog.at_level(logging.WARNING):
        assert len(kept_log(request_, tmp_path / "cache").items) == 40
    assert "Repeating the stage log" in caplog.text


def test_what_a_killed_process_left_is_removed(request_: LogRequest, tmp_path: Path) -> None:
    kept_log(request_, tmp_path / "cache")
    (folder,) = kept(tmp_path / "cache")
    shutil.move(folder, folder.with_suffix(".begun"))
    assert len(kept_log(request_, tmp_path / "cache").items) == 40
    assert kept(tmp_path / "cache") == [folder]


def test_a_log_that_changes_meanwhile_is_not_kept(
    request_: LogRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Growing(kept_log_module.LogSorting):
        def sort(self, *arguments: object) -> bool:
            done = super().sort(*arguments)  # type: ignore[arg-type]
            request_.where.write_text(ROWS + "u9,i1,99\n", encoding="utf-8")
            return done

    monkeypatch.setattr(kept_log_module, "LogSorting", Growing)
    for root in (tmp_path / "cache", None):
        request_.where.write_text(ROWS, encoding="utf-8")
        with pytest.raises(ValueError, match="changed while it was being read"):
            kept_log(request_, root)
    assert kept(tmp_path / "cache") == []


def test_a_cache_that_cannot_be_written_to_costs_the_keeping_alone(
    request_: LogRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise CannotWrite("it is read-only")

    monkeypatch.setattr(kept_log_module, "held", refuse)
    with caplog.at_level(logging.WARNING):
        assert len(kept_log(request_, tmp_path / "cache").items) == 40
    assert "could not be stored: it is read-only" in caplog.text


def test_a_failure_half_way_leaves_nothing(
    request_: LogRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> bool:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(kept_log_module.LogSorting, "_write_names", full)
    with pytest.raises(CannotWrite, match="No space left on device"):
        kept_log(request_, tmp_path / "cache")
    assert kept(tmp_path / "cache") == []


def test_a_failure_leaves_nothing(request_: LogRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> bool:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(kept_log_module.LogSorting, "sort", full)
    with pytest.raises(CannotWrite, match="No space left on device"):
        kept_log(request_, tmp_path / "cache")
    assert kept(tmp_path / "cache") == []


def test_nothing_left_is_told_and_not_kept(request_: LogRequest, tmp_path: Path) -> None:
    strict = dataclasses.replace(request_, intervals={"users": "[99,inf)"}, fits={"users": lambda n: n >= 99})
    with pytest.raises(NothingLeft, match="leave no interaction"):
        kept_log(strict, tmp_path / "cache")
    assert kept(tmp_path / "cache") == []


def test_without_a_cache_it_lies_in_a_temporary_folder(request_: LogRequest, tmp_path: Path) -> None:
    log = kept_log(request_, None)
    folder = log.folder
    assert len(log.items) == 40 and tmp_path not in folder.parents and folder.is_dir()
    del log
    gc.collect()
    assert not folder.exists()
