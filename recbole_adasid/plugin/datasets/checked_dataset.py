"""RecBole's loading and filtering of atomic files, with this package's checks and order."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from recbole.data.dataset import SequentialDataset

from recbole_adasid.plugin.datasets.atomic_files import atomic_text, read_atomic_file
from recbole_adasid.plugin.datasets.errors import require_dataset
from recbole_adasid.plugin.datasets.filters import filter_by_count, filter_by_value, report_gaps
from recbole_adasid.plugin.datasets.item_columns import settle_columns
from recbole_adasid.plugin.datasets.prepare_dataset import obtain_dataset
from recbole_adasid.plugin.datasets.preset_features import report_absent_features
from recbole_adasid.settings.errors import SettingsError


class CheckedDataset(SequentialDataset):
    """A dataset that is prepared if it is missing, and whose files are checked while they are read."""

    inter_feat: Any

    def _load_data(self, token: str, dataset_path: str) -> None:
        obtain_dataset(self.config, token, Path(dataset_path))
        require_dataset(token, Path(dataset_path), self.config["reviews_url"])
        settle_columns(self.config, token, atomic_text(self.config, Path(dataset_path) / f"{token}.item"))
        report_absent_features(self.config, token)
        super()._load_data(token, dataset_path)

    def _load_feat(self, filepath: str, source: Any) -> Any:
        """Read a file as RecBole does, but reject what RecBole would misread."""
        if self._get_load_and_unload_col(source)[0] == set():
            return None
        read = functools.partial(super()._load_feat, filepath, source)
        return read_atomic_file(self, Path(filepath), getattr(source, "value", source), read)

    def _data_filtering(self) -> None:
        before = len(self.inter_feat)
        super()._data_filtering()
        if len(self.inter_feat) < before:
            self.logger.info(f"Filters kept {len(self.inter_feat)} of {before} interactions.")
        report_gaps(self)

    def _filter_by_field_value(self) -> None:
        filter_by_value(self, super()._filter_by_field_value)

    def _filter_by_inter_num(self) -> None:
        filter_by_count(self)

    def _reset_index(self) -> None:
        """Renumber the rows after filtering.

        Raises:
            SettingsError: if the filters left nothing.
        """
        for name in self.feat_name_list:
            if getattr(self, name).empty:
                raise self.nothing_left()
        super()._reset_index()

    def nothing_left(self) -> SettingsError:
        """Return the error for filters that leave nothing."""
        names = ("user_inter_num_interval", "item_inter_num_interval", "val_interval")
        users, items, values = (f"{name}={self.config[name]}" for name in names)
        return SettingsError(
            f"The filters leave nothing of the dataset {self.dataset_name!r}: loosen {users}, {items} or {values}."
        )

    def _remove_duplication(self) -> None:
        """Keep one interaction per user and item, as RecBole does, but preserve the order of equal times."""
        keep = self.config["rm_dup_inter"]
        if keep is None:
            return
        by_time = self.inter_feat.sort_values(self.time_field, kind="stable")
        kept = by_time.drop_duplicates(subset=[self.uid_field, self.iid_field], keep=keep)
        self.inter_feat = kept.sort_index()
