"""Items added and removed while a run is served, by requests or by another process that changes the run folder.

One thread makes all changes, one at a time, to a copy of the recommender; once a change is on disk, the copy replaces
the original. Readers never wait and never see half a change.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from recbole_adasid.io.atomic import CannotWrite, stamp_of
from recbole_adasid.io.locks import InUse
from recbole_adasid.run_folder.folder import RunFolder, Stamps
from recbole_adasid.server.errors import Busy
from recbole_adasid.server.snapshot import Snapshot
from recbole_adasid.server.state import Serving
from recbole_adasid.serving.recommender import Recommender

logger = logging.getLogger(__name__)
Outcome = TypeVar("Outcome")
MAX_WAITING = 16
"""Maximum number of waiting changes."""
RETRY_SECONDS = 10.0
"""Seconds after which unchanged files that could not be loaded are tried again: what looks like damage may pass, such
as too many open files."""


class Changes:
    """Changes to the items of a run that is being served.

    Args:
        serving: whose snapshot is replaced.
        folder: the run folder.
        load: reloads its recommender.
    """

    def __init__(self, serving: Serving, folder: RunFolder, load: Callable[[], Recommender]) -> None:
        self._serving, self._folder, self._load = serving, folder, load
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="changes")
        self._waiting, self._unreadable, self._retry_at = 0, "", 0.0
        live = serving.snapshot.recommender.live
        # Taken when the recommender was loaded, so that a change since then is noticed.
        self._stamps: Stamps = (*live.run_stamps, stamp_of(folder.labels_path), live.stamp)
        self._finished = folder.metrics_path.is_file()

    async def change(self, act: Callable[[Recommender], Outcome]) -> tuple[Outcome, Snapshot]:
        """Change the items; once the change is on disk, return the result of ``act`` and the new snapshot.

        Raises:
            Busy: if other changes, another process or the disk prevent it now (nothing is changed), or if it takes too
                long (it may still happen).
            ValueError: from ``act``; nothing is changed.
        """
        if self._waiting >= MAX_WAITING:
            raise Busy(f"{self._waiting} changes are waiting: retry later, with more items per request")
        self._waiting += 1
        changing = asyncio.get_running_loop().run_in_executor(self._thread, self._change, act)
        changing.add_done_callback(self._done)
        timeout = self._serving.limits.timeout
        try:
            return await asyncio.wait_for(asyncio.shield(changing), timeout)
        except asyncio.TimeoutError:
            raise Busy(
                f"not finished within {timeout:g} s, but it may still succeed: repeat the request to make sure"
            ) from None

    async def watch(self, seconds: float) -> None:
        """Keep picking up changes that other processes make to the run folder."""
        while True:
            await asyncio.sleep(seconds)
            await asyncio.get_running_loop().run_in_executor(self._thread, self.refresh)

    def close(self) -> None:
        """Finish pending changes."""
        self._thread.shutdown()

    def refresh(self, *, locked: bool = False) -> None:
        """Reload the run if another process changed its files; keep the current one if that fails.

        A run that is being trained again is reloaded once it has finished.

        Args:
            locked: the caller has the folder :meth:`~recbole_adasid.run_folder.folder.RunFolder.in_use`.
        """
        try:
            stamps = self._current_stamps()
        except OSError as error:  # such as a network drive that is gone
            self._stamps = ()  # so that it is reloaded once its files are visible again
            self._keep_present(error)
            return
        if stamps == self._stamps and not (self._unreadable and time.monotonic() >= self._retry_at):
            return
        known, of_same_run = self._stamps, stamps[:-1] == self._stamps[:-1]
        try:
            if not (locked or of_same_run):
                self._check_not_in_training()
            self._reload(stamps, of_same_run=of_same_run)
        except InUse:
            self._stamps = known  # the next check tries again
        except Exception as error:  # of any kind: the current snapshot still works
            self._retry_at = time.monotonic() + RETRY_SECONDS
            self._keep_present(error)

    def _check_not_in_training(self) -> None:
        """Check that no training is running, which may write another model after each epoch.

        Raises:
            InUse: if another process uses the folder.
        """
        # Not held while the model loads: others lock the folder without waiting, and would fail.
        with suppress(CannotWrite), self._folder.in_use():  # the former on a read-only mount
            pass

    def _reload(self, stamps: Stamps, *, of_same_run: bool) -> None:
        self._stamps = stamps  # after a failure, retry once they change again, as when a writer finishes, or later
        former = self._serving.snapshot if of_same_run and not self._unreadable else None
        finished = self._folder.metrics_path.is_file()
        if not finished and self._is_trained_again():
            raise FileNotFoundError(
                f"{self._folder.metrics_path} is missing: the run was started again and has not finished"
            )
        recommender = self._load()
        self._folder.check_same_run(recommender.live.run_stamps, "serve it")
        self._serving.snapshot = Snapshot(recommender, former)
        self._unreadable, self._finished = "", finished
        logger.info("Reloaded %s: %d items.", self._folder.path, self._serving.snapshot.recommender.n_recommended)

    def _is_trained_again(self) -> bool:
        """Tell whether an unfinished run is no longer the one that is served."""
        # A server may have been started while the run was unfinished; the training state then tells.
        unfinished = self._finished or self._folder.training_path.is_file()
        return unfinished and self._folder.stamps() != self._serving.snapshot.recommender.live.run_stamps

    def _keep_present(self, error: Exception) -> None:
        if self._unreadable != str(error):
            logger.warning(
                "%s changed but cannot be loaded; serving the previous state (%s).", self._folder.path, error
            )
        self._unreadable = str(error) or type(error).__name__

    def _change(self, act: Callable[[Recommender], Outcome]) -> tuple[Outcome, Snapshot]:
        try:
            with self._folder.in_use():
                self.refresh(locked=True)
                if self._unreadable:
                    raise Busy(f"the run folder changed but cannot be loaded: {self._unreadable}")
                recommender = self._serving.snapshot.recommender.copy()
                outcome = act(recommender)
                recommender.save(locked=True)
                self._stamps = self._current_stamps()
                self._serving.snapshot = Snapshot(recommender, self._serving.snapshot)
                return outcome, self._serving.snapshot
        except (InUse, CannotWrite) as error:
            raise Busy(str(error)) from error

    def _done(self, changing: asyncio.Future[tuple[Outcome, Snapshot]]) -> None:
        self._waiting -= 1
        if not changing.cancelled():
            changing.exception()  # retrieved here, as the client may have given up

    def _current_stamps(self) -> Stamps:
        folder = self._folder
        return (*folder.stamps(), stamp_of(folder.labels_path), stamp_of(folder.changes_path))
