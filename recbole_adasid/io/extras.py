"""Packages that only an extra brings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def imports_for(purpose: str | Path, extra: str, otherwise: str | None = None) -> Iterator[None]:
    """Let an import that fails inside name the extra that brings the package.

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
        reason = " ".join(str(error).split())
        remedy = f"pip install 'recbole-adasid[{extra}]'" + ("" if otherwise is None else f", or {otherwise}")
        raise ImportError(f"{purpose} needs a package that cannot be imported ({reason}): {remedy}") from error
