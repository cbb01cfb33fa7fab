"""A cheap proxy for TIGER's NDCG: the smallest TIGER on the last few items of each history, trained for seconds.

It ranks tokenizers; its values differ from those of a full run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from recbole_adasid.compute.precision import has_bfloat16
from recbole_adasid.data.training_examples import Examples
from recbole_adasid.model.catalogue import Catalogue
from recbole_adasid.model.network.tiger_network import TIGERNetwork
from recbole_adasid.model.optimiser import adamw, learning_rate_factor
from recbole_adasid.model.tiger import TIGERModel


@dataclass(frozen=True)
class ProxySettings:
    """The proxy's size and budget; a million interactions cost no more than a hundred thousand."""

    longest: int = 5
    d_model: int = 64
    n_heads: int = 2
    d_ff: int = 256
    training_examples: int = 300_000
    """Examples seen in total: several passes over a small dataset, a sample of a large one."""
    batch_size: int = 512
    learning_rate: float = 0.004
    evaluated_users: int = 10_000
    beam_size: int = 20
    k: int = 10


def proxy_metrics(
    codes: NDArray[np.int64],
    codebook_sizes: Sequence[int],
    train: Examples,
    valid: Examples,
    *,
    seed: int,
    settings: ProxySettings,
) -> dict[str, float]:
    """Train the small model on Semantic IDs ``codes`` [N, L]; return ``proxy_ndcg`` and ``proxy_recall`` at k.

    Hits are on items; items with equal codes are distinguished by a suffix token, as in TIGER. The same users are drawn
    from ``valid`` for every tokenizer. The caller's random state is preserved.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        catalogue = Catalogue(torch.from_numpy(codes), codebook_sizes)
        model = TIGERModel(network=_network(catalogue, settings), catalogue=catalogue)
        _train(model, train, settings, np.random.default_rng(seed))
    return _evaluate(model.eval(), valid, settings)


def _network(catalogue: Catalogue, settings: ProxySettings) -> TIGERNetwork:
    return TIGERNetwork(
        level_sizes=catalogue.level_sizes,
        d_model=settings.d_model,
        d_head=settings.d_model // settings.n_heads,
        n_heads=settings.n_heads,
        d_ff=settings.d_ff,
        n_encoder_layers=1,
        n_decoder_layers=1,
        dropout=0.1,
    )


def _train(model: TIGERModel, train: Examples, settings: ProxySettings, random: np.random.Generator) -> None:
    model.train()
    optimizer = adamw(model, learning_rate=settings.learning_rate, weight_decay=0.05)
    n_steps = -(-settings.training_examples // settings.batch_size)
    order = _passes(len(train.targets), n_steps * settings.batch_size, random)
    bf16 = has_bfloat16(torch.device("cpu"))
    for step in range(n_steps):
        factor = learning_rate_factor(step, total_steps=n_steps, warmup_fraction=0.05)
        for group in optimizer.param_groups:
            group["lr"] = settings.learning_rate * factor
        rows = order[step * settings.batch_size : (step + 1) * settings.batch_size]
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
            loss = model.training_loss(*train.batch(rows, settings.longest))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()


def _passes(n_examples: int, count: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Return ``count`` rows: full passes over the examples, each in its own order."""
    passes = [random.permutation(n_examples) for _ in range(-(-count // n_examples))]
    return np.concatenate(passes)[:count]


def _evaluate(model: TIGERModel, valid: Examples, settings: ProxySettings) -> dict[str, float]:
    rows = np.random.default_rng(0).permutation(len(valid.targets))[: settings.evaluated_users]
    history, lengths, targets = valid.batch(rows, settings.longest)
    found, _ = model.recommend(history, lengths, k=settings.k, beam_size=settings.beam_size)
    hits = found == targets[:, None]
    gain = 1 / torch.log2(torch.arange(settings.k) + 2.0)
    return {
        f"proxy_ndcg@{settings.k}": float((hits * gain).sum(1).mean()),
        f"proxy_recall@{settings.k}": float(hits.any(1).float().mean()),
    }
