"""A tokenizer's training step: AdaSID against RQ-VAE, and both against the same step on vector-quantize-pytorch.

python -m benchmarks.tokenizer_step --data_path=data
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks import toys
from benchmarks.measuring import Measurement, median_ratio
from recbole_adasid.pairs.item_pairs import ItemPairs
from recbole_adasid.settings.presets import read_props
from recbole_adasid.tokenizer.autoencoder import multilayer_perceptron
from recbole_adasid.tokenizer.autoencoder_tokenizer import AutoencoderTokenizer
from recbole_adasid.tokenizer.registry import build_tokenizer, tokenizer_settings


class Steps:
    """A tokenizer in the middle of its training, to be taken a step further."""

    def __init__(self, name: str, features: Tensor, pairs: ItemPairs, arguments: argparse.Namespace) -> None:
        settings = {**read_props("tokenizers.yaml"), **read_props(f"tokenizer/{name}.yaml"), "seed": 0}
        # Both on the same batches of pairs, and with codebooks from the first step on.
        settings |= {"tokenizer_batch_pairs": arguments.pairs, "tokenizer_batch_solo_items": 0}
        settings |= {"tokenizer_draw": "pairs", "quantize_from": 0}
        tokenizer = build_tokenizer(tokenizer_settings(settings), width=features.shape[1])
        assert isinstance(tokenizer, AutoencoderTokenizer)
        self.training = tokenizer.start_training(features, pairs)
        self.number = 0

    def take(self, count: int) -> dict[str, float]:
        """Take steps until there were ``count``; return the last one's numbers."""
        numbers: dict[str, float] = {}
        while self.number < count:
            numbers = self.step()
        return numbers

    def step(self) -> dict[str, float]:
        self.number += 1  # never 0: nothing is logged
        return self.training.step(self.number)


def peer_step(features: Tensor, batch_items: int, hidden: list[int]) -> Callable[[], None]:
    """Return the RQ-VAE step built on vector-quantize-pytorch: the same encoder and decoder, its ResidualVQ between."""
    from vector_quantize_pytorch import ResidualVQ

    widths = [features.shape[1], *hidden, 32]
    encoder, decoder = multilayer_perceptron(widths), multilayer_perceptron(widths[::-1])
    quantizer: Any = ResidualVQ(
        dim=32, num_quantizers=3, codebook_size=256, kmeans_init=True, commitment_weight=0.25, shared_codebook=False
    )
    parameters = [*encoder.parameters(), *quantizer.parameters(), *decoder.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=1e-3, weight_decay=1e-4)

    def step() -> None:
        batch = features[torch.randint(len(features), (batch_items,))]
        quantized, _, commitment = quantizer(encoder(batch)[:, None])
        loss = F.mse_loss(decoder(quantized[:, 0]), batch) + commitment.sum()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    return step


def main() -> None:
    """Print the ratios, on pairs as they are drawn and on a batch in which hardly an item comes twice."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data_path", type=Path, default=None, help="folder of amazon-toys; without it, random items")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--after", type=int, default=400, help="steps taken before; both terms act from 150 on")
    parser.add_argument("--pairs", type=int, default=1024, help="pairs a step, twice as many items")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    features = toys.features(arguments.data_path)
    cases = {"": toys.pairs(arguments.data_path), ", items drawn evenly": toys.pairs(None)}
    for case, pairs in cases.items():
        compare(case, features, pairs, arguments)


def compare(case: str, features: Tensor, pairs: ItemPairs, arguments: argparse.Namespace) -> None:
    steps = {name: Steps(name, features, pairs, arguments) for name in ("adasid", "rqvae")}
    overlap_rate = steps["adasid"].take(arguments.after)["overlap_rate"]
    steps["rqvae"].take(arguments.after)
    ratio, rqvae_s, adasid_s = median_ratio(steps["rqvae"].step, steps["adasid"].step, arguments.rounds)
    drawn = f"{2 * arguments.pairs:,} items, {len(steps['rqvae'].training.sampler.draw().items):,} different"
    detail = f"{1000 * adasid_s:.1f} against {1000 * rqvae_s:.1f} ms, {drawn}, {overlap_rate:.1%} of pairs overlap"
    Measurement(f"AdaSID training step{case}", "our RQ-VAE step", ratio, 1.3, at_least=False, detail=detail).print()
    peer = peer_step(features, 2 * arguments.pairs, read_props("tokenizers.yaml")["encoder_hidden"])
    for name, title in (("rqvae", "RQ-VAE"), ("adasid", "AdaSID")):
        ratio, ours_s, peer_s = median_ratio(steps[name].step, peer, arguments.rounds)
        detail = f"{1000 * ours_s:.1f} against {1000 * peer_s:.1f} ms, {drawn}"
        against = "the RQ-VAE step on vector-quantize-pytorch's ResidualVQ"
        Measurement(f"{title} training step{case}", against, ratio, 1.5, detail=detail).print()


if __name__ == "__main__":
    main()
