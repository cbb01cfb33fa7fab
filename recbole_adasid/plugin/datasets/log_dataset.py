"""Examples of a log that does not fit in memory: sorted in files, examples computed on access.

Letters: I interactions, U users, E examples of a part, B some of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from recbole.data.interaction import Interaction
from recbole.utils import FeatureSource, FeatureType

from recbole_adasid.data.histories import Sequences
from recbole_adasid.data.log.kept_log import LogRequest, NothingLeft, kept_log
from recbole_adasid.data.log.log_files import COLUMNS
from recbole_adasid.data.log.log_interactions import LogInteractions
from recbole_adasid.data.log.numbered_log import GIB
from recbole_adasid.data.log.sorted_log import SortedLog
from recbole_adasid.data.log.token_file import TokenFile
from recbole_adasid.data.sequences import SequenceExamples, UserSequences, leave_one_out
from recbole_adasid.data.windows import gather_histories
from recbole_adasid.plugin.datasets.atomic_files import atomic_text
from recbole_adasid.plugin.datasets.batches import LogLengths
from recbole_adasid.plugin.datasets.example_dataset import ExampleDataset
from recbole_adasid.plugin.datasets.filters import within
from recbole_adasid.plugin.datasets.item_columns import settle_columns
from recbole_adasid.plugin.datasets.leave_one_out import LEFT_OUT
from recbole_adasid.plugin.datasets.preset_features import report_absent_features
from recbole_adasid.plugin.datasets.row_numbers import as_rows

_PADDING = "[PAD]"


class LogDataset(ExampleDataset):
    """The examples of :class:`ExampleDataset`, row for row, from the log ``interactions_files``.

    Users, items, splits and everything computed from them are as if the log were the dataset's `.inter`.
    """

    log: SortedLog
    interactions: LogInteractions
    _part: SequenceExamples | None = None

    def _load_data(self, token: str, dataset_path: str) -> None:
        settle_columns(self.config, token, atomic_text(self.config, Path(dataset_path) / f"{token}.item"))
        report_absent_features(self.config, token)
        cache = self.config["cache_dir"]
        try:
            self.log = kept_log(self._request(), cache and Path(cache))
        except NothingLeft:
            raise self.nothing_left() from None
        if self.log.read > len(self.log.items):
            self.logger.info(f"Filters kept {len(self.log.items)} of {self.log.read} interactions.")
        for field, kind in ((self.uid_field, "TOKEN"), (self.iid_field, "TOKEN"), (self.time_field, "FLOAT")):
            self.set_field_property(field, FeatureType[kind], FeatureSource.INTERACTION, 1)
        self.inter_feat = _Columns(len(self.log.items), None, {})
        self.user_feat = self.item_feat = None

    def _request(self) -> LogRequest:
        config = self.config
        names = dict(zip(COLUMNS, (self.uid_field, self.iid_field, self.time_field)))
        intervals = {name: config[f"{name[:-1]}_inter_num_interval"] for name in ("users", "items")}
        parsed = {name: self._parse_intervals_str(interval) for name, interval in intervals.items()}
        return LogRequest(
            where=Path(config["interactions_files"]),
            columns={**names, **config["interactions_columns"]},
            key="interactions_columns",
            intervals={name: str(intervals[name]) for name in parsed if parsed[name]},
            fits={name: within(self, interval) for name, interval in parsed.items() if interval},
            repeated=config["rm_dup_inter"],
            memory=config["interactions_memory"],
            progress=bool(config["show_progress"]),
        )

    def _data_processing(self) -> None:
        """Number users and items: the log was filtered during sorting."""
        self.feat_name_list = ["inter_feat"]
        names = {self.uid_field: self.log.user_names, self.iid_field: self.log.item_names}
        self.field2token_id |= {field: _NumbersOfTokens(tokens) for field, tokens in names.items()}
        self.field2id_token[self.uid_field] = _PaddedTokens(self.log.user_names)
        self.field2id_token[self.iid_field] = np.array([_PADDING, *self.log.item_tokens], dtype=object)

    @property
    def avg_actions_of_users(self) -> float:
        """Interactions per user."""
        return len(self.log.items) / self.log.n_users

    @property
    def avg_actions_of_items(self) -> float:
        """Interactions per item."""
        return len(self.log.items) / self.log.n_items

    def build(self) -> list[ExampleDataset]:
        """Leave one out, as set by `eval_args`; from then on this dataset shows the training examples.

        Raises:
            SettingsError: if no example is left to train on.
        """
        left_out = LEFT_OUT[self.config["eval_args"]["split"]["LS"]]
        log, memory = self.log, int(self.config["interactions_memory"] * GIB)
        self.interactions = LogInteractions(log, held_out=len(left_out), memory=memory)
        self._declare_list_fields()
        if single := log.n_users - len(log.order):
            self.logger.info(f"Skipped {single} users with one interaction.")
        sequences = UserSequences(log.items, log.starts, log.order, self.max_item_list_len)
        parts = [self._of(examples) for examples in leave_one_out(sequences, left_out).values()]
        self._check_parts(parts)
        self._show(parts[0].part)  # RecBole's `get_flops` reads an example of the dataset itself
        return parts

    def _of(self, part: SequenceExamples) -> LogDataset:
        dataset = self.copy(None)
        dataset._show(part)
        return dataset

    def _keep(self, rows: NDArray[np.int64]) -> None:
        """Keep some of this part's examples; their interactions stay."""
        self._show(self.part.some(rows))

    def _show(self, part: SequenceExamples) -> None:
        """Give this dataset the examples of a part."""
        kinds = {self.uid_field: "users", self.iid_field: "targets", self.item_list_length_field: "lengths"}
        self._part, self.inter_feat = part, _Columns(len(part), part, kinds)

    def __getitem__(self, index: Any, join: bool = True) -> Interaction:
        """Return the examples `index` with their histories [B, T], T the longest among them; nothing is joined."""
        found = self.part.locate(as_rows(index, len(self)).numpy())
        history, lengths = gather_histories(self.flat_items, found.starts, found.lengths)
        columns = found.users + 1, self._items_at(found.targets), history, lengths
        return self._batch(*map(torch.from_numpy, columns))

    @property
    def part(self) -> SequenceExamples:
        """The examples; available once the log has been split."""
        if self._part is None:
            raise RuntimeError("a log has no examples before it is split: call build() and take one of its parts")
        return self._part

    @property
    def flat_items(self) -> NDArray[np.integer]:
        """Items [I], from 1, of all interactions, ordered by user and time."""
        return self.log.items

    def history_lengths(self) -> LogLengths:
        """Return how long each example's history is."""
        return LogLengths(self.part)

    def targets(self, rows: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
        """Return the positions, among all interactions, of the targets of some examples [B], or of all."""
        return self.part.locate(np.arange(len(self)) if rows is None else rows).targets

    def spans(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return where the histories of this part's examples start, and how long they are, [E] each."""
        found = self.part.locate(np.arange(len(self)))
        return found.starts, found.lengths

    def user_spans(self, positions: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return where the interactions of the users of some interactions begin and end, [B] each."""
        users = np.searchsorted(self.log.starts, positions, side="right") - 1
        return self.log.starts[users], self.log.starts[users + 1]

    def sequences(self) -> Sequences:
        """Return this part's examples as sequences; see :meth:`ExampleDataset.sequences`."""
        return self.part.as_sequences()

    def _users_at(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.searchsorted(self.log.starts, positions, side="right")

    def _items_at(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        return self.flat_items[positions].astype(np.int64)

    def _training_interactions(self) -> LogInteractions:
        return self.interactions


class _Columns:
    """Columns of examples in place of RecBole's table; a column is only in memory while in use."""

    def __init__(self, length: int, part: SequenceExamples | None, kinds: Mapping[str, str]) -> None:
        """Map each column to a field of :class:`Located`."""
        self._length, self._part, self._kinds = length, part, kinds

    def __len__(self) -> int:
        return self._length

    def __contains__(self, field: object) -> bool:
        return field in self._kinds

    def __iter__(self) -> Iterator[str]:
        return iter(self._kinds)

    def __getitem__(self, field: str) -> torch.Tensor:
        kind = self._kinds[field]
        assert self._part is not None
        values = getattr(self._part.locate(np.arange(self._length)), kind)
        if kind == "users":
            values = values + 1
        elif kind == "targets":
            values = self._part.sequences.items[values].astype(np.int64)
        return torch.from_numpy(values)


class _PaddedTokens:
    """Tokens by RecBole's numbers; 0 is padding."""

    def __init__(self, tokens: TokenFile) -> None:
        self._tokens = tokens

    def __len__(self) -> int:
        return len(self._tokens) + 1

    def __getitem__(self, index: Any) -> Any:
        numbers = np.arange(*index.indices(len(self))) if isinstance(index, slice) else np.asarray(index)
        if numbers.size and not -len(self) <= numbers.min() <= numbers.max() < len(self):
            raise IndexError(f"numbers {numbers.min()} to {numbers.max()} are out of range: there are {len(self)}")
        numbers = np.where(numbers < 0, numbers + len(self), numbers)
        if numbers.ndim == 0:
            return self._tokens[int(numbers) - 1] if numbers else _PADDING
        found = np.full(numbers.shape, _PADDING, dtype=object)
        found[numbers > 0] = self._tokens.of(numbers[numbers > 0] - 1)
        return found


class _NumbersOfTokens(Mapping[str, int]):
    """RecBole's numbers by token."""

    def __init__(self, tokens: TokenFile) -> None:
        self._tokens = tokens

    def __getitem__(self, token: str) -> int:
        return 0 if token == _PADDING else self._tokens.find(token) + 1

    def __len__(self) -> int:
        return len(self._tokens) + 1

    def __iter__(self) -> Iterator[str]:
        yield _PADDING
        for part in self._tokens.parts():
            yield from part
