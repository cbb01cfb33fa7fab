"""Tokens of any number of users in files: looked up by number and by name.

Letters: U tokens, B some of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recbole_adasid.io.buckets import mapped, stretches, token_hashes

_AT_ONCE = 100_000


class TokenFile:
    """Tokens written by :func:`write_tokens`, memory-mapped.

    Args:
        path: of the files, without suffix.
    """

    def __init__(self, path: Path) -> None:
        kinds = {".ends": "i8", ".text": "u1", ".hashes": "u8", ".by_hash": "i8"}
        files = (mapped(path.with_suffix(ending), kind) for ending, kind in kinds.items())
        self._ends, self._text, self._hashes, self._by_hash = files

    def __len__(self) -> int:
        """Return U."""
        return len(self._ends)

    def __getitem__(self, number: int) -> str:
        """Return a token by its number."""
        place = range(len(self))[number]
        start = int(self._ends[place - 1]) if place else 0
        return self._text[start : self._ends[place]].tobytes().decode()

    def of(self, numbers: ArrayLike) -> NDArray[np.object_]:
        """Return the tokens [B] for numbers [B]."""
        rows = np.asarray(numbers)
        found = np.empty(len(rows), dtype=object)
        found[:] = [self[row] for row in rows.tolist()]
        return found

    def find(self, token: str) -> int:
        """Return the number of a token.

        Raises:
            KeyError: if it is unknown.
        """
        hashed = token_hashes(np.array([token], dtype=object))[0][0]
        first, end = (int(np.searchsorted(self._hashes, hashed, side)) for side in ("left", "right"))
        for number in self._by_hash[first:end].tolist():
            if self[number] == token:
                return number
        raise KeyError(token)

    def parts(self) -> Iterator[list[str]]:
        """Yield all tokens in order, in chunks."""
        for part in stretches(len(self), _AT_ONCE):
            yield [self[number] for number in range(part.start, part.stop)]


def write_tokens(path: Path, tokens: Iterable[list[str]]) -> None:
    """Write tokens, given in chunks, in order to files named ``path`` plus their own suffixes."""
    total, hashes = 0, []
    with path.with_suffix(".ends").open("wb") as ends, path.with_suffix(".text").open("wb") as text:
        for some in tokens:
            encoded = [token.encode() for token in some]
            text.write(b"".join(encoded))
            lengths = np.fromiter(map(len, encoded), dtype=np.int64, count=len(encoded))
            ends.write((total + np.cumsum(lengths)).tobytes())
            total += int(lengths.sum())
            hashes.append(token_hashes(np.array(some, dtype=object))[0])
    joined = np.concatenate(hashes)
    order = np.argsort(joined, kind="stable")
    joined[order].tofile(path.with_suffix(".hashes"))
    order.tofile(path.with_suffix(".by_hash"))
