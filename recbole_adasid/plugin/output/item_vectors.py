"""Item vectors of a trained model, kept as a behaviour modality for other runs' item features."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor, nn

from recbole_adasid.features.behaviour_vectors import VECTORS_FILE, write_item_vectors
from recbole_adasid.model.liger import LIGERModel


def keep_item_vectors(folder: Path, model: Any, items: Any, learnt_by: str) -> None:
    """Write the item vectors of a trained model into its run folder, if it has any.

    Args:
        folder: run folder; ``{behaviour: folder}`` reads them.
        model: a RecBole model, or LIGER.
        items: training items; see
            :meth:`~recbole_adasid.plugin.datasets.example_dataset.ExampleDataset.training_items`.
        learnt_by: the model's name.
    """
    vectors = item_vectors(model, len(items.item_tokens()))
    if vectors is not None:
        write_item_vectors(
            folder / VECTORS_FILE,
            items.item_tokens(),
            vectors.detach().float().cpu().numpy(),
            training_interactions=items.training_digest(),
            learnt_by=learnt_by,
        )


def item_vectors(model: Any, n_items: int) -> Tensor | None:
    """Return the vectors [N, d] of items 1 … N: the keys of LIGER's dense head, or RecBole's ``item_embedding``.

    None if a model has neither; TIGER only has token vectors.
    """
    tiger = getattr(model, "tiger", None)
    if isinstance(tiger, LIGERModel):
        return tiger.all_keys()[1:]
    table = getattr(model, "item_embedding", None)
    if not isinstance(table, nn.Embedding) or table.num_embeddings <= n_items:
        return None
    return table.weight[1 : n_items + 1]
