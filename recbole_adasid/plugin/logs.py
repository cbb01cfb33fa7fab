"""Destinations of a run's log lines and scalars."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from recbole_adasid.distributed.world import world
from recbole_adasid.plugin.registration import OURS
from recbole_adasid.plugin.tracking.trackers import TRACKING

LOG_FILE = "run.log"
TENSORBOARD_FOLDER = "tensorboard"


class RunLogHandler(logging.FileHandler):
    """Write a run's log into its folder, without colours; the scalar writer finds the folder through it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / LOG_FILE, encoding="utf-8")
        self.folder = folder

    def handleError(self, record: logging.LogRecord) -> None:
        """Drop a line that cannot be written (disk full): the console has it; print no logging traceback."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


class ConsoleLogHandler(logging.StreamHandler):
    """Show a run's log on the console, in RecBole's colours."""


def start_logging(folder: Path, state: str | None) -> RunLogHandler:
    """Send log lines to the console and to `folder` in RecBole's format, replacing earlier handlers."""
    import colorlog
    from recbole.utils.logger import RemoveColorFilter, log_colors_config

    stop_logging()
    level = getattr(logging, str(state or "INFO").upper(), logging.INFO)
    console = ConsoleLogHandler()
    line = "%(log_color)s%(asctime)-15s %(levelname)s  %(message)s"
    console.setFormatter(colorlog.ColoredFormatter(line, "%d %b %H:%M", log_colors=log_colors_config))
    file = RunLogHandler(folder)
    file.setFormatter(logging.Formatter("%(asctime)-15s %(levelname)s  %(message)s", "%a %d %b %Y %H:%M:%S"))
    file.addFilter(RemoveColorFilter())
    root = logging.getLogger()
    root.setLevel(level)
    root.addHandler(console)
    root.addHandler(file)
    return file


def stop_logging() -> None:
    """Close the handlers of an earlier run in this process, so that its log gets no lines of the next."""
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, (RunLogHandler, ConsoleLogHandler))]:
        root.removeHandler(handler)
        handler.close()


def log_beside_the_run(module: ModuleType) -> None:
    """Make every trainer of `recbole.trainer.trainer` use :func:`scalar_writer`, and ours skip RecBole's W&B logger."""
    module.get_tensorboard = scalar_writer  # type: ignore[attr-defined]
    module.WandbLogger = partial(_wandb_logger, module.WandbLogger)  # type: ignore[attr-defined]


class Scalars:
    """A scalar writer with TensorBoard's interface, for TensorBoard and the run's trackers.

    Args:
        tensorboard: TensorBoard's writer.
    """

    def __init__(self, tensorboard: Any) -> None:
        self._tensorboard = tensorboard

    def add_scalar(self, name: str, value: float, step: int) -> None:
        """Write a value at a step or epoch."""
        self._tensorboard.add_scalar(name, value, step)
        TRACKING.add_scalar(name, float(value), int(step))

    def __getattr__(self, name: str) -> Any:
        """Delegate everything else to TensorBoard's writer."""
        return getattr(self._tensorboard, name)


def scalar_writer(logger: logging.Logger) -> Any:
    """Return a scalar writer. TensorBoard files go to the run folder if the log does, or else to RecBole's place.

    Only rank 0 writes.
    """
    from recbole.utils import get_tensorboard

    if not world().is_main:
        return _Nowhere()

    for handler in logger.handlers:
        if isinstance(handler, RunLogHandler):
            from torch.utils.tensorboard import SummaryWriter

            return Scalars(SummaryWriter(str(handler.folder / TENSORBOARD_FOLDER)))
    return Scalars(get_tensorboard(logger))


def write_metrics(writer: Any, part: str, metrics: Mapping[str, float], epoch: int) -> None:
    """Write an epoch's metrics on a part of the data, such as ``valid``."""
    for name, value in metrics.items():
        writer.add_scalar(f"{part}/{name}", value, epoch)


class _Nowhere:
    """A scalar writer, and a W&B logger as RecBole has it, that records nothing."""

    def _ignore(self, *_: Any, **__: Any) -> None:
        """Do nothing."""

    add_scalar = flush = close = log_metrics = log_eval_metrics = _ignore


def _wandb_logger(recboles: Callable[[Any], Any], config: Any) -> Any:
    """Return a trainer's W&B logger: RecBole's own only for RecBole's models under RecBole's own command.

    It would record only TIGER's last metrics, which :class:`Scalars` has, and a second run into the first's record.
    """
    if config["model"] in OURS:
        TRACKING.start(config)  # RecBole's own command does not
    return _Nowhere() if TRACKING.follows(config) else recboles(config)


@contextmanager
def silence() -> Iterator[None]:
    """Suppress logging and warnings within, for ranks other than 0: rank 0 reports the same."""
    logging.disable()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)


@contextmanager
def tokenizer_log(config: Any) -> Iterator[Callable[[int, dict[str, float]], None]]:
    """Yield a function that writes a tokenizer's values at a step; the writer is opened on first use."""
    TRACKING.start(config)
    writer = None

    def log(step: int, numbers: dict[str, float]) -> None:
        nonlocal writer
        writer = writer or scalar_writer(logging.getLogger())
        for name, value in numbers.items():
            writer.add_scalar(f"tokenizer/{name}", value, step)

    try:
        yield log
    finally:
        if writer is not None:
            writer.close()
