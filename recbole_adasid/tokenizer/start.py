"""Where a trainable tokenizer starts: when its codebooks are put on the latent, and on what latent."""

from __future__ import annotations

import torch
from torch import Tensor

from recbole_adasid.tokenizer.autoencoder import ResidualAutoencoder

LARGEST_SHARE = 0.1
"""Of a training that may pass without codebooks: short ones would have no steps left for them."""
INITIALISATION_ROWS = 65_536
"""Items whose latents initialise the codebooks; beyond this k-means gains nothing that training does not undo."""


class CodebookStart:
    """Put the codebooks on the latent before the first step, or after some steps of encoder and decoder alone.

    Weights as they are drawn map all items to nearly one short vector. Codebooks that k-means puts there are left
    behind as soon as the encoder moves, and a large commitment error before the decoder has learnt anything draws the
    encoder onto few of them. After some steps without codebooks the latent tells items apart. It is then centred and
    scaled, because without codebooks nothing keeps it short.

    Args:
        quantize_from: step of ``steps`` before which the codebooks are put there, if that is within the first tenth.
        latent_scale: root mean square of the latent's columns then; at step 0 the latent is taken as it is.
        kmeans_iterations: of each level at most.
    """

    def __init__(self, *, quantize_from: int, steps: int, latent_scale: float, kmeans_iterations: int) -> None:
        self.step = min(quantize_from, int(LARGEST_SHARE * steps))
        self.latent_scale, self.kmeans_iterations = latent_scale, kmeans_iterations

    def learning_rate_factor(self, step: int) -> float:
        """Return by what the learning rate is multiplied at ``step``: it rises over as many steps again.

        Scaled layers and new codebooks take a fresh optimiser, whose first steps are as long as any whatever the
        gradient: at the full rate a single one of them undoes the start.
        """
        return min(1.0, (step - self.step + 1) / self.step) if step >= self.step > 0 else 1.0

    def __call__(self, autoencoder: ResidualAutoencoder, features: Tensor, generator: torch.Generator) -> None:
        """Put the codebooks on the latent of ``features`` [N, d].

        Raises:
            FloatingPointError: if the steps before left a latent that is not finite.
        """
        sample = features[torch.randperm(len(features), generator=generator)[:INITIALISATION_ROWS]]
        if self.step > 0:
            if not autoencoder.latent(sample).isfinite().all():
                raise FloatingPointError(
                    f"the tokenizer's latent is not finite at step {self.step}: lower tokenizer_learning_rate, set "
                    "tokenizer_bf16 to false, or check the item features for extreme values"
                )
            autoencoder.normalise_latent(sample, scale=self.latent_scale)
        autoencoder.quantizer.initialise(
            autoencoder.latent(sample), iterations=self.kmeans_iterations, generator=generator
        )
