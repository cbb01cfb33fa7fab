"""A partial download: how much of it there is, and which version of the server's file it belongs to."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any


def origin(part: Path) -> str:
    """Return the version of the server's file that a partial download belongs to; empty if it is unknown."""
    beside = part.with_name(f"{part.name}.origin")
    return beside.read_text(encoding="latin-1").strip() if beside.is_file() else ""


def remember_origin(part: Path, answer: Any) -> None:
    """Remember which version of the server's file a partial download belongs to."""
    tag = answer.headers.get("ETag") or ""
    version = answer.headers.get("Last-Modified", "") if tag.startswith("W/") or not tag else tag
    part.with_name(f"{part.name}.origin").write_text(version, encoding="latin-1", errors="replace")


def forget_origin(part: Path) -> None:
    """Forget the version, once the download is complete."""
    part.with_name(f"{part.name}.origin").unlink(missing_ok=True)


def forget(part: Path) -> None:
    """Remove a partial download."""
    part.unlink(missing_ok=True)
    forget_origin(part)


def size(path: Path) -> int:
    """Return the bytes in a file, 0 if there is none."""
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0
