"""Amazon Toys for benchmarks, or random data of its shape if absent: history lengths, features, pairs, SIDs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from recbole_adasid.pairs.item_pairs import ItemPairs
from recbole_adasid.pairs.swing import swing_pairs
from recbole_adasid.tokenizer.clustering.rq_kmeans import RQKMeansTokenizer
from recbole_adasid.tokenizer.scaling import FeatureScaler

N_ITEMS = 11_924
# Percentage of training examples whose history has 1, 2, … 20 items (the last also counts longer ones, cut to 20).
LENGTHS = [17.8, 17.8, 11.7, 8.2, 6.2, 4.8, 3.8, 3.1, 2.6, 2.2, 1.9, 1.6, 1.4, 1.3, 1.1, 1.0, 0.9, 0.8, 0.7, 11.1]
LONGEST = len(LENGTHS)


def history_lengths(count: int) -> Tensor:
    """Draw history lengths, int64 [count]."""
    return torch.multinomial(torch.tensor(LENGTHS), count, replacement=True) + 1


def histories(lengths: Tensor, width: int) -> Tensor:
    """Return random item ids [B, width], 0 from each length on."""
    items = torch.randint(1, N_ITEMS + 1, (len(lengths), width))
    return items * (torch.arange(width) < lengths[:, None])


def features(data_path: Path | None) -> Tensor:
    """Return item features float32 [N, 768]: those of the real items, or noise without data."""
    if data_path is None:
        return torch.randn(N_ITEMS, 768)
    with np.load(data_path / "amazon-toys" / "amazon-toys.text-embedding.npz", allow_pickle=False) as stored:
        return torch.from_numpy(stored["embedding"].astype(np.float32))


def interactions(data_path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return users and item rows, int64 [I] each, of all interactions of the real file, in its order."""
    with np.load(data_path / "amazon-toys" / "amazon-toys.text-embedding.npz", allow_pickle=False) as stored:
        row_of = {str(token): row for row, token in enumerate(stored["item_id"])}
    table = pd.read_csv(data_path / "amazon-toys" / "amazon-toys.inter", sep="\t", dtype=str, usecols=[0, 1])
    return pd.factorize(table.iloc[:, 0])[0], table.iloc[:, 1].map(row_of).to_numpy()


def pairs(data_path: Path | None) -> ItemPairs:
    """Return Swing pairs of the real interactions, or random ones without data."""
    if data_path is not None:
        return swing_pairs(*interactions(data_path), N_ITEMS)
    trigger, target = torch.randint(N_ITEMS, (2, 100_000)).numpy()
    return ItemPairs(trigger, target, np.ones(len(trigger), dtype=np.float32))


def semantic_ids(data_path: Path | None) -> Tensor:
    """Return codes int64 [N, 3] of 256 codewords a level: RQ-KMeans of the real items, or random ones without data."""
    if data_path is None:
        return torch.randint(256, (N_ITEMS, 3))
    values = features(data_path)
    scaler = FeatureScaler(width=values.shape[1], mode="none")
    tokenizer = RQKMeansTokenizer(scaler=scaler, width=values.shape[1], codebook_sizes=[256] * 3, iterations=10, seed=0)
    tokenizer.fit(values, None)
    return tokenizer.encode(values)
