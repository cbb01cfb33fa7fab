"""A dataset of thirty items, and settings that learn Semantic IDs from it within seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import yaml

from recbole_adasid.data.atomic_text import AtomicText
from recbole_adasid.data.interactions import InteractionArrays
from recbole_adasid.data.item_table import read_item_table

PROPS = Path(__file__).parents[2] / "props"
N_ITEMS = 30


class SmallDataset:
    """Thirty items in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.interactions = np.random.default_rng(0).integers(0, N_ITEMS, (12, 6))

    def item_tokens(self) -> list[str]:
        return [f"i{row}" for row in range(N_ITEMS)]

    def training_interactions(self) -> InteractionArrays:
        return InteractionArrays(np.repeat(np.arange(12), 6), self.interactions.ravel())

    def cold_items(self) -> None:
        """None is held out."""

    def item_table(self) -> dict[str, list[str]] | None:
        path = self.folder / "small.item"
        return read_item_table(AtomicText(path)) if path.exists() else None

    def dataset_path(self) -> Path:
        return self.folder


def config(tokenizer: str, tmp_path: Path, **changes) -> dict:
    values = yaml.safe_load((PROPS / "tokenizers.yaml").read_text())
    values |= yaml.safe_load((PROPS / "tokenizer" / f"{tokenizer}.yaml").read_text())
    values |= {"seed": 1, "cache_dir": tmp_path / "cache", "codebook_size": 6, "code_dim": 4, "encoder_hidden": [8]}
    values |= {"tokenizer_steps": 6, "tokenizer_batch_pairs": 8, "tokenizer_batch_solo_items": 4}
    values |= {"item_features_file": "features.npz", "text_fields": ["title"], "text_encoder": "tfidf"}
    values |= {"text_encoder_model": "unused", "text_width": 5, "text_template": None, "text_bf16": False}
    values |= {"modalities": None, "fusion": "concatenate", "fusion_width": None, "modality_unit_length": True}
    values |= {"missing_modality": "refuse", "image_folder": "images", "image_download": False}
    values |= {"image_encoder_model": "unused"}
    return {**values, **changes}


def small_dataset(folder: Path) -> SmallDataset:
    """Return a dataset with features of its own in `folder`."""
    embedding = np.random.default_rng(1).normal(size=(N_ITEMS, 10)).astype(np.float16)
    order = np.random.default_rng(2).permutation(N_ITEMS)
    np.savez(folder / "features.npz", item_id=np.array([f"i{row}" for row in order]), embedding=embedding[order])
    return SmallDataset(folder)
