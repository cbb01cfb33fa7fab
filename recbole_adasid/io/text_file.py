"""Users' text files: UTF-8 with or without a byte order mark, with any system's line ends."""

from __future__ import annotations

import codecs
from pathlib import Path


def read_text(path: Path) -> str:
    """Return the text of a file without byte order mark and with line ends as LF.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: naming the line, if the text is not UTF-8.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(f"There is no file {path}: correct the path.") from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = 1 + content.count(b"\n", 0, error.start)
        kind = "UTF-16 and" if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else ""
        said = f"{kind} not UTF-8 ({error.reason})".strip()
        raise ValueError(f"{path}, line {line}: the text is {said}: save it as UTF-8.") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_text_lines(path: Path) -> list[str]:
    """Return the lines of a text file; unlike `str.splitlines`, only line ends separate them.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the text is not UTF-8.
    """
    text = read_text(path)
    return text.removesuffix("\n").split("\n") if text else []
