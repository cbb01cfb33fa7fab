"""Where a run's log lines and TensorBoard scalars go."""

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
        """Let a line go that the disk takes no more: the console has it, and no traceback of logging's own."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


class ConsoleLogHandler(logging.StreamHandler):
    """Show a run's log on the console, in RecBole's colours."""


def start_logging(folder: Path, state: str | None) -> RunLogHandler:
    """Send log lines to the console and to `folder`, formatted as RecBole does, in place of earlier handlers."""
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
    """Close the handlers of an earlier run in this process, so that its log gets no line of the next."""
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, (RunLogHandler, ConsoleLogHandler))]:
        root.removeHandler(handler)
        handler.close()


def log_beside_the_run(module: ModuleType) -> None:
    """Let every trainer of `recbole.trainer.trainer` write by :func:`tensorboard_writer`."""
    module.get_tensorboard = tensorboard_writer  # type: ignore[attr-defined]


def tensorboard_writer(logger: logging.Logger) -> Any:
    """Return a TensorBoard writer: into the run folder if the log goes there, or else where RecBole puts it.

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
    """Stands for a TensorBoard writer where there is nothing to write."""

    def add_scalar(self, *_: Any) -> None:
        """Let a number go."""

    def flush(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


@contextmanager
def silence() -> Iterator[None]:
    """Log and warn of nothing within: what a rank other than 0 has to say, rank 0 says, too."""
    logging.disable()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)


@contextmanager
def tokenizer_log() -> Iterator[Callable[[int, dict[str, float]], None]]:
    """Give a function that writes a tokenizer's numbers at a step to TensorBoard, opened when first needed."""
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
