"""Batches for RecBole's other recommenders: RecBole's own for training, one example per row for evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from logging import getLogger
from typing import Any

import numpy as np
import torch
from recbole.data.dataloader import FullSortEvalDataLoader, NegSampleEvalDataLoader
from recbole.data.dataloader.abstract_dataloader import AbstractDataLoader
from recbole.data.utils import get_dataloader
from recbole.model.abstract_recommender import AbstractRecommender
from recbole.sampler import RepeatableSampler, Sampler
from recbole.utils import ModelType

from recbole_adasid.plugin.output.held_out import earlier_interactions
from recbole_adasid.plugin.peers.dataset import InteractionDataset, SequenceDataset
from recbole_adasid.plugin.peers.names import peer_class

PHASES = ("train", "valid", "test")
_SCORES_AT_ONCE = 2**20
"""User-item pairs per batch, for models that score pairs rather than all items at once."""


def load_parts(config: Any) -> tuple[Any, Any, Any]:
    """Return the training, validation and test loaders of the configured dataset."""
    sequential = config["MODEL_TYPE"] == ModelType.SEQUENTIAL
    dataset = (SequenceDataset if sequential else InteractionDataset)(config)
    getLogger().info(dataset)
    parts = dataset.build()
    sampler = _sampler(config, config["train_neg_sample_args"], parts[:1], counted=parts[0])
    train = get_dataloader(config, "train")(config, parts[0], sampler, shuffle=config["shuffle"])
    return train, _evaluation(config, parts[:2], dataset), _evaluation(config, parts, dataset)


def _evaluation(config: Any, parts: Sequence[Any], dataset: Any) -> Any:
    """Return the loader of the last of some parts of a dataset."""
    phase = PHASES[len(parts) - 1]
    if config["eval_args"]["mode"][phase] == "full":
        return ExampleLoader(config, parts[-1])
    sampler = _sampler(config, config[f"{phase}_neg_sample_args"], parts, counted=dataset)
    return NegSampleEvalDataLoader(config, parts[-1], sampler)


def _sampler(config: Any, asked: Mapping[str, Any], parts: Sequence[Any], *, counted: Any) -> Any:
    """Return RecBole's negative sampler for the last of some parts, or None if none is configured.

    If it draws by popularity, this is how often an item is a target in ``counted``: in evaluation in all examples of
    the dataset, as RecBole counts for TIGER. For models that exclude seen items it draws none of the user's in these
    parts.
    """
    phases, how = list(PHASES[: len(parts)]), (asked["distribution"], asked.get("alpha", 1.0))
    if how[0] == "none":
        return None
    if config["repeatable"]:
        return RepeatableSampler(phases, counted, *how).set_phase(phases[-1])
    return _UnseenSampler(phases, list(parts), counted, *how).set_phase(phases[-1])


class _UnseenSampler(Sampler):
    """RecBole's sampler of unseen items, which by itself counts popularity in the parts whose items are seen."""

    def __init__(self, phases: list[str], parts: list[Any], counted: Any, *how: Any) -> None:
        self._counted = counted
        super().__init__(phases, parts, *how)

    def _get_candidates_list(self) -> list[Any]:
        return list(self._counted.inter_feat[self.iid_field].numpy())


class ExampleLoader(FullSortEvalDataLoader):
    """Examples of a part for full ranking: one held-out item per row, for every kind of model.

    RecBole does this for sequential models; for others it has one user per row, and one user per batch if there are
    more items than `eval_batch_size`.
    """

    def __init__(self, config: Any, part: Any) -> None:
        self.uid_field, self.iid_field = part.uid_field, part.iid_field
        self.sample_size = len(part)
        AbstractDataLoader.__init__(self, config, part, None, shuffle=False)

    def _init_batch_size_and_step(self) -> None:
        self.step = self.config["eval_batch_size"]
        if peer_class(self.config["model"]).full_sort_predict is AbstractRecommender.full_sort_predict:
            self.step = max(1, min(self.step, _SCORES_AT_ONCE // self._dataset.item_num))
        self.set_batch_size(self.step)

    def collate_fn(self, index: Any) -> tuple[Any, Any, torch.Tensor, torch.Tensor]:
        """Return a batch as RecBole's trainer expects it: the model's input; row and item of seen items, or None if
        they may be recommended again; row and item of held-out items.
        """
        rows = np.asarray(index)
        part = self._dataset
        batch = self.transform(part, part.candidates_of(rows))
        held_out = part.inter_feat[self.iid_field][torch.from_numpy(rows)]
        return batch, self._history(rows, held_out), torch.arange(len(rows)), held_out

    def _history(self, rows: np.ndarray, held_out: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor] | None:
        if self.config["repeatable"]:
            return None
        places, items = (torch.from_numpy(found) for found in earlier_interactions(self._dataset, rows))
        other = items != held_out[places]
        return places[other], items[other]
