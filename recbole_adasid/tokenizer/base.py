"""The one interface of all item tokenizers."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from recbole_adasid.artefacts import write_atomically
from recbole_adasid.cache import write_arrays
from recbole_adasid.data.swing import ItemPairs

FORMAT_VERSION = 1
PARAMETERS_FILE = "tokenizer.npz"
DESCRIPTION_FILE = "tokenizer.json"


@dataclass(frozen=True)
class Keep:
    """Where and how often a training in progress is kept on disk, so that it can go on after a crash."""

    path: Path
    every: int
    """Steps between two times."""

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

    Rows are items without RecBole's padding item: row r is RecBole's internal id r + 1.
    """

    @property
    @abstractmethod
    def codebook_sizes(self) -> list[int]:
        """K of each of the L levels."""

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
            pairs: trigger–target pairs mined from training interactions; None where there are none.
            log: called every so often with a step and its numbers.
            progress: show a progress bar.
            keep: go on from what an interrupted training with the same settings and data left there, and leave it
                there in turn; those that train for seconds need none.
        """

    @abstractmethod
    def encode(self, features: Tensor) -> Tensor:
        """Return the Semantic IDs int64 [N, L] of ``features`` float32 [N, d], seen in training or not."""

    def save(self, folder: Path, description: dict[str, object]) -> None:
        """Write parameters (npz) and ``description`` (JSON, plain types) into ``folder``."""
        state = {name: value.detach().cpu().numpy() for name, value in self.state_dict().items()}
        write_arrays(folder / PARAMETERS_FILE, state)
        document = {"format_version": FORMAT_VERSION, **description}
        write_atomically(folder / DESCRIPTION_FILE, json.dumps(document, indent=2, sort_keys=True) + "\n")

    def load(self, folder: Path) -> None:
        """Fill the parameters from ``folder``; the tokenizer must have been built with the same settings.

        Raises:
            ValueError: if the file was written in another format version.
        """
        document = json.loads((folder / DESCRIPTION_FILE).read_text(encoding="utf-8"))
        if document["format_version"] != FORMAT_VERSION:
            raise ValueError(
                f"{folder} holds a tokenizer of format {document['format_version']}, this version reads "
                f"{FORMAT_VERSION}: train it again"
            )
        with np.load(folder / PARAMETERS_FILE, allow_pickle=False) as stored:
            self.load_state_dict({name: torch.from_numpy(stored[name]) for name in stored.files})
