"""Another library's errors inside a sentence: their messages may have many lines, and may quote the user's file."""

from __future__ import annotations


def one_line(error: BaseException, most: int | None = None) -> str:
    """Return an error's message on one line, cut after ``most`` characters; its type if it has no message."""
    return (" ".join(str(error).split()) or type(error).__name__)[:most]


def first_line(error: BaseException, most: int | None = None) -> str:
    """Return the first line of an error's message, cut after ``most`` characters; its type if it has no message."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip()[:most]


def typed_line(error: BaseException, most: int | None = None) -> str:
    """Return an error's type and its message on one line, the message cut after ``most`` characters."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:most]}"
