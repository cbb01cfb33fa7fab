"""LIGER as a RecBole model: TIGER with item features and a dense head."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from recbole_adasid.model.building import content_settings, liger_model
from recbole_adasid.model.catalogue import Catalogue
from recbole_adasid.model.dense.item_content import ItemContent
from recbole_adasid.model.liger import LIGERModel
from recbole_adasid.model.network.tiger_network import TIGERNetwork
from recbole_adasid.model.tiger import TIGERModel
from recbole_adasid.plugin.tiger import TIGER
from recbole_adasid.settings.errors import SettingsError

_POPULARITY_POWER = 0.75  # exponent of the sampling distribution of candidates, as in word2vec


class LIGER(TIGER):
    """Learn Semantic IDs, then recommend by them, by a dense score or by both (Yang et al. 2024, arXiv 2411.18814)."""

    def _model(self, config: Any, dataset: Any, network: TIGERNetwork, catalogue: Catalogue) -> TIGERModel:
        options = content_settings(config)
        if self.semantic_ids is None:  # a file will fill it
            content = ItemContent.empty(catalogue.n_items, config["content_width"], **options)
            return liger_model(config, network, catalogue, content)
        if self.semantic_ids.vectors is None:
            raise SettingsError(
                "LIGER reads item features, but only sids_file is set: also set item_features_file, text_fields or "
                "modalities."
            )
        counts = self._training_counts(dataset, catalogue)
        trained = torch.from_numpy(np.r_[False, counts > 0])
        content = ItemContent(torch.from_numpy(self.semantic_ids.vectors), trained, **options)
        weights = torch.from_numpy(np.r_[0.0, counts.astype(np.float64) ** _POPULARITY_POWER])
        return liger_model(config, network, catalogue, content, weights)

    @property
    def content_width(self) -> int:
        """Width of the item features that the model reads in addition to Semantic IDs."""
        assert isinstance(self.tiger, LIGERModel)
        return len(self.tiger.content.mean)
