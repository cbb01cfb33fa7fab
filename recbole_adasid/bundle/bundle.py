"""The SID bundle: a catalogue's Semantic IDs in use, without the dataset and RecBole."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any, Union

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from recbole_adasid.bundle.content import BundleContent
from recbole_adasid.bundle.folder import read_content, write_content
from recbole_adasid.bundle.formats import export_sids, imported_content
from recbole_adasid.bundle.from_run import content_of_run
from recbole_adasid.bundle.nearest import Neighbour, nearest_rows
from recbole_adasid.bundle.published_bundle import LAYOUT, write_published_bundle
from recbole_adasid.hub.published import Published
from recbole_adasid.io.checked_input import number_of_items, token_list
from recbole_adasid.model.prefix_tree import PrefixTree
from recbole_adasid.tokenizer.base import ItemTokenizer

Codes = Union[Sequence[int], NDArray, Tensor]


class SIDBundle(BundleContent, Published):
    """Semantic IDs of N items on L levels, with lookups in both directions, and the tokenizer for new items."""

    LAYOUT = LAYOUT

    @classmethod
    def from_run(cls, run_folder: str | Path, *, reserved: bool = True) -> SIDBundle:
        """Return the bundle of a finished run.

        Args:
            run_folder: run folder.
            reserved: include the items of the run's own bundle (``sids_file``) that its data lacks: see
                :func:`~recbole_adasid.bundle.from_run.content_of_run`.

        Raises:
            FileNotFoundError: if the folder or its Semantic IDs are missing.
            DamagedFile: if a file is damaged, or belongs to another run.
        """
        return cls(**vars(content_of_run(run_folder, reserved=reserved)))

    @classmethod
    def load(cls, folder: str | Path) -> SIDBundle:
        """Return the bundle in a folder; every file is checked against its checksum first.

        Raises:
            FileNotFoundError: if there is no bundle, or it lacks a file.
            DamagedFile: if a file was changed, or has another version.
        """
        return cls(**vars(read_content(folder)))

    def save(self, folder: str | Path) -> Path:
        """Write the bundle into a folder of its own and return its bundle.json.

        Raises:
            FileExistsError: if the folder is not empty.
            CannotWrite: if the disk is full.
        """
        return write_content(self, folder)

    def _write_repository(self, folder: Path, *, name: str, license: str) -> None:
        write_published_bundle(self, folder, name=name, license=license)

    @classmethod
    def _read_repository(cls, folder: Path, *, downloaded: bool, **options: Any) -> SIDBundle:
        return cls.load(folder, **options)

    @classmethod
    def imported(cls, kind: str, path: str | Path, **options: Any) -> SIDBundle:
        """Return Semantic IDs that another package published; docs/bundle.md has formats and options.

        Raises:
            SettingsError: for an unknown format or option, or a missing required one.
            FileNotFoundError: if there is no such file.
            ValueError: if the file is damaged or contradicts the options.
        """
        return cls(**vars(imported_content(kind, path, options)))

    def export(self, kind: str, path: str | Path, **options: Any) -> Path:
        """Write the Semantic IDs for another program; docs/bundle.md has formats and options.

        Raises:
            SettingsError: for an unknown format or option.
            ValueError: for content that the format cannot hold.
            CannotWrite: if the disk is full.
        """
        if "vector" in options:
            options["vector"] = self.vectors if options["vector"] else None
        return export_sids(self.sids, kind, path, options)

    @property
    def tokens(self) -> Sequence[str]:
        """Tokens of the N items, in row order."""
        return self.sids.tokens

    @property
    def codes(self) -> NDArray[np.int64]:
        """Codes [N, L], counted from 0 on every level."""
        return self.sids.codes

    @property
    def vectors(self) -> NDArray[np.float32]:
        """Quantised embeddings [N, D] of the codes: sums of codewords.

        Raises:
            ValueError: if the bundle has no tokenizer.
        """
        tokenizer = self._tokenizer("has no vectors for them")
        with torch.no_grad():
            return tokenizer.quantized(torch.tensor(self.codes)).numpy()

    def codes_of(self, tokens: Sequence[str]) -> NDArray[np.int64]:
        """Return the codes [M, L] of some items.

        Raises:
            ValueError: naming the first item that is not in the bundle, or for a string in place of a list.
        """
        return self.codes[self._rows(token_list(tokens, "tokens"))]

    def encode(self, features: ArrayLike | Tensor) -> NDArray[np.int64]:
        """Return the codes [M, L] of item features [M, d], seen in training or not; codebooks are unchanged.

        Raises:
            ValueError: if the bundle has no tokenizer, or the features have another width or are not finite.
        """
        values = torch.as_tensor(features, dtype=torch.float32)
        tokenizer = self._tokenizer("cannot encode features")
        if values.ndim == 2 and not torch.isfinite(values).all():
            row, column = (~torch.isfinite(values)).nonzero()[0].tolist()
            raise ValueError(f"the features have {float(values[row, column])} in row {row}, column {column}: fix it")
        with torch.no_grad():
            return tokenizer.encode(values).numpy()

    def decode(self, codes: Codes) -> list:
        """Return the items of a Semantic ID, or, for a table, a list of items per row.

        Args:
            codes: [L], or [L + 1] with the suffix; [M, L] or [M, L + 1] for many at once.

        Returns:
            Item tokens in row order; none for a Semantic ID that no item has.

        Raises:
            ValueError: if the codes have another shape or are not whole numbers.
        """
        table = _whole_numbers(codes)
        levels = len(self.sids.level_sizes)
        if table.ndim not in (1, 2) or table.shape[-1] not in {levels, len(self.sids.sequence_sizes)}:
            raise ValueError(
                f"codes have the shape {list(table.shape)}, but a Semantic ID here is {self._length_in_words()}: pass "
                "one row per Semantic ID; items() takes shorter prefixes"
            )
        found = self._items_below(np.atleast_2d(table))
        return found[0] if table.ndim == 1 else found

    def items(self, prefix: Codes = ()) -> list[str]:
        """Return the items below a prefix of any length, ordered by Semantic ID; empty if there are none.

        Raises:
            ValueError: if the prefix is longer than a Semantic ID, or not a list of whole numbers.
        """
        row = _whole_numbers(prefix)
        if row.ndim != 1 or len(row) > len(self.sids.sequence_sizes):
            raise ValueError(
                f"the prefix {row.tolist()} is not part of a Semantic ID, which is {self._length_in_words()}"
            )
        return self._items_below(row[None])[0]

    def nearest(self, query: str | Codes, k: int = 10) -> list[Neighbour]:
        """Return up to ``k`` nearest items of an item or of codes [L], nearest first.

        Items that share more leading codes come first; then by Euclidean distance between quantised embeddings (sums of
        codewords); ties, and all without a tokenizer, by row. An item is not its own neighbour; suffixes are ignored.

        Raises:
            ValueError: for an unknown item, codes outside their levels, or k that is not a positive integer.
        """
        k = number_of_items(k)
        if isinstance(query, str):
            own = int(self._rows([query])[0])
            codes = self.codes[own]
        else:
            own, codes = None, self._on_levels(query)
        embed = None if self.tokenizer is None else self.tokenizer.quantized
        with torch.no_grad():
            found = nearest_rows(self._tree, self.codes, codes, k, embed=embed, without=own)
        return [Neighbour(self.tokens[row], shared, distance) for row, shared, distance in found]

    @cached_property
    def _tree(self) -> PrefixTree:
        return PrefixTree(torch.tensor(self.sids.sequences), self.sids.sequence_sizes)

    def _rows(self, tokens: Sequence[str]) -> NDArray[np.int64]:
        rows = self.sids.rows_of(list(tokens))
        if (rows < 0).any():
            unknown = tokens[int(np.flatnonzero(rows < 0)[0])]
            raise ValueError(f"the item {unknown!r} is not among the {len(self.tokens)} items of the bundle")
        return rows

    def _tokenizer(self, lack: str) -> ItemTokenizer:
        if self.tokenizer is None:
            raise ValueError(
                f"this bundle has Semantic IDs but no tokenizer, so it {lack}: use the bundle of the run that learned "
                "them"
            )
        return self.tokenizer

    def _items_below(self, prefixes: NDArray[np.int64]) -> list[list[str]]:
        """Return the items below each prefix [M, l], l from 0 to S."""
        length, whole = prefixes.shape[1], len(self.sids.sequence_sizes)
        padded = torch.from_numpy(np.pad(prefixes, ((0, 0), (0, whole - length))))
        nodes = self._tree.path(padded)[length - 1] if length else torch.zeros(len(padded), dtype=torch.int64)
        first, last = self._tree.item_range(length, nodes.clamp(min=0))
        ends = torch.where(nodes < 0, first, last)
        items = self._tree.leaf_items.numpy()
        spans = zip(first.tolist(), ends.tolist())
        return [[self.tokens[item - 1] for item in items[begins:end].tolist()] for begins, end in spans]

    def _on_levels(self, codes: Codes) -> NDArray[np.int64]:
        row, sizes = _whole_numbers(codes), list(self.sids.level_sizes)
        if row.shape != (len(sizes),) or (row < 0).any() or (row >= np.array(sizes)).any():
            raise ValueError(
                f"the codes {row.tolist()} do not fit the levels, which have {sizes} codewords: give one code per level"
            )
        return row

    def _length_in_words(self) -> str:
        levels = len(self.sids.level_sizes)
        return f"{levels} codes" + (f", or {levels + 1} with the suffix" if self.sids.suffix is not None else "")


def _whole_numbers(codes: Codes) -> NDArray[np.int64]:
    with suppress(ValueError):  # rows of different lengths
        table = np.asarray(codes)
        if not table.size or table.dtype.kind in "iu":
            return table.astype(np.int64)
    raise ValueError(f"codes must be whole numbers, the same number in every row, got {str(codes)[:80]}")
