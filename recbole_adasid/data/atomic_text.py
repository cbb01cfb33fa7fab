"""Atomic files, RecBole's text format, checked before parsing.

The first line names the columns, `name:type`; every other line has one cell per column. Anything that a parser would
silently drop, shift or misread is rejected here with its line number.
"""

from __future__ import annotations

import codecs
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np

logger = logging.getLogger(__name__)

TYPES = ("token", "token_seq", "float", "float_seq")
_NEWLINE = ord("\n")
# Bytes checked at once: small enough to stay in the processor's cache.
_BLOCK = 1 << 20
_SEPARATOR_NAMES = {"\t": "a tab", " ": "a space"}


@dataclass(frozen=True)
class Column:
    """A required column."""

    name: str
    key: str
    """The setting that names the column."""
    type: str | None = None
    """One of `TYPES`; None: any."""
    filled: bool = True
    """Whether every line needs a value."""


@dataclass(frozen=True)
class AtomicText:
    """An atomic file and its format.

    Attributes:
        path: the file.
        separator: one ASCII character between cells.
        encoding: of the text; a byte order mark of UTF-8 is skipped with a warning.
    """

    path: Path
    separator: str = "\t"
    encoding: str = "utf-8"

    def check(self, needed: Sequence[Column]) -> dict[str, str]:
        """Check the whole file and return the columns' types by name.

        Raises:
            ValueError: for the first invalid line: a wrong header, a wrong number of cells, an empty cell in a required
                column, bytes of another encoding, a stray carriage return or a NUL; or if there is no line after the
                header.
        """
        with self.path.open("rb") as file:
            if file.read(len(codecs.BOM_UTF8)) == codecs.BOM_UTF8:
                logger.warning("%s starts with a byte order mark; skipping it.", self.path)
        blocks = self._blocks()
        _, head = next(blocks, (1, b"\n"))
        line, _, rest = head.partition(b"\n")
        types = self._header(line.decode(), needed)
        filled = [place for place, name in enumerate(types) if any(c.filled for c in needed if c.name == name)]
        n_rows = self._check_block(2, rest, list(types), filled)
        for first_line, block in blocks:
            n_rows += self._check_block(first_line, block, list(types), filled)
        if not n_rows:
            raise ValueError(f"{self.path} has no rows after its header: add rows.")
        return types

    def columns(self) -> dict[str, str]:
        """Return the types of the columns by name from the first line, without checking the rest.

        Raises:
            ValueError: if there is no header.
        """
        _, cells = next(self.rows(), (1, [""]))
        return self._header(self.separator.join(cells), [])

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the number and raw cells of every non-empty line, header first."""
        for first_line, block in self._blocks():
            for number, line in enumerate(block.decode().split("\n")[:-1], start=first_line):
                if line:
                    yield number, line.split(self.separator)

    def line_of(self, row: int) -> int:
        """Return the line number of the data row `row`, from 0."""
        lines = (number for number, _ in self.rows())
        return next(number for place, number in enumerate(lines, start=-1) if place == row)

    def _blocks(self) -> Iterator[tuple[int, bytes]]:
        """Yield the file as UTF-8 in blocks of whole lines, each ending in LF, with the first line's number."""
        rest, line = b"", 1
        for part in self._decoded():
            whole, newline, after = (rest + part).rpartition(b"\n")
            rest = after
            if newline:
                block = self._with_plain_ends(whole + newline, line)
                yield line, block
                line += block.count(b"\n")
        if rest:
            yield line, self._with_plain_ends(rest + b"\n", line)

    def _decoded(self) -> Iterator[bytes]:
        """Yield the file's bytes as UTF-8, whatever the encoding, without a byte order mark."""
        decoder, line = codecs.getincrementaldecoder(self.encoding)(), 1
        is_utf8 = codecs.lookup(self.encoding).name in ("utf-8", "utf-8-sig")
        with self.path.open("rb") as file:
            for number, part in enumerate(iter(lambda: file.read(_BLOCK), b"")):
                if is_utf8 and number == 0:
                    part = part[len(codecs.BOM_UTF8) * part.startswith(codecs.BOM_UTF8) :]
                plain = is_utf8 and part.isascii() and not decoder.getstate()[0]
                try:
                    text = "" if plain else decoder.decode(part)
                    utf8 = part if is_utf8 else text.encode()
                except UnicodeError as error:
                    raise self._wrong_encoding(line, part, error) from None
                yield utf8
                line += utf8.count(b"\n")
        try:
            decoder.decode(b"", final=True)
        except UnicodeError as error:
            raise self._wrong_encoding(line, b"", error) from None

    def _wrong_encoding(self, line: int, part: bytes, error: UnicodeError) -> ValueError:
        line += part[: getattr(error, "start", 0)].count(b"\n")
        guess = "utf-16" if part.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "latin-1"
        encoding = self.encoding.replace("-sig", "").upper()
        return ValueError(
            f"{self.path}, line {line}: the text is not {encoding} ({getattr(error, 'reason', error)}): save the "
            f"file as UTF-8, or set encoding to its own, such as {guess}."
        )

    def _with_plain_ends(self, block: bytes, first_line: int) -> bytes:
        """Return whole lines with CR LF turned into LF."""
        if b"\r" in block:
            block = block.replace(b"\r\n", b"\n")
        for bad, what in (
            (b"\0", "a NUL byte, so it is not text in this encoding"),
            (b"\r", "a carriage return that does not end the line"),
        ):
            if bad in block:
                line = first_line + block.count(b"\n", 0, block.index(bad))
                raise ValueError(f"{self.path}, line {line} holds {what}: remove it or save the file again.")
        return block

    def _header(self, line: str, needed: Sequence[Column]) -> dict[str, str]:
        where, types = f"{self.path}, line 1", {}
        if not line.strip():
            raise ValueError(f"{where} is empty: it must name the columns, such as user_id:token.")
        for cell in line.split(self.separator):
            name, colon, kind = cell.partition(":")
            if not name or not colon or ":" in kind:
                raise ValueError(f"{where}: the column {cell!r} is not of the form name:type{self._hint(line)}.")
            if kind not in TYPES:
                raise ValueError(f"{where}: the column {name!r} has type {kind!r}; valid: {', '.join(TYPES)}.")
            if name in types:
                raise ValueError(f"{where} names the column {name!r} twice: keep one.")
            types[name] = kind
        for column in needed:
            if column.name not in types:
                raise ValueError(self._missing(column, list(types)))
            if column.type not in (None, types[column.name]):
                raise ValueError(
                    f"{where}: the column {column.name!r} has type {types[column.name]}, but must be "
                    f"{column.type}: write {column.name}:{column.type}."
                )
        return types

    def _missing(self, column: Column, names: list[str]) -> str:
        near = get_close_matches(column.name, names, n=1)
        remedy = f"rename {near[0]!r}" if near else "add it"
        return (
            f"{self.path}, line 1: there is no column {column.name!r} among {', '.join(names)}: {remedy}, or set "
            f"{column.key}."
        )

    def _hint(self, header: str) -> str:
        """Return a hint if the header looks as if it used another separator."""
        others = [other for other in ("\t", ",", ";", "|", " ") if other in header and other != self.separator]
        if self.separator in header or not others:
            return ", such as title:token"
        return f"; if columns are separated by {_SEPARATOR_NAMES.get(others[0], repr(others[0]))}, set field_separator"

    def _check_block(self, first_line: int, block: bytes, names: list[str], filled: list[int]) -> int:
        """Return the number of rows in a block of whole lines."""
        regular = _count_if_regular(block, len(names), filled, ord(self.separator))
        if regular is not None:
            return regular
        n_rows = 0
        for number, line in enumerate(block.decode().split("\n")[:-1], start=first_line):
            if line:
                self._check_line(number, line.split(self.separator), names, filled)
                n_rows += 1
        return n_rows

    def _check_line(self, number: int, cells: list[str], names: list[str], filled: list[int]) -> None:
        where = f"{self.path}, line {number}"
        if len(cells) != len(names):
            between = _SEPARATOR_NAMES.get(self.separator, repr(self.separator))
            raise ValueError(
                f"{where}: {len(cells)} cells for {len(names)} columns ({', '.join(names)}): put {between} between "
                "cells and nowhere else."
            )
        for place in filled:
            if not cells[place]:
                raise ValueError(f"{where} has no {names[place]}: fill it in, or remove the line.")


def _count_if_regular(block: bytes, n_columns: int, filled: list[int], separator: int) -> int | None:
    """Return the number of lines if each has `n_columns` cells and those at the places `filled` are not empty.

    None means that something is unusual, even just an empty line, and the lines must be checked one by one.
    """
    text = np.frombuffer(block, dtype=np.uint8)
    ends = np.flatnonzero((text == separator) | (text == _NEWLINE))
    if len(ends) % n_columns:
        return None
    ends_line = (text[ends] == _NEWLINE).reshape(-1, n_columns)
    if not ends_line[:, -1].all() or ends_line[:, :-1].any():
        return None
    lengths = np.diff(ends, prepend=-1).reshape(-1, n_columns) - 1
    empty_line = n_columns == 1 and not lengths.all()
    return None if empty_line or not lengths[:, filled].all() else len(lengths)
