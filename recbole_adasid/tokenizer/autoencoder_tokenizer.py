"""The trainable tokenizers: residual autoencoders that differ only in the parts plugged in."""

from __future__ import annotations

import logging
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from recbole_adasid.distributed.world import world
from recbole_adasid.io.atomic import CannotWrite
from recbole_adasid.pairs.item_pairs import ItemPairs
from recbole_adasid.tokenizer.autoencoder import ResidualAutoencoder
from recbole_adasid.tokenizer.base import ItemTokenizer, Keep, LogFunction
from recbole_adasid.tokenizer.regulation.base import Regulation
from recbole_adasid.tokenizer.training.loop import TokenizerTraining, TrainingSettings
from recbole_adasid.tokenizer.training.state import (
    History,
    adopt_state,
    restore_training,
    save_training,
    training_state,
)

logger = logging.getLogger(__name__)

ENCODING_ROWS = 16_384
"""Items encoded at once, to bound the memory of hidden layers."""


class AutoencoderTokenizer(ItemTokenizer):
    """A residual autoencoder with an overlap regulation, trained on L of AdaSID Eq. 14.

    Args:
        autoencoder: encoder, quantizer and decoder.
        regulation: the collision term and the weights of both pairwise terms.
        settings: training schedule.
    """

    def __init__(self, *, autoencoder: ResidualAutoencoder, regulation: Regulation, settings: TrainingSettings) -> None:
        super().__init__()
        self.autoencoder = autoencoder
        self.regulation = regulation
        self.settings = settings

    @property
    def codebook_sizes(self) -> list[int]:
        """K of each level."""
        return self.autoencoder.quantizer.codebook_sizes

    @property
    def width(self) -> int:
        """Columns d of the features."""
        return self.autoencoder.scaler.width

    def fit(
        self,
        features: Tensor,
        pairs: ItemPairs | None,
        *,
        log: LogFunction | None = None,
        progress: bool = False,
        keep: Keep | None = None,
    ) -> None:
        """Train on ``features`` [N, d] and ``pairs``; see :meth:`ItemTokenizer.fit`.

        Ranks that wait for this one, if any, take every step along with it.

        Raises:
            FloatingPointError: if the loss becomes non-finite.
        """
        training = self._training(features, pairs)
        start, history = restore_training(keep.path, training) if keep else (0, [])
        if start == 0:
            self._prepare(training)
        report = log or _silent
        for entry in history:
            report(*entry)
        self.train()
        world().call_others(_train_along, self, features, pairs, training_state(training), start)
        steps = range(start, self.settings.steps)
        for number in tqdm(steps, desc="tokenizer", unit="step", disable=not progress, initial=start, total=steps.stop):
            numbers = training.step(number)
            if number % self.settings.log_every == 0 or number + 1 == steps.stop:
                history.append((number, numbers))
                report(number, numbers)
            if keep and (number + 1) % keep.every == 0 and number + 1 < steps.stop:
                keep = _save(keep, training, number + 1, history)
        self.eval()
        training.watch.warn_if_idle(self.regulation.REMEDY)

    def start_training(self, features: Tensor, pairs: ItemPairs | None) -> TokenizerTraining:
        """Fit the scaler to ``features`` [N, d] and return the training before its first step.

        Also initialises the codebooks on the latent, unless training starts without them.
        """
        training = self._training(features, pairs)
        self._prepare(training)
        return training

    def _training(self, features: Tensor, pairs: ItemPairs | None) -> TokenizerTraining:
        return TokenizerTraining(
            autoencoder=self.autoencoder,
            regulation=self.regulation,
            settings=self.settings,
            features=features,
            pairs=pairs,
            generator=torch.Generator().manual_seed(self.settings.seed),
        )

    def _encode(self, features: Tensor) -> Tensor:
        chunks = features.split(ENCODING_ROWS)
        return torch.cat([self.autoencoder.quantizer.encode(self.autoencoder.latent(chunk)) for chunk in chunks])

    def latent(self, features: Tensor) -> Tensor:
        """Return the encoder's output z [M, D]."""
        return self.autoencoder.latent(features)

    def quantized(self, codes: Tensor) -> Tensor:
        """Return the latents ẑ [M, D] that the Semantic IDs ``codes`` int64 [M, L] stand for."""
        return self.autoencoder.quantizer.decode(codes)

    def decode(self, codes: Tensor) -> Tensor:
        """Return the features [N, d] that the Semantic IDs ``codes`` int64 [N, L] stand for."""
        return self.autoencoder.decode(codes)

    def _prepare(self, training: TokenizerTraining) -> None:
        self.autoencoder.scaler.fit(training.features)
        if training.start.step == 0:
            training.start_codebooks()


def _train_along(
    tokenizer: AutoencoderTokenizer, features: Tensor, pairs: ItemPairs | None, state: tuple[Any, Any], start: int
) -> None:
    """Take the steps of rank 0's training on another rank."""
    training = tokenizer._training(features, pairs)
    adopt_state(training, *state)
    for number in range(start, tokenizer.settings.steps):
        training.step(number)


def _save(keep: Keep, training: TokenizerTraining, next_step: int, history: History) -> Keep | None:
    """Save the training and return ``keep``, or None with a warning if the disk is full."""
    try:
        save_training(keep.path, training, next_step=next_step, history=history)
    except CannotWrite as error:
        logger.warning("Training continues without saving its state: %s.", error)
        return None
    return keep


def _silent(step: int, numbers: dict[str, float]) -> None:
    """Log nothing."""
