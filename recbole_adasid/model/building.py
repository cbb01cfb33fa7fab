"""Build models from a run's settings, and empty models to load a file into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from recbole_adasid.model.catalogue import Catalogue
from recbole_adasid.model.dense.head import DenseHead
from recbole_adasid.model.dense.item_content import ItemContent
from recbole_adasid.model.dense.losses import Losses
from recbole_adasid.model.liger import LIGERModel
from recbole_adasid.model.network.settings import network_settings
from recbole_adasid.model.network.tiger_network import TIGERNetwork
from recbole_adasid.model.settings import CONTENT, HEAD, LOSSES, RETRIEVAL
from recbole_adasid.model.tiger import TIGERModel
from recbole_adasid.settings.rules import arguments


def content_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of :class:`ItemContent` in ``settings``, without features."""
    return {"d_model": settings["d_model"], **arguments(CONTENT, settings)}


def liger_model(
    settings: Mapping[str, Any],
    network: TIGERNetwork,
    catalogue: Catalogue,
    content: ItemContent,
    weights: Tensor | None = None,
) -> LIGERModel:
    """Return a LIGER of these parts; ``weights`` [N + 1] are the sampling weights of items as candidates."""
    return LIGERModel(
        network=network,
        catalogue=catalogue,
        content=content,
        head=DenseHead(d_model=settings["d_model"], **arguments(HEAD, settings)),
        losses=Losses(**arguments(LOSSES, settings)),
        weights=weights,
        **arguments(RETRIEVAL, settings),
    )


def empty_model(
    settings: Mapping[str, Any], *, n_items: int, level_sizes: Sequence[int], content_width: int | None
) -> TIGERModel:
    """Return a placeholder for ``load_state_dict``.

    Args:
        settings: the run's settings.
        n_items: N, without padding.
        level_sizes: of all S levels.
        content_width: width of the item features that LIGER reads; None for TIGER.
    """
    catalogue = Catalogue.empty(n_items, level_sizes, settings["collision"])
    network = TIGERNetwork(level_sizes=catalogue.level_sizes, **network_settings(settings))
    if content_width is None:
        return TIGERModel(network=network, catalogue=catalogue)
    content = ItemContent.empty(n_items, content_width, **content_settings(settings))
    return liger_model(settings, network, catalogue, content)
