"""Letters that the console's encoding lacks: a title in another script must not crash a command."""

from __future__ import annotations

import io
import sys


def escape_unknown_letters() -> None:
    """Make this process print letters that the console's encoding lacks as escapes such as \\u2026."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
