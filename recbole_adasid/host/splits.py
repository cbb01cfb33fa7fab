"""The items and examples of a dataset, as RecBole filters and splits it, for use without RecBole's trainer."""

from __future__ import annotations

from typing import Any

from recbole_adasid.data.examples import Examples
from recbole_adasid.host.dataset import WINDOW_FIELD, TIGERDataset, TrainingItems


def load_splits(config: Any) -> tuple[TrainingItems, Examples, Examples]:
    """Return what Semantic IDs may be learned from, and the training and validation examples.

    Raises:
        SettingsError: for a dataset that is not there or leaves nothing to train or validate on.
    """
    from recbole.data import create_dataset

    train, valid, _ = create_dataset(config).build()
    return train.training_items(), _examples(train), _examples(valid)


def _examples(part: TIGERDataset) -> Examples:
    chosen = part.inter_feat[WINDOW_FIELD].numpy()
    windows = part.windows
    kept = type(windows)(flat_items=windows.flat_items, starts=windows.starts[chosen], lengths=windows.lengths[chosen])
    return Examples(kept, part.inter_feat[part.iid_field].numpy())
