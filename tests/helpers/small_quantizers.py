"""Small residual quantizers of every kind."""

from __future__ import annotations

import torch

from recbole_adasid.tokenizer.quantizer import QUANTIZERS, ResidualQuantizer

DIM = 6


def build(kind: str) -> ResidualQuantizer:
    torch.manual_seed(1)
    extra = {"lookup_dim": 4} if kind == "cosine" else {}
    levels = [QUANTIZERS[kind](n_codewords=k, dim=DIM, level=i, **extra) for i, k in enumerate((5, 7, 4))]
    return ResidualQuantizer(levels=levels, commitment=0.25)
