"""A served run that is trained again: followed once it has finished, whatever happens meanwhile."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("fastapi")

from recbole_adasid.io.atomic import CannotWrite  # noqa: E402
from recbole_adasid.run_folder.folder import RunFolder  # noqa: E402
from recbole_adasid.server.changes import Changes  # noqa: E402
from recbole_adasid.server.errors import Busy  # noqa: E402
from recbole_adasid.server.limits import Limits  # noqa: E402
from recbole_adasid.server.state import Serving  # noqa: E402
from recbole_adasid.serving.recommender import Recommender  # noqa: E402


@pytest.fixture
def watched(run_copy: Path) -> Iterator[tuple[Changes, Serving, RunFolder]]:
    """Changes that look at the folder when a test says so."""
    serving, folder = Serving(Recommender.load(run_copy), Limits()), RunFolder.existing(run_copy)
    changes = Changes(serving, folder, lambda: Recommender.load(run_copy))
    yield changes, serving, folder
    changes.close()
    serving.close()


def trained_again(folder: RunFolder) -> None:
    """Replace the model, as a validation does."""
    again = shutil.copy(folder.model_path, folder.path / "again")
    os.replace(again, folder.model_path)


def test_a_run_that_is_trained_again_is_served_once_it_has_finished(
    watched: tuple[Changes, Serving, RunFolder], caplog: pytest.LogCaptureFixture
) -> None:
    changes, serving, folder = watched
    before, metrics = serving.snapshot, folder.metrics_path.read_bytes()
    with folder.in_use():
        folder.metrics_path.unlink()
        trained_again(folder)
        for _ in range(2):
            changes.refresh()
            assert serving.snapshot is before and "cannot be loaded" not in caplog.text
        trained_again(folder)
        folder.metrics_path.write_bytes(metrics)
    changes.refresh()
    assert serving.snapshot is not before
    after = serving.snapshot
    changes.refresh()
    assert serving.snapshot is after
    with folder.in_use():  # as by somebody who adds items
        other = Recommender.load(folder.path)
        other.remove_items(["i3"])
        other.save(locked=True)
        changes.refresh()
        assert serving.snapshot.recommender.n_recommended == 19


def test_a_training_that_was_stopped_is_not_served(
    watched: tuple[Changes, Serving, RunFolder], caplog: pytest.LogCaptureFixture
) -> None:
    changes, serving, folder = watched
    before, metrics = serving.snapshot, folder.metrics_path.read_bytes()
    folder.metrics_path.unlink()
    trained_again(folder)
    for _ in range(2):
        changes.refresh()
        changes._retry_at = 0.0
    assert serving.snapshot is before
    assert caplog.text.count("metrics.json is missing: the run was started again and has not finished") == 1
    with pytest.raises(Busy, match="changed but cannot be loaded: .*has not finished"):
        changes._change(lambda recommender: recommender.remove_items(["i3"]))
    folder.metrics_path.write_bytes(metrics)
    changes._retry_at = 0.0
    changes.refresh()
    assert serving.snapshot is not before


def test_a_folder_that_cannot_be_locked_is_followed_all_the_same(
    watched: tuple[Changes, Serving, RunFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    changes, serving, folder = watched
    before = serving.snapshot

    def read_only(*_: object, **__: object) -> None:
        raise CannotWrite("cannot write .lock (Read-only file system)")

    monkeypatch.setattr("recbole_adasid.run_folder.folder.held", read_only)
    trained_again(folder)
    changes.refresh()
    assert serving.snapshot is not before


def test_a_run_without_metrics_from_the_start_is_followed(run_copy: Path) -> None:
    (run_copy / "metrics.json").unlink()
    serving, folder = Serving(Recommender.load(run_copy), Limits()), RunFolder.existing(run_copy)
    before, changes = serving.snapshot, Changes(serving, folder, lambda: Recommender.load(run_copy))
    trained_again(folder)
    changes.refresh()
    assert serving.snapshot is not before
    changes.close()
    serving.close()


def test_a_training_that_began_before_the_server_and_was_stopped_is_not_served(run_copy: Path) -> None:
    folder = RunFolder.existing(run_copy)
    metrics = folder.metrics_path.read_bytes()
    folder.metrics_path.unlink()
    folder.training_path.touch()
    serving = Serving(Recommender.load(run_copy), Limits())
    before, changes = serving.snapshot, Changes(serving, folder, lambda: Recommender.load(run_copy))
    folder.changes_path.write_bytes(b"damaged")
    changes.refresh()
    folder.changes_path.unlink()
    changes.refresh()
    assert serving.snapshot is not before  # of the same run
    before = serving.snapshot
    trained_again(folder)
    for _ in range(2):
        changes.refresh()
        changes._retry_at = 0.0
        assert serving.snapshot is before
    folder.training_path.unlink()
    folder.metrics_path.write_bytes(metrics)
    changes.refresh()
    assert serving.snapshot is not before
    changes.close()
    serving.close()


def test_a_folder_can_be_locked_by_others_while_its_retrained_run_loads(
    watched: tuple[Changes, Serving, RunFolder],
) -> None:
    changes, serving, folder = watched
    before, load, loads = serving.snapshot, changes._load, 0

    def load_meanwhile() -> Recommender:
        nonlocal loads
        loads += 1
        recommender = load()
        with folder.in_use():
            if loads == 1:
                trained_again(folder)
        return recommender

    changes._load = load_meanwhile
    trained_again(folder)
    changes.refresh()
    assert serving.snapshot is before and loads == 1 and not changes._unreadable
    changes.refresh()
    assert serving.snapshot is not before and loads == 2
