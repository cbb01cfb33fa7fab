"""The page about a run, or about a scorecard: recbole-adasid report --help."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

logger = logging.getLogger(__name__)


@contextmanager
def warn_on_failure(what: str) -> Iterator[None]:
    """Turn an error in the block into a warning: no report is worth losing a run for.

    Args:
        what: subject of the report, for the warning.
    """
    try:
        yield
    except Exception as error:
        logger.warning("%s is done, but its report could not be written: %s: %s", what, type(error).__name__, error)
