"""TIGER as a RecBole model: a sequential recommender over item ids."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from recbole.model.abstract_recommender import SequentialRecommender
from recbole.utils import InputType, init_seed
from torch import Tensor

from recbole_adasid.learning.semantic_ids import SemanticIDs
from recbole_adasid.model.catalogue import Catalogue
from recbole_adasid.model.network.settings import network_settings
from recbole_adasid.model.network.tiger_network import TIGERNetwork
from recbole_adasid.model.prefix_tree import PrefixTree
from recbole_adasid.model.search.interleave import interleave
from recbole_adasid.model.tiger import TIGERModel
from recbole_adasid.plugin.datasets.example_dataset import SKIPPED_FIELD
from recbole_adasid.plugin.learn import learn
from recbole_adasid.run_folder.model_file import describe_data
from recbole_adasid.run_folder.warm_start import check_warm_start, warm_start


class TIGER(SequentialRecommender):
    """Recommend by generating Semantic IDs of the dataset's items (arXiv 2305.05065).

    An interaction needs a history (`item_id_list` and `item_length` by default), and the user only with
    `n_user_tokens`. A ValueError names missing fields.

    `semantic_ids` is None for a model to be loaded from a file. `data` identifies the dataset and its items, to which
    weights and Semantic IDs are bound.
    """

    input_type = InputType.POINTWISE

    def __init__(self, config: Any, dataset: Any, semantic_ids: SemanticIDs | None = None) -> None:
        """Build the model for the training part of a dataset.

        Args:
            config: RecBole config, with the settings of props/.
            dataset: RecBole dataset, the training part.
            semantic_ids: of its items. None, as when ``run_recbole`` builds the model: they are learned first.
        """
        super().__init__(config, dataset)
        self.beam_size: int = config["beam_size"]
        self.n_user_tokens: int = config["n_user_tokens"]
        self.cold_list_share: float = config["cold_list_share"] or 0.0
        self.exclude_seen = bool(config["eval_exclude_seen"])
        self._cold = None if dataset.cold is None else torch.from_numpy(dataset.cold)
        self._split: tuple[PrefixTree, PrefixTree, PrefixTree] | None = None
        self.data = describe_data(dataset, with_users=self.n_user_tokens > 0)
        begins = config["warm_start"] and config["sid_level_sizes"] is None  # else a file will fill it
        if begins and semantic_ids is None:  # else it was checked before they were learned
            check_warm_start(config, config["warm_start"])
        catalogue = self._catalogue(config, dataset, semantic_ids)
        network = TIGERNetwork(level_sizes=catalogue.level_sizes, **network_settings(config.final_config_dict))
        self.tiger = self._model(config, dataset, network, catalogue)
        if begins and self.semantic_ids is not None:
            vectors = None if self.semantic_ids.vectors is None else torch.from_numpy(self.semantic_ids.vectors)
            warm_start(self.tiger, dataset.training_items().item_tokens(), config["warm_start"], vectors)

    def _model(self, config: Any, dataset: Any, network: TIGERNetwork, catalogue: Catalogue) -> TIGERModel:
        if self.semantic_ids is None:  # a file will fill it
            return TIGERModel(network=network, catalogue=catalogue)
        trained = torch.from_numpy(np.r_[False, self._training_counts(dataset, catalogue) > 0])
        return TIGERModel(network=network, catalogue=catalogue, trained=trained)

    @staticmethod
    def _training_counts(dataset: Any, catalogue: Catalogue) -> NDArray[np.int64]:
        """Return how many training interactions each item of the catalogue has, int64 [N]."""
        return dataset.training_items().training_interactions().counts(catalogue.n_items)

    def _catalogue(self, config: Any, dataset: Any, semantic_ids: SemanticIDs | None) -> Catalogue:
        self.semantic_ids = semantic_ids
        stored = config["sid_level_sizes"]
        if stored is not None:  # from a model's file, which holds the Semantic IDs too
            return Catalogue.empty(self.n_items - 1, stored, config["collision"])
        self.semantic_ids = learned = semantic_ids or learn(config, dataset)
        # Whether Semantic IDs were learned or reused must not change the network's first weights.
        init_seed(config["seed"] + config["local_rank"], config["reproducibility"])
        suffix = None if learned.suffix is None else torch.from_numpy(learned.suffix)
        codes, sizes = torch.from_numpy(learned.codes), learned.codebook_sizes
        # Items of the bundle that the data lacks may come back with their suffix.
        least = 0 if learned.reserved is None else learned.reserved.sequence_sizes[-1]
        catalogue = Catalogue(codes, sizes, collision=config["collision"], suffix=suffix, n_suffixes=least)
        if catalogue.collision == "suffix" and catalogue.level_sizes[-1] > max(learned.codebook_sizes):
            self.logger.warning(
                f"Up to {catalogue.level_sizes[-1]} items share one Semantic ID, more than a level has codewords: the "
                "suffix needs a token for each, which carries no information. Try a larger codebook_size, other item "
                "features or collision=shared."
            )
        return catalogue

    @property
    def content_width(self) -> int | None:
        """Width of the item features that the model reads in addition to Semantic IDs; None: it reads none."""
        return None

    @property
    def sid_level_sizes(self) -> list[int]:
        """Codewords of each of the S levels, a suffix level included."""
        return self.tiger.catalogue.level_sizes

    def calculate_loss(self, interaction: Any) -> Tensor:
        """Return the mean cross-entropy of the target items' tokens."""
        target = self._field(interaction, self.POS_ITEM_ID)
        return self.tiger.training_loss(*self._history(interaction), target, users=self._users(interaction))

    @property
    def one_pass(self) -> bool:
        """Whether one pass over a sequence trains all its positions (causal encoder)."""
        return self.tiger.network.causal

    def sequence_loss(self, interaction: Any) -> Tensor:
        """Return the mean cross-entropy of the tokens of all items that a batch of sequences predicts."""
        skipped, users = interaction[SKIPPED_FIELD], interaction[self.USER_ID]
        return self.tiger.sequence_loss(*self._history(interaction), skipped=skipped, users=users)

    def predict(self, interaction: Any) -> Tensor:
        """Return the log-probability [B] of each given item after its history."""
        target = self._field(interaction, self.ITEM_ID)
        return self.tiger.score_targets(*self._history(interaction), target, users=self._users(interaction))

    def full_sort_predict(self, interaction: Any) -> Tensor:
        """Return the log-probabilities of all items, [B, N + 1]: exact, but expensive for large catalogues."""
        return self.tiger.score_items(*self._history(interaction), users=self._users(interaction))

    def recommend_topk(self, interaction: Any, k: int) -> tuple[Tensor, Tensor]:
        """Return the k best items and their log-probabilities, [B, k] each; item 0 if the beam found fewer.

        With `cold_list_share`, items held out of training get that share of the places; with `eval_exclude_seen`,
        history items get none.
        """
        history, users = self._history(interaction), self._users(interaction)
        excluded = history[0] if self.exclude_seen else None
        find = partial(self.tiger.recommend, *history, k=k, beam_size=self.beam_size, users=users, excluded=excluded)
        if not self.cold_list_share or self._cold is None:
            return find()
        warm, cold = self._warm_and_cold_tree(self._cold)
        return interleave(find(tree=warm), find(tree=cold), self.cold_list_share)

    def _warm_and_cold_tree(self, cold: Tensor) -> tuple[PrefixTree, PrefixTree]:
        """Return the prefix trees of the trained items and of the others."""
        catalogue = self.tiger.catalogue
        if self._split is None or self._split[0] is not catalogue.tree:  # a file filled the catalogue meanwhile
            ids = torch.arange(1, catalogue.n_items + 1)
            self._split = (catalogue.tree, catalogue.tree_of(ids[~cold]), catalogue.tree_of(ids[cold]))
        return self._split[1:]

    def _history(self, interaction: Any) -> tuple[Tensor, Tensor]:
        return self._field(interaction, self.ITEM_SEQ), self._field(interaction, self.ITEM_SEQ_LEN)

    def _users(self, interaction: Any) -> Tensor | None:
        """Return the users if the network reads them; otherwise new users, who have no number, work too."""
        return self._field(interaction, self.USER_ID) if self.n_user_tokens else None

    def _field(self, interaction: Any, name: str) -> Tensor:
        if name in interaction:
            return interaction[name]
        reason = f", because n_user_tokens is {self.n_user_tokens}" if name == self.USER_ID else ""
        there = ", ".join(interaction.columns)
        raise ValueError(f"the interaction has no field {name!r}, which TIGER reads{reason}: add it to {there}")
