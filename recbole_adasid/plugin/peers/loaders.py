"""Batches for RecBole's other recommenders: its own to train on, and an example a row to evaluate."""

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

from recbole_adasid.plugin.held_out import earlier_interactions
from recbole_adasid.plugin.peers.dataset import InteractionDataset, SequenceDataset
from recbole_adasid.plugin.peers.names import peer_class

PHASES = ("train", "valid", "test")
_SCORES_AT_ONCE = 2**20
"""Pairs of user and item that a model scores one by one together, where it cannot score all items at once."""


def load_parts(config: Any) -> tuple[Any, Any, Any]:
    """Return the loaders of the training, validation and test part of the dataset that the settings name."""
    sequential = config["MODEL_TYPE"] == ModelType.SEQUENTIAL
    dataset = (SequenceDataset if sequential else InteractionDataset)(config)
    getLogger().info(dataset)
    parts = dataset.build()
    sampler = _sampler(config, config["train_neg_sample_args"], parts[:1])
    train = get_dataloader(config, "train")(config, parts[0], sampler, shuffle=config["shuffle"])
    return train, _evaluation(config, parts[:2]), _evaluation(config, parts)


def _evaluation(config: Any, parts: Sequence[Any]) -> Any:
    """Return the loader of the last of some parts."""
    phase = PHASES[len(parts) - 1]
    if config["eval_args"]["mode"][phase] == "full":
        return ExampleLoader(config, parts[-1])
    return NegSampleEvalDataLoader(config, parts[-1], _sampler(config, config[f"{phase}_neg_sample_args"], parts))


def _sampler(config: Any, asked: Mapping[str, Any], parts: Sequence[Any]) -> Any:
    """Return RecBole's sampler of negatives for the last of some parts, or None where none are asked for.

    It draws by how often items are in these parts, and for models that leave out what a user had, none of a user's.
    """
    phases, how = list(PHASES[: len(parts)]), (asked["distribution"], asked.get("alpha", 1.0))
    if how[0] == "none":
        return None
    sampler = RepeatableSampler(phases, parts[-1], *how) if config["repeatable"] else Sampler(phases, list(parts), *how)
    return sampler.set_phase(phases[-1])


class ExampleLoader(FullSortEvalDataLoader):
    """Examples of a part, to rank all items for: one held-out item a row, for every kind of model.

    RecBole has this for sequential models; for others it has a user a row, and one user a batch where there are more
    items than `eval_batch_size`.
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
        """Return a batch as RecBole's trainer wants it: what the model is given; row and item of what the users had
        before, or None where they may meet it again; row and item of what is held out.
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
