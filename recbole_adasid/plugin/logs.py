"""Destinations of a run's log lines and TensorBoard scalars."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from recbole_adasid.distributed.world import world

LOG_FILE = "run.log"
TENSORBOARD_FOLDER = "tensorboard"


class RunLogHandler(logging.FileHandler):
    """Write a run's log into its folder, without colours; TensorBoard finds the folder through it."""

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
    """Make every trainer of `recbole.trainer.trainer` use :func:`tensorboard_writer`."""
    module.get_tensorboard = tensorboard_writer  # type: ignore[attr-defined]


def tensorboard_writer(logger: logging.Logger) -> Any:
    """Return a TensorBoard writer: to the run folder if the log goes there, or else to RecBole's place.

    Only rank 0 writes.
    """
    from recbole.utils import get_tensorboard

    if not world().is_main:
        return _NoWriter()

    for handler in logger.handlers:
        if isinstance(handler, RunLogHandler):
            from torch.utils.tensorboard import SummaryWriter

            return SummaryWriter(str(handler.folder / TENSORBOARD_FOLDER))
    return get_tensorboard(logger)


class _NoWriter:
    """A TensorBoard writer that writes nothing."""

    def add_scalar(self, *_: Any) -> None:
        """Discard a number."""

    def flush(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


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
def tokenizer_log() -> Iterator[Callable[[int, dict[str, float]], None]]:
    """Yield a function that writes a tokenizer's numbers at a step to TensorBoard, opened on first use."""
    writer = None

    def log(step: int, numbers: dict[str, float]) -> None:
        nonlocal writer
        writer = writer or tensorboard_writer(logging.getLogger())
        for name, value in numbers.items():
            writer.add_scalar(f"tokenizer/{name}", value, step)

    try:
        yield log
    finally:
        if writer is not None:
            writer.close()
