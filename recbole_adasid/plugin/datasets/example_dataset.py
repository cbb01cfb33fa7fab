"""Examples of a dataset in memory: exact time order, RecBole's splits, and no stored windows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from recbole.data.interaction import Interaction
from recbole.utils import FeatureSource, FeatureType

from recbole_adasid.data.cold_items import draw_cold_items, warm_examples
from recbole_adasid.data.histories import Sequences, runs_of_targets
from recbole_adasid.data.interactions import InteractionArrays, Interactions
from recbole_adasid.data.ordering import stable_order
from recbole_adasid.data.training_examples import Examples
from recbole_adasid.data.windows import SequenceWindows, build_windows, flatten_sequences, gather_histories
from recbole_adasid.plugin.datasets.atomic_files import atomic_text
from recbole_adasid.plugin.datasets.batches import Lengths
from recbole_adasid.plugin.datasets.checked_dataset import CheckedDataset
from recbole_adasid.plugin.datasets.errors import require_rivals
from recbole_adasid.plugin.datasets.leave_one_out import LEFT_OUT, rows_of_parts
from recbole_adasid.plugin.datasets.row_numbers import as_rows
from recbole_adasid.plugin.datasets.training_items import TrainingItems
from recbole_adasid.settings.errors import SettingsError

# An internal column of inter_feat: which window is the example's history.
WINDOW_FIELD = "window"
# A column of a batch of sequences: how many items after the first are read but not predicted.
SKIPPED_FIELD = "skipped"


class ExampleDataset(CheckedDataset):
    """Leave-one-out item sequences, one example per position.

    Each row of `inter_feat` is an example: the user, the target item, the time, and which window of one flat array of
    items is its history. A batch gathers its histories on access, no wider than the longest.
    """

    inter_feat: Any
    windows: SequenceWindows
    cold: NDArray[np.bool_] | None = None
    _places: NDArray[np.int64] | None = None
    """Positions of the interactions of `windows` among all, if cold items are left out; None: none are left out."""
    _flat_users: NDArray[np.int64]
    _is_training: NDArray[np.bool_]

    def _change_feat_format(self) -> None:
        """Turn the interaction table into examples; times are compared before any rounding."""
        if isinstance(self.inter_feat, Interaction):
            return
        self._check_field("uid_field", "iid_field", "time_field")
        table = {field: self.inter_feat[field].to_numpy() for field in self.inter_feat}
        users, items, times = table[self.uid_field], table[self.iid_field], table[self.time_field]
        order = flatten_sequences(users, times)
        if single := int((np.bincount(users) == 1).sum()):
            self.logger.info(f"Skipped {single} users with one interaction.")
        self.windows, targets, target_users = build_windows(users[order], items[order], self.max_item_list_len)
        self._flat_users = users[order].astype(np.int64)
        self._is_training = np.ones(len(order), dtype=bool)
        self._declare_list_fields()
        self.inter_feat = Interaction(
            {
                self.uid_field: torch.from_numpy(target_users),
                self.iid_field: torch.from_numpy(targets),
                self.time_field: torch.from_numpy(times[order][self._positions_after(slice(None))]),
                self.item_list_length_field: torch.from_numpy(self.windows.lengths),
                WINDOW_FIELD: torch.arange(len(self.windows)),
            }
        )
        self.user_feat = self.item_feat = None

    def _declare_list_fields(self) -> None:
        self.item_id_list_field = self.iid_field + self.config["LIST_SUFFIX"]
        source, width = FeatureSource.INTERACTION, self.max_item_list_len
        self.set_field_property(self.item_id_list_field, FeatureType.TOKEN_SEQ, source, width)
        self.set_field_property(self.item_list_length_field, FeatureType.TOKEN, source, 1)

    def build(self) -> list[ExampleDataset]:
        """Split by RecBole's `eval_args`; validation and test targets are excluded from training.

        With `cold_item_share`, the training part, and only it, has no interactions of held-out items.

        Raises:
            SettingsError: if no example is left to train on, or no item to sample beside a held-out one.
        """
        parts: list[ExampleDataset] = super().build()
        for part in parts[1:]:
            self._is_training[part._own_targets()] = False
        if "LS" not in self.config["eval_args"]["split"]:
            # A user's first interaction is no target: without a training target after it, it may be of a later time.
            trained_users = self._flat_users[parts[0]._own_targets()]
            self._is_training[~np.isin(self._flat_users, trained_users)] = False
        if self.config["cold_item_share"]:
            parts[0]._leave_out(draw_cold_items(self.item_num - 1, self.config["cold_item_share"], self.config["seed"]))
        self._check_parts(parts)
        return parts

    def _check_parts(self, parts: Sequence[ExampleDataset]) -> None:
        """Refuse splits that cannot be used, warn about other empty parts, and subsample those if asked."""
        if not len(parts[0]):
            raise SettingsError(
                f"The dataset {self.dataset_name!r} leaves no training example: loosen user_inter_num_interval and "
                "item_inter_num_interval, lower cold_item_share, or provide users with three or more interactions."
            )
        require_rivals(self.dataset_name, self.item_num - 1, self.config["eval_args"]["mode"].values())
        self._report_evaluation(parts[1:])
        most = self.config["eval_examples"]
        for number, part in enumerate(parts[1:]):
            if most and most < len(part):
                random = np.random.default_rng(number)
                self.logger.info(
                    f"{('Validation', 'Test')[number]} uses a random sample of {most} of {len(part)} examples."
                )
                part._keep(np.sort(random.choice(len(part), most, replace=False, shuffle=False)))

    def _keep(self, rows: NDArray[np.int64]) -> None:
        """Keep some of this part's examples; their interactions stay."""
        chosen = torch.from_numpy(rows)
        self.inter_feat = Interaction({field: values[chosen] for field, values in self.inter_feat.interaction.items()})

    def _leave_out(self, cold: NDArray[np.bool_]) -> None:
        """Remove the interactions of cold items from this part, as if they had never happened."""
        targets = self._own_targets()
        n_interactions = len(self._flat_users)
        warm = warm_examples(self._flat_users, self.windows.flat_items, cold, targets, self.max_item_list_len)
        rows = torch.from_numpy(warm.rows)
        fields = {field: values[rows] for field, values in self.inter_feat.interaction.items()}
        fields[self.item_list_length_field] = torch.from_numpy(warm.windows.lengths)
        fields[WINDOW_FIELD] = torch.arange(len(warm.windows))
        self.inter_feat, self.windows, self._places, self.cold = Interaction(fields), warm.windows, warm.places, cold
        self._flat_users, self._is_training = self._flat_users[warm.places], self._is_training[warm.places]
        self.logger.info(
            f"Held out {int(cold.sum())} of {len(cold)} items from training, with "
            f"{n_interactions - len(warm.places)} of {n_interactions} interactions."
        )

    def _report_evaluation(self, parts: Sequence[ExampleDataset]) -> None:
        """Warn about empty parts, and about metrics that any order of the items would satisfy."""
        empty = [name for name, part in zip(("validation", "test"), parts) if not len(part)]
        if empty:
            self.logger.warning(
                f"There is no {' and no '.join(empty)} example: eval_args asks for none, or no user has enough "
                "interactions (three for a test example, four for both)."
            )
        n_items, longest = self.item_num - 1, max(self.config["topk"])
        if n_items <= longest:
            self.logger.warning(
                f"With {n_items} items, metrics at {longest} are meaningless: every item is recommended."
            )

    def sort(self, by: Any, ascending: Any = True) -> None:
        """Sort the examples as RecBole does; by time, its default order, in a fraction of the time and memory."""
        if by != self.time_field or ascending is not True:
            super().sort(by, ascending)
            return
        self._reorder(stable_order(self.inter_feat[by].numpy()))

    def _reorder(self, order: NDArray[np.int64]) -> None:
        """Reorder the examples, column by column."""
        examples, rows = self.inter_feat.interaction, torch.from_numpy(order)
        for field in examples:
            examples[field] = examples[field].index_select(0, rows)

    def leave_one_out(self, group_by: str, leave_one_mode: str) -> list[ExampleDataset]:
        """Split as RecBole does, in the same order, without a Python loop over examples.

        The parts are slices of this dataset's examples, which are reordered in place: no second copy.
        """
        rows = rows_of_parts(self.inter_feat[group_by].numpy(), LEFT_OUT[leave_one_mode])
        self._drop_unused_col()
        self._reorder(np.concatenate(list(rows.values())))
        ends = np.cumsum([len(part) for part in rows.values()]).tolist()
        return [
            self.copy(Interaction({field: values[start:end] for field, values in self.inter_feat.interaction.items()}))
            for start, end in zip([0, *ends], ends)
        ]

    def _positions_after(self, windows: Any) -> NDArray[np.int64]:
        """Return where the targets of some windows lie in the flat array: right after them."""
        return self.windows.starts[windows] + self.windows.lengths[windows]

    def _own_targets(self) -> NDArray[np.int64]:
        """Return the positions of this part's targets among this part's interactions [E]."""
        return self._positions_after(self.inter_feat[WINDOW_FIELD].numpy())

    @property
    def flat_items(self) -> NDArray[np.integer]:
        """Items, from 1, of this part's interactions, ordered by user and time."""
        return self.windows.flat_items

    def targets(self, rows: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
        """Return the positions, among all parts' interactions, of the targets of some examples [B], or of all."""
        targets = self.among_all(self._own_targets())
        return targets if rows is None else targets[rows]

    def spans(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return where the histories of this part's examples start in `flat_items`, and how long they are, [E] each."""
        chosen = self.inter_feat[WINDOW_FIELD].numpy()
        return self.windows.starts[chosen], self.windows.lengths[chosen]

    def user_spans(self, positions: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return where in `flat_items` the users of some interactions begin and end, [B] each."""
        users = self._flat_users[positions]
        begins, ends = (np.searchsorted(self._flat_users, users, side=side) for side in ("left", "right"))
        return begins, ends

    def examples(self) -> Examples:
        """Return histories and targets without users and times."""
        starts, lengths = self.spans()
        kept = SequenceWindows(flat_items=self.flat_items, starts=starts, lengths=lengths)
        return Examples(kept, self.inter_feat[self.iid_field].numpy())

    def among_all(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the positions of some of this part's interactions among all parts', ordered by user and time."""
        return positions if self._places is None else self._places[positions]

    def __getitem__(self, index: Any, join: bool = True) -> Interaction:
        """Return the examples `index` with their histories [B, T], T the longest among them; nothing is joined."""
        rows = as_rows(index, len(self.inter_feat))
        history, lengths = self.windows.gather(self.inter_feat[WINDOW_FIELD][rows].numpy())
        users, targets = (self.inter_feat[field][rows] for field in (self.uid_field, self.iid_field))
        return self._batch(users, targets, torch.from_numpy(self._pad(history)), torch.from_numpy(lengths))

    def sequences(self) -> Sequences:
        """Return this part's examples as sequences of `flat_items`: a user's targets, and the items before them."""
        starts, _ = self.spans()
        return runs_of_targets(self._own_targets(), starts)

    def sequence_batch(self, chosen: Sequences) -> Interaction:
        """Return some sequences: users, items [B, n], lengths and numbers of items read but not predicted."""
        items, lengths = gather_histories(self.flat_items, chosen.starts, chosen.lengths)
        return Interaction(
            {
                self.uid_field: torch.from_numpy(self._users_at(chosen.starts)),
                self.item_id_list_field: torch.from_numpy(items),
                self.item_list_length_field: torch.from_numpy(lengths),
                SKIPPED_FIELD: torch.from_numpy(chosen.skipped),
            }
        )

    def _users_at(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the users of some interactions of `flat_items`."""
        return self._flat_users[positions]

    def _batch(
        self, users: torch.Tensor, targets: torch.Tensor, history: torch.Tensor, lengths: torch.Tensor
    ) -> Interaction:
        return Interaction(
            {
                self.uid_field: users,
                self.iid_field: targets,
                self.item_id_list_field: history,
                self.item_list_length_field: lengths,
            }
        )

    def _pad(self, history: NDArray[np.int64]) -> NDArray[np.int64]:
        """Pad to the full width where RecBole concatenates several gathered parts (sampled evaluation)."""
        modes = self.config["eval_args"]["mode"]
        missing = self.max_item_list_len - history.shape[1]
        return history if set(modes.values()) == {"full"} else np.pad(history, ((0, 0), (0, missing)))

    def training_items(self) -> TrainingItems:
        """Return what the tokenizer may learn from; call it after `build`."""
        return TrainingItems(
            tokens=[str(token) for token in self.field2id_token[self.iid_field][1:]],
            interactions=self._training_interactions(),
            table=atomic_text(self.config, Path(self.dataset_path) / f"{self.dataset_name}.item"),
            item_field=self.iid_field,
            cold=self.cold,
        )

    def _training_interactions(self) -> Interactions:
        chosen = self._is_training
        return InteractionArrays(self._flat_users[chosen], self.windows.flat_items[chosen] - 1)

    def history_lengths(self) -> Lengths:
        """Return the history length of each example."""
        return self.inter_feat[self.item_list_length_field].numpy()

    def inter_matrix(self, form: str = "coo", value_field: str | None = None) -> Any:
        """Return the sparse user-item matrix of this part's targets and its users' first items, as RecBole does."""
        users, items = self.inter_feat[self.uid_field], self.inter_feat[self.iid_field]
        starts, lengths = self.spans()
        second = lengths == 1
        firsts = self.flat_items[starts[second]].astype(np.int64)
        table = {
            self.uid_field: torch.cat([users, users[torch.from_numpy(second)]]),
            self.iid_field: torch.cat([items, torch.from_numpy(firsts)]),
        }
        return self._create_sparse_matrix(Interaction(table), self.uid_field, self.iid_field, form, value_field)
