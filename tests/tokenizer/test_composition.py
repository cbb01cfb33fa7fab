"""Every preset with every regulation, quantizer, length and size."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recbole_adasid.pairs.item_pairs import ItemPairs
from recbole_adasid.settings.presets import presets, read_props
from recbole_adasid.tokenizer.base import ItemTokenizer
from recbole_adasid.tokenizer.quantizer import QUANTIZERS
from recbole_adasid.tokenizer.registry import build_tokenizer
from recbole_adasid.tokenizer.regulation import REGULATIONS
from recbole_adasid.tokenizer.regulation.base import per_depth

SMALL = {"encoder_hidden": [16], "tokenizer_steps": 12, "tokenizer_batch_pairs": 16, "tokenizer_batch_solo_items": 8}
TRAINABLE = [
    name for name in presets("tokenizer") if read_props(f"tokenizer/{name}.yaml")["tokenizer_family"] == "autoencoder"
]
N_ITEMS, WIDTH = 80, 12


def trained(name: str, **settings: object) -> tuple[ItemTokenizer, torch.Tensor]:
    features = torch.randn(N_ITEMS, WIDTH, generator=torch.Generator().manual_seed(0))
    trigger, target = np.random.default_rng(0).integers(N_ITEMS, size=(2, 60))
    pairs = ItemPairs(trigger, target, np.ones(60, dtype=np.float32))
    merged = {**read_props("tokenizers.yaml"), **read_props(f"tokenizer/{name}.yaml"), **SMALL, "seed": 3, **settings}
    tokenizer = build_tokenizer(merged, width=WIDTH)
    tokenizer.fit(features, pairs)
    return tokenizer, features


def check(tokenizer: ItemTokenizer, features: torch.Tensor, sizes: list[int]) -> None:
    codes = tokenizer.encode(features)
    assert tokenizer.codebook_sizes == sizes and codes.shape == (len(features), len(sizes))
    assert (codes >= 0).all() and (codes < torch.tensor(sizes)).all()
    assert tokenizer.decode(codes).shape == features.shape
    assert tokenizer.encode(features).equal(codes)


@pytest.mark.parametrize("sizes", [[5], [3, 2], [4, 2, 6, 2, 3, 2, 2, 5]], ids=len)
@pytest.mark.parametrize("name", sorted(set(presets("tokenizer")) - {"rqopq", "quasid"}))
def test_lengths_from_one_to_eight_and_sizes_of_each_level(name: str, sizes: list[int]) -> None:
    extra = {"lookup_dim": 4, "sid_length": len(sizes), "codebook_size": sizes, "code_dim": 8}
    check(*trained(name, **extra), sizes)


@pytest.mark.parametrize("sizes", [[3, 2], [4, 2, 6, 2, 3, 2, 2, 5]], ids=len)
@pytest.mark.parametrize("name", ["rqopq", "quasid"])
def test_the_two_that_need_several_levels(name: str, sizes: list[int]) -> None:
    extra = {"opq_subspaces": 1, "sid_length": len(sizes), "codebook_size": sizes, "code_dim": 8}
    check(*trained(name, **extra), sizes)


@pytest.mark.parametrize("name", TRAINABLE)
@pytest.mark.parametrize("regulation", REGULATIONS)
def test_any_trainable_tokenizer_takes_any_regulation(name: str, regulation: str) -> None:
    check(*trained(name, regulation=regulation, codebook_size=8, collaborative_weight=0.3), [8, 8, 8])


@pytest.mark.parametrize("quantizer", QUANTIZERS)
def test_adasid_takes_any_quantizer(quantizer: str) -> None:
    check(*trained("adasid", quantizer=quantizer, codebook_size=8), [8, 8, 8])


def test_the_largest_codebook(monkeypatch: pytest.MonkeyPatch) -> None:
    # k-means++ would draw 65,536 seeds one by one.
    monkeypatch.setattr(
        "recbole_adasid.tokenizer.clustering.kmeans._plus_plus_seeds",
        lambda points, n_clusters, generator: torch.randint(len(points), (n_clusters,), generator=generator),
    )
    check(*trained("rqvae", sid_length=2, codebook_size=[2, 65_536], tokenizer_steps=1, code_dim=4), [2, 65_536])


def test_values_by_depth_are_stretched_over_other_lengths() -> None:
    assert per_depth([0.6, 0.8, 0.95], 3) == pytest.approx([0.6, 0.8, 0.95])
    assert per_depth([0.6, 0.8, 1.0], 5) == pytest.approx([0.6, 0.7, 0.8, 0.9, 1.0])
    assert per_depth([0.6, 0.8, 0.95], 1) == [0.95]
    assert per_depth(1.2, 4) == [1.2] * 4
    with pytest.raises(ValueError, match="one per depth"):
        per_depth([], 3)
