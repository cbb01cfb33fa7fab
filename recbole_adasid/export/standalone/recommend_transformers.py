"""Recommend with transformers from an exported folder: python recommend.py ITEM ITEM ...

Needs NumPy, torch and transformers. Give the history's items oldest first.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from semantic_ids import SemanticIds
from transformers import LogitsProcessorList, T5ForConditionalGeneration

FOLDER = Path(__file__).resolve().parent


def load(folder: str | Path = FOLDER) -> tuple[Any, SemanticIds]:
    """Return the model of a folder, and its items."""
    return T5ForConditionalGeneration.from_pretrained(folder).eval(), SemanticIds(folder)


def inputs(
    ids: SemanticIds, histories: Sequence[Sequence[str]], folder: str | Path = FOLDER
) -> dict[str, torch.Tensor]:
    """Return the encoder's inputs for B histories: tokens, or item vectors for an encoder over items."""
    items, lengths = ids.batch(histories)
    valid = np.arange(items.shape[1]) < lengths[:, None]
    if ids.about["encoder_input"] == "items":
        vectors = np.load(Path(folder) / "item_vectors.npy", mmap_mode="r", allow_pickle=False)
        return {"inputs_embeds": torch.tensor(vectors[items]), "attention_mask": torch.tensor(valid).long()}
    tokens = ids.item_tokens[items] * valid[..., None]
    mask = valid.repeat(tokens.shape[2], axis=1)
    return {"input_ids": torch.tensor(tokens.reshape(mask.shape)), "attention_mask": torch.tensor(mask).long()}


@torch.no_grad()
def recommend(
    model: Any,
    ids: SemanticIds,
    histories: Sequence[Sequence[str]],
    *,
    k: int = 10,
    num_beams: int | None = None,
    exclude_seen: bool = True,
    folder: str | Path = FOLDER,
) -> list[list[tuple[str, float]]]:
    """Return the ``k`` best items after each history, and their log-probabilities."""
    if not histories:
        return []
    exclude = histories if exclude_seen else None
    width = max(2, k, num_beams or ids.about["beam_size"])  # a single beam would have no scores
    found = model.generate(
        **{name: value.to(model.device) for name, value in inputs(ids, histories, folder).items()},
        logits_processor=LogitsProcessorList([ids.logits_processor(histories, exclude)]),
        num_beams=width,
        num_return_sequences=width,
    )
    return ids.ranked(found.sequences, found.sequences_scores, n_histories=len(histories), k=k, exclude=exclude)


if __name__ == "__main__":
    try:
        (best,) = recommend(*load(), [sys.argv[1:]])
    except ValueError as error:
        sys.exit(f"error: {error}")
    for item, score in best:
        print(f"{item}\t{score:.4f}")
