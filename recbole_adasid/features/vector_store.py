"""Vectors of single contents, stored on disk one chunk per file, so that new items cost only themselves.

Letters: N contents, d width.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from recbole_adasid.io.atomic import CannotWrite
from recbole_adasid.io.checked_values import list_of, text
from recbole_adasid.io.digests import fingerprint
from recbole_adasid.io.tensor_file import DamagedFile, check_about, read_tensors, write_tensors

logger = logging.getLogger(__name__)

KIND = "vectors"
PORTION = 1024
"""Contents that are encoded, and stored, together."""


class VectorStore:
    """Vectors by the digest of their content, for one encoder.

    Args:
        root: folder of the cache; None stores nothing.
        encoder: everything that determines a content's vector, as plain types; each encoder has its own folder.
    """

    def __init__(self, root: Path | None, encoder: Mapping[str, Any]) -> None:
        self.encoder = fingerprint(encoder)
        self.folder = None if root is None else root / KIND / self.encoder

    def vectors(
        self,
        digests: Sequence[str],
        encode: Callable[[list[int]], NDArray[np.float32]],
        *,
        sizes: Sequence[int],
        what: str = "items",
        progress: bool = False,
    ) -> NDArray[np.float32]:
        """Return the vectors [N, d] of N contents; those not stored yet are encoded, largest first.

        A killed call loses the chunk it was at. Equal contents are encoded once. Vectors with NaN, of contents that
        could not be read, are not stored: another version of a library may read them.

        Args:
            digests: :func:`content_digest` of each content, [N].
            encode: returns the vectors of the contents at given indices 0 … N−1.
            sizes: of the contents, [N]: those of similar size are encoded together.
            what: the contents' name on the progress bar.
            progress: show it.
        """
        known = self._kept(set(digests))
        first_place: dict[str, int] = {}
        for place, digest in enumerate(digests):
            first_place.setdefault(digest, place)
        missing = sorted((p for d, p in first_place.items() if d not in known), key=lambda p: (-sizes[p], digests[p]))
        done = len(first_place) - len(missing)
        with tqdm(total=len(first_place), initial=done, desc=what, disable=not progress) as bar:
            for start in range(0, len(missing), PORTION):
                places = missing[start : start + PORTION]
                encoded = np.ascontiguousarray(encode(places), dtype=np.float32)
                names = [digests[place] for place in places]
                self._keep(names, encoded)
                known.update(zip(names, encoded))
                bar.update(len(places))
        return np.stack([known[digest] for digest in digests])

    def _kept(self, wanted: set[str]) -> dict[str, NDArray[np.float32]]:
        """Return the stored vectors among the wanted contents; a damaged file loses its chunk."""
        found: dict[str, NDArray[np.float32]] = {}
        for path in self._files():
            try:
                tensors, about = read_tensors(path, KIND)
                check_about(path, about, {"encoder": text, "digests": list_of(text)})
                rows = tensors.get("vectors")
                if about["encoder"] != self.encoder or rows is None or rows.shape[:1] != (len(about["digests"]),):
                    raise DamagedFile(f"{path} belongs to another encoder or other contents")
            except DamagedFile as error:
                logger.warning("Encoding the contents of %s again: %s.", path.name, error)
                with suppress(OSError):  # the cache may be read-only
                    path.unlink(missing_ok=True)
                continue
            stored = zip(about["digests"], rows.numpy(), _readable(rows.numpy()))  # older files may hold NaN
            found.update((name, row) for name, row, readable in stored if readable and name in wanted)
        return found

    def _files(self) -> Iterator[Path]:
        yield from [] if self.folder is None else sorted(self.folder.glob("*.safetensors"))

    def _keep(self, digests: list[str], vectors: NDArray[np.float32]) -> None:
        kept = _readable(vectors)
        digests, vectors = [digest for digest, one in zip(digests, kept) if one], vectors[kept]
        if self.folder is None or not digests:
            return
        path = self.folder / f"{content_digest(*digests)}.safetensors"
        about = {"encoder": self.encoder, "digests": digests}
        try:
            write_tensors(path, KIND, {"vectors": torch.from_numpy(vectors)}, about)
        except CannotWrite as error:
            logger.warning("%d vectors could not be stored: %s.", len(vectors), error)


def _readable(vectors: NDArray[np.float32]) -> NDArray[np.bool_]:
    return ~np.isnan(vectors).any(axis=tuple(range(1, vectors.ndim)))


def content_digest(*contents: str | bytes) -> str:
    """Return 32 hexadecimal digits for the given contents, in order."""
    digest = hashlib.sha256()
    for content in contents:
        data = content if isinstance(content, bytes) else content.encode("utf-8")
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()[:32]
