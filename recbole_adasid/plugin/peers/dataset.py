"""TIGER's data for RecBole's other recommenders: same interactions, order and split."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from recbole.data.dataset import Dataset, SequentialDataset
from recbole.data.interaction import Interaction

from recbole_adasid.plugin.datasets.errors import require_dataset
from recbole_adasid.plugin.datasets.example_dataset import ExampleDataset
from recbole_adasid.plugin.datasets.prepare_dataset import obtain_dataset
from recbole_adasid.settings.errors import SettingsError

TABLES = {"user_feat": "uid_field", "item_feat": "iid_field"}
_READ_HISTORIES_BY_ROW = ("FEARec",)
"""Models that read other examples' histories from the training part."""


class SequenceDataset(ExampleDataset):
    """Examples for RecBole's sequential models: histories of the configured width, user and item columns.

    Same as :class:`SequentialDataset`, except that equal times keep the file order, and histories are gathered per
    batch.
    """

    def _load_data(self, token: str, dataset_path: str) -> None:
        obtain_dataset(self.config, token, Path(dataset_path))
        require_dataset(token, Path(dataset_path), self.config["reviews_url"])
        SequentialDataset._load_data(self, token, dataset_path)

    def _load_feat(self, filepath: str, source: Any) -> Any:
        """Read a file as for TIGER; errors name the setting for the model's item columns."""
        try:
            return super()._load_feat(filepath, source)
        except ValueError as error:
            chosen = self.config["selected_features"]
            if getattr(source, "value", source) != "item" or not chosen:
                raise
            raise SettingsError(
                f"{error} {self.config['model']} reads the item columns selected_features={chosen}: set it to existing "
                "columns."
            ) from error

    def _data_filtering(self) -> None:
        """Filter as for TIGER, which also drops users and items without interactions."""
        super()._data_filtering()
        for table, field in ((name, getattr(self, field)) for name, field in TABLES.items()):
            rows = getattr(self, table)
            if rows is not None:
                kept = rows[rows[field].isin(self.inter_feat[field].unique())].reset_index(drop=True)
                setattr(self, table, kept)

    def _change_feat_format(self) -> None:
        if isinstance(self.inter_feat, Interaction):
            return
        tables = {name: getattr(self, name) for name in TABLES}
        super()._change_feat_format()
        for name, rows in tables.items():
            if rows is not None:
                setattr(self, name, self._dataframe_to_interaction(rows))

    def build(self) -> list[ExampleDataset]:
        """Split like TIGER's dataset."""
        parts = super().build()
        if self.config["model"] in _READ_HISTORIES_BY_ROW:
            rows = parts[0].inter_feat
            rows.update(Interaction({self.item_id_list_field: parts[0][np.arange(len(rows))][self.item_id_list_field]}))
        return parts

    def __getitem__(self, index: Any, join: bool = True) -> Interaction:
        """Return examples with histories [B, MAX_ITEM_LIST_LENGTH] and the columns of users and targets."""
        batch = super().__getitem__(index)
        return self.join(batch) if join else batch

    def _pad(self, history: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.pad(history, ((0, 0), (0, self.max_item_list_len - history.shape[1])))

    def candidates_of(self, rows: NDArray[np.int64]) -> Interaction:
        """Return the model's input for recommending to some examples."""
        return self[rows]


class InteractionDataset(SequenceDataset):
    """The same split for non-sequential models: trained on users and items of all interactions that are not held out,
    evaluated on TIGER's examples.
    """

    _targets: Counter[int] | None = None

    @property
    def item_counter(self) -> Counter[int]:
        """How often each item is a target, in the training part, too: metrics count popularity alike for all models."""
        return self.counter(self.iid_field) if self._targets is None else self._targets

    def build(self) -> list[ExampleDataset]:
        """Split like TIGER's dataset; the training part has every training interaction, including users' first."""
        parts = super().build()
        users, items = parts[0]._training_interactions().arrays()
        parts[0]._targets = parts[0].item_counter
        columns = {self.uid_field: users.astype(np.int64), self.iid_field: items.astype(np.int64) + 1}
        columns[self.time_field] = np.arange(len(users), dtype=np.float64)  # keeps each user's order, for DiffRec
        parts[0].inter_feat = Interaction({name: torch.from_numpy(values) for name, values in columns.items()})
        return parts

    def __getitem__(self, index: Any, join: bool = True) -> Interaction:
        """Return rows of `inter_feat` with the columns of their users and items."""
        return Dataset.__getitem__(self, index, join)

    def candidates_of(self, rows: NDArray[np.int64]) -> Interaction:
        """Return the users of some examples, without the held-out items."""
        return self.join(Interaction({self.uid_field: self.inter_feat[self.uid_field][torch.from_numpy(rows)]}))

    def inter_matrix(self, form: str = "coo", value_field: str | None = None) -> Any:
        """Return the sparse user-item matrix of this part's rows."""
        return Dataset.inter_matrix(self, form, value_field)
