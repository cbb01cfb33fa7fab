"""Reviving dead codewords: those unused for a while are moved onto current residuals."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from recbole_adasid.tokenizer.quantizer.base import LevelQuantizer
from recbole_adasid.tokenizer.quantizer.residual import ResidualQuantizer


class CodewordReviver:
    """Count how often codewords are chosen and move the unused ones onto random residuals of the current batch.

    Args:
        quantizer: owns the codebooks.
        optimizer: its moments of a moved codeword are reset, as they belong to the old position.
        every: steps between two revivals; a codeword unused for the whole window is dead. 0 disables it.
        generator: source of randomness.
    """

    def __init__(
        self, *, quantizer: ResidualQuantizer, optimizer: Optimizer, every: int, generator: torch.Generator
    ) -> None:
        self.quantizer, self.optimizer = quantizer, optimizer
        self.every, self.generator = every, generator
        self.usage = [torch.zeros(size, dtype=torch.int64) for size in quantizer.codebook_sizes]
        self.steps = 0

    def after_step(self, codes: Tensor, residuals: Tensor) -> int:
        """Record one step's ``codes`` [M, L] and, at the end of a window, revive; return how many were revived.

        ``residuals`` [L, M, D] are what the levels quantised at this step.
        """
        if self.every == 0:
            return 0
        for level, usage in enumerate(self.usage):
            usage += torch.bincount(codes[:, level].cpu(), minlength=len(usage))
        self.steps += 1
        if self.steps % self.every:
            return 0
        return sum(self._revive(level, residuals[level]) for level in range(len(self.usage)))

    def _revive(self, level: int, residuals: Tensor) -> int:
        dead = (self.usage[level] == 0).nonzero().squeeze(1)
        self.usage[level].zero_()
        # A healthy batch never has more dead codewords than residuals; any surplus waits for the next window.
        chosen = torch.randperm(len(residuals), generator=self.generator)[: len(dead)]
        dead = dead[: len(chosen)]
        quantizer = self.quantizer.quantizers()[level]
        if not quantizer.revivable:
            return 0
        quantizer.set_codewords(dead, residuals[chosen])
        for parameter in _with_codewords(quantizer):
            for moment in self.optimizer.state.get(parameter, {}).values():
                if moment.shape == parameter.shape:  # the count of steps is no moment
                    moment[dead] = 0
        return len(dead)


def _with_codewords(quantizer: LevelQuantizer) -> list[nn.Parameter]:
    """Return the parameters with one row per codeword: the named one, or else all of as many rows."""
    known = dict(quantizer.named_parameters())
    if quantizer.CODEWORDS in known:
        return [known[quantizer.CODEWORDS]]
    return [one for one in known.values() if one.ndim and len(one) == quantizer.n_codewords]
