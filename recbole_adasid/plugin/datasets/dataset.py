"""TIGER's dataset, in memory or in files, depending on the settings."""

from __future__ import annotations

from typing import Any

from recbole_adasid.plugin.datasets.example_dataset import ExampleDataset
from recbole_adasid.plugin.datasets.log_dataset import LogDataset


class TIGERDataset(ExampleDataset):
    """The dataset under the name that RecBole looks up."""

    def __new__(cls, config: Any = None) -> ExampleDataset:  # type: ignore[misc]
        """Return a dataset of the configured kind; without settings, an empty one for copies."""
        if cls is TIGERDataset and config is not None and config["interactions_files"]:
            return LogDataset(config)
        return super().__new__(cls)
