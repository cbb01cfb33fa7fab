"""How a trainable tokenizer starts: when its codebooks are initialised, and on what latent."""

from __future__ import annotations

import torch
from torch import Tensor

from recbole_adasid.tokenizer.autoencoder import ResidualAutoencoder

LARGEST_SHARE = 0.1
"""Maximum share of training without codebooks: short runs would have too few steps left for them."""
INITIALISATION_ROWS = 65_536
"""Items whose latents initialise the codebooks; k-means on more gains nothing that survives training."""


class CodebookStart:
    """Initialise the codebooks on the latent before the first step, or after some steps of encoder and decoder alone.

    Freshly drawn weights map all items to nearly the same short vector. Codebooks that k-means puts there are left
    behind as soon as the encoder moves, and a large commitment error before the decoder has learnt anything collapses
    the encoder onto few of them. After some steps without codebooks, the latent separates items. It is then centred
    and scaled, because without codebooks nothing keeps it short.

    Args:
        quantize_from: step before which the codebooks are initialised, capped at a tenth of ``steps``.
        latent_scale: root mean square of the latent's columns then; at step 0 the latent is not scaled.
        kmeans_iterations: maximum per level.
    """

    def __init__(self, *, quantize_from: int, steps: int, latent_scale: float, kmeans_iterations: int) -> None:
        self.step = min(quantize_from, int(LARGEST_SHARE * steps))
        self.latent_scale, self.kmeans_iterations = latent_scale, kmeans_iterations

    def learning_rate_factor(self, step: int) -> float:
        """Return the learning-rate multiplier at ``step``: warm-up over as many steps again.

        Rescaled layers and new codebooks need a fresh optimiser, whose first steps have full length whatever the
        gradient: at the full rate a single one would undo the start.
        """
        return min(1.0, (step - self.step + 1) / self.step) if step >= self.step > 0 else 1.0

    def __call__(self, autoencoder: ResidualAutoencoder, features: Tensor, generator: torch.Generator) -> None:
        """Initialise the codebooks on the latent of ``features`` [N, d].

        Raises:
            FloatingPointError: if the latent is non-finite after the steps so far.
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
