"""The experiment trackers that a run's scalars go to, besides TensorBoard.

A tracker that cannot start stops the job before the run. One that fails later must not: the error is logged once, and
ends the recording.
"""

from __future__ import annotations

import atexit
import importlib.util
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Union

from recbole_adasid.distributed.world import world
from recbole_adasid.io.one_line import one_line
from recbole_adasid.plugin.config_values import plain_config
from recbole_adasid.plugin.tracking.kept_runs import KeptRuns
from recbole_adasid.plugin.tracking.mlflow_run import MLflowRun
from recbole_adasid.plugin.tracking.wandb_run import WandbRun
from recbole_adasid.settings.errors import SettingsError

logger = logging.getLogger(__name__)


Tracker = Union[WandbRun, MLflowRun]
TRACKERS: dict[str, type[Tracker]] = {
    "log_wandb": WandbRun,
    "log_mlflow": MLflowRun,
}
"""Trackers by the setting that switches them on."""


class Tracking:
    """The trackers of the run in progress in this process."""

    def __init__(self) -> None:
        self.trackers: list[Tracker] = []
        self._config: Any = None

    def start(self, config: Any, folder: Path | None = None, kept: KeptRuns | None = None) -> None:
        """Start the trackers that a RecBole Config chooses, unless already started for it; end those of another run.

        Args:
            config: RecBole config.
            folder: of the run, if it has one.
            kept: the recordings to continue, and where to keep them.

        Raises:
            SettingsError: if one cannot start.
        """
        if self._config is config or not world().is_main:
            return
        self.end()
        self._config = config
        runs: dict[str, str] = {}
        for key, kind in TRACKERS.items():
            if config[key]:
                given = plain_config(config)["settings"], folder
                known = kept.known.get(key) if kept else None
                tracker = (known and _continued(kind, *given, known)) or _started(key, kind, *given)
                self.trackers.append(tracker)
                runs |= {key: tracker.run_id} if tracker.run_id else {}
        if kept:
            kept.keep(runs)

    def follows(self, config: Any) -> bool:
        """Tell whether tracking was started for a Config, even without trackers."""
        return self._config is config

    def add_scalar(self, name: str, value: float, step: int) -> None:
        """Pass a value on to every tracker."""
        for tracker in list(self.trackers):
            try:
                tracker.add_scalar(name, value, step)
            except Exception as error:  # of any kind: it may come from a server or the network
                self.trackers.remove(tracker)
                logger.warning(
                    "%s stopped recording (%s); the run continues, and TensorBoard has everything.",
                    *(tracker.title, _line(error)),
                )

    def end(self, failed: bool = False) -> None:
        """End all trackers."""
        trackers, self.trackers, self._config = self.trackers, [], None
        for tracker in trackers:
            try:
                tracker.finish(failed)
            except Exception as error:
                logger.warning("%s could not finish recording (%s).", tracker.title, _line(error))


TRACKING = Tracking()
atexit.register(TRACKING.end)  # RecBole's own command does not say when a run is over


@contextmanager
def tracked(config: Any, folder: Path, kept: KeptRuns | None = None) -> Iterator[None]:
    """Record the block with the trackers that a RecBole Config chooses.

    Args:
        config, folder, kept: see :meth:`Tracking.start`.

    Raises:
        SettingsError: if one cannot start.
    """
    failed = True
    try:
        TRACKING.start(config, folder, kept)
        yield
        failed = False
    finally:
        TRACKING.end(failed)
        if kept and not failed:
            kept.forget()


def check_installed(settings: Mapping[str, Any]) -> None:
    """Check that the packages of the chosen trackers are installed.

    Raises:
        SettingsError: saying how to install the first that is not.
    """
    for key, kind in TRACKERS.items():
        package = kind.package
        spec = importlib.util.find_spec(package) if settings.get(key) else None
        if settings.get(key) and (spec is None or spec.origin is None):  # a folder of that name is not a package
            raise SettingsError(
                f"{key}=True needs {package}, which is missing: pip install 'recbole-adasid[{package}]', or unset "
                f"{key}."
            )


def _continued(kind: type[Tracker], settings: Mapping[str, Any], folder: Path | None, run: str) -> Any:
    """Return a tracker that continues an earlier recording, or None if it cannot."""
    try:
        return kind(settings, folder, run)
    except Exception as error:
        logger.warning("%s cannot continue its run %s (%s), so a new one is started.", kind.title, run, _line(error))
        return None


def _started(key: str, kind: type[Tracker], settings: Mapping[str, Any], folder: Path | None) -> Tracker:
    try:
        return kind(settings, folder)
    except Exception as error:
        raise SettingsError(f"{key}=True, but {kind.title} cannot start ({_line(error)}): {kind.remedy}.") from error


def _line(error: Exception) -> str:
    text = one_line(error)
    return text if len(text) <= 300 else f"{text[:300]}…"
