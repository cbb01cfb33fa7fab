"""The interface shared by all item tokenizers."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from torch import Tensor, nn

from recbole_adasid.io.atomic import write_atomically
from recbole_adasid.io.tensor_file import DamagedFile, MismatchedFile, check_fit, read_tensors, write_tensors
from recbole_adasid.pairs.item_pairs import ItemPairs

KIND = "tokenizer"
PARAMETERS_FILE = "tokenizer.safetensors"
DESCRIPTION_FILE = "tokenizer.json"


@dataclass(frozen=True)
class Keep:
    """Where and how often to save a training in progress, so that it can resume after a crash."""

    path: Path
    every: int
    """Steps between two saves."""

    def __post_init__(self) -> None:
        """Refuse an interval below one step.

        Raises:
            ValueError: if ``every`` is below 1.
        """
        if self.every < 1:
            raise ValueError(f"tokenizer_save_every must be at least 1 step, got {self.every}")


LogFunction = Callable[[int, "dict[str, float]"], None]
"""Receives a step number and the numbers worth logging at it."""


class ItemTokenizer(nn.Module, ABC):
    """Learns codebooks from item features, then turns features into Semantic IDs.

    Rows are items, without RecBole's padding item: row r has RecBole's internal id r + 1.
    """

    EDITION: ClassVar[int] = 0
    """Raised when the same settings give other Semantic IDs than before: part of the fingerprint if not 0."""

    @property
    @abstractmethod
    def codebook_sizes(self) -> list[int]:
        """K of each of the L levels."""

    @property
    @abstractmethod
    def width(self) -> int:
        """Columns d of the features."""

    @abstractmethod
    def fit(
        self,
        features: Tensor,
        pairs: ItemPairs | None,
        *,
        log: LogFunction | None = None,
        progress: bool = False,
        keep: Keep | None = None,
    ) -> None:
        """Learn from ``features`` float32 [N, d] and collaborative ``pairs`` (row numbers into ``features``).

        Args:
            features: one row per item.
            pairs: trigger–target pairs mined from training interactions; None if there are none.
            log: called periodically with a step and its numbers.
            progress: show a progress bar.
            keep: resume the interrupted training with the same settings and data that was saved there, and keep saving
            there. Tokenizers that train in seconds ignore it.
        """

    def encode(self, features: Tensor) -> Tensor:
        """Return the Semantic IDs int64 [N, L] of ``features`` float32 [N, d], seen in training or not.

        Raises:
            ValueError: if the features differ in width from the training features.
        """
        if features.ndim != 2 or features.shape[1] != self.width:
            raise ValueError(
                f"the features have shape {list(features.shape)}, but the tokenizer expects rows of {self.width} "
                "columns: encode features of the kind it was trained on"
            )
        return self._encode(features)

    @abstractmethod
    def _encode(self, features: Tensor) -> Tensor:
        """Return the Semantic IDs int64 [N, L] of ``features`` float32 [N, d]."""

    @abstractmethod
    def latent(self, features: Tensor) -> Tensor:
        """Return the vectors [M, D] of ``features`` [M, d] that are quantised into codes."""

    @abstractmethod
    def quantized(self, codes: Tensor) -> Tensor:
        """Return the vectors [M, D] that ``codes`` int64 [M, L] stand for, in the space they were chosen in."""

    def save(self, folder: Path, description: dict[str, object]) -> None:
        """Write the parameters into ``folder``, with the human-readable ``description`` (plain types) next to them."""
        about = {"built": self._built(), "width": self.width, "description": description}
        write_tensors(folder / PARAMETERS_FILE, KIND, self.state_dict(), about)
        write_atomically(folder / DESCRIPTION_FILE, json.dumps(description, indent=2, sort_keys=True) + "\n")

    def load(self, folder: Path) -> None:
        """Load the parameters from ``folder``; the tokenizer must have been built with the same settings.

        Raises:
            FileNotFoundError: if there is no saved tokenizer.
            DamagedFile: if it is damaged, was modified, or has another format version.
            MismatchedFile: if its family, codebook sizes or feature width differ.
        """
        path = folder / PARAMETERS_FILE
        try:
            stored, about = read_tensors(path, KIND)
            if about["built"] != self._built():
                raise MismatchedFile(f"{path} holds the {about['built']}, but this is the {self._built()}")
            check_fit(path, stored, self.state_dict())
        except MismatchedFile as error:
            raise MismatchedFile(f"{error}: build the tokenizer with the settings in {DESCRIPTION_FILE}") from None
        except DamagedFile as error:
            raise DamagedFile(f"{error}: copy it again or train the tokenizer again") from None
        self.load_state_dict(stored)

    def _built(self) -> str:
        """Return what must match before parameters can be compared one by one."""
        return f"{type(self).__name__} for {self.width} columns with codebooks of {self.codebook_sizes}"
