"""Packages that only an extra installs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recbole_adasid.io.one_line import one_line


@contextmanager
def imports_for(purpose: str | Path, extra: str, otherwise: str | None = None) -> Iterator[None]:
    """Name the extra that installs a package if its import fails in the block.

    Args:
        purpose: what needs it, the beginning of the sentence.
        extra: of this package.
        otherwise: what to do without it.

    Raises:
        ImportError: if an import failed.
    """
    try:
        yield
    except ImportError as error:
        remedy = f"pip install 'recbole-adasid[{extra}]'" + ("" if otherwise is None else f", or {otherwise}")
        raise ImportError(f"{purpose} needs a package that cannot be imported ({one_line(error)}): {remedy}") from error
