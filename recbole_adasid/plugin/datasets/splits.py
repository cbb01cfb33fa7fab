"""Items and examples of a dataset, filtered and split by RecBole, for use without RecBole's trainer."""

from __future__ import annotations

from typing import Any

from recbole_adasid.data.training_examples import Examples
from recbole_adasid.plugin.datasets.training_items import TrainingItems


def load_splits(config: Any) -> tuple[TrainingItems, Examples, Examples]:
    """Return the data that Semantic IDs may be learned from, and the training and validation examples.

    Raises:
        SettingsError: if the dataset is missing or leaves nothing to train or validate on.
    """
    from recbole.data import create_dataset

    train, valid, _ = create_dataset(config).build()
    return train.training_items(), train.examples(), valid.examples()
