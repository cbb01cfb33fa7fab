"""Items and examples of a dataset, filtered and split by RecBole, for use without RecBole's trainer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recbole_adasid.data.training_examples import Examples
from recbole_adasid.plugin.config.building import given_settings
from recbole_adasid.plugin.datasets.training_items import TrainingItems
from recbole_adasid.settings.errors import SettingsError
from recbole_adasid.settings.presets import tokenizer_keys

Splits = tuple[TrainingItems, Examples, Examples]


def load_splits(config: Any) -> Splits:
    """Return the data that Semantic IDs may be learned from, and the training and validation examples.

    Without validation there is nothing to compare by, so this is refused, and refused here, before hours of training.
    A scorecard without its proxy would be possible, but the proxy is what its table and its landscape are about, and a
    search has no other score.

    Raises:
        SettingsError: if the dataset is missing or leaves nothing to train or validate on.
    """
    from recbole.data import create_dataset

    train, valid, _ = create_dataset(config).build()
    if not len(valid):
        raise SettingsError(
            f"The dataset {config['dataset']!r} leaves no validation example to compare by: let eval_args hold out "
            "validation interactions, loosen user_inter_num_interval and item_inter_num_interval, or provide users "
            "with more interactions (four, if the last two are held out)."
        )
    return train.training_items(), train.examples(), valid.examples()


class LastSplits:
    """The splits loaded last, for settings that one after another may or may not read the same data."""

    def __init__(self) -> None:
        """Begin without any."""
        self._settings: Mapping[str, Any] | None = None
        self._splits: Splits | None = None

    def of(self, config: Any) -> Splits:
        """Return :func:`load_splits`; loaded again unless only settings of tokenizers or an idle seed have changed."""
        settings = _settings_of_data(config)
        if self._splits is None or settings != self._settings:
            self._splits = None  # two datasets may not fit into memory
            self._settings, self._splits = settings, load_splits(config)
        return self._splits


def _settings_of_data(config: Any) -> dict[str, Any]:
    """Return all given settings that may decide the data: filters and splits draw nothing, only held-out items do."""
    idle = tokenizer_keys() | (set() if config["cold_item_share"] else {"seed"})
    return {key: value for key, value in given_settings(config).items() if key not in idle}
