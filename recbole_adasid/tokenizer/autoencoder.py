"""Encoder · residual quantizer · decoder (AdaSID Eq. 1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from recbole_adasid.distributed.world import Share
from recbole_adasid.settings.errors import check_name
from recbole_adasid.tokenizer.losses import mean_of_draws, squared_error
from recbole_adasid.tokenizer.quantizer.residual import ResidualQuantizer
from recbole_adasid.tokenizer.scaling import FeatureScaler

REDUCTIONS = ("mean", "sum")


def multilayer_perceptron(widths: Sequence[int]) -> nn.Sequential:
    """Return linear layers of the given widths with ReLU between them and none at the end."""
    layers: list[nn.Module] = []
    for inner, outer in zip(widths[:-1], widths[1:]):
        layers += [nn.Linear(inner, outer), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers[:-1])


class AutoencoderOutput(NamedTuple):
    """Result of one forward pass."""

    latent: Tensor
    """z [M, D]."""
    quantized: Tensor
    """ẑ [M, D], with the estimator's gradient."""
    codes: Tensor
    """int64 [M, L]."""
    residuals: Tensor
    """[L, M, D], detached."""
    reconstruction_loss: Tensor
    """L_rec, scalar."""
    quantization_loss: Tensor
    """L_rq, scalar."""

    def of_batch(self, share: Share) -> AutoencoderOutput:
        """Gather the whole batch's output from each rank's share of its rows."""
        latent, quantized, codes, residuals = share.gather(
            self.latent, self.quantized, self.codes, self.residuals.transpose(0, 1)
        )
        losses = share.mean(torch.stack([self.reconstruction_loss, self.quantization_loss]))
        return AutoencoderOutput(latent, quantized, codes, residuals.transpose(0, 1), *losses)


class ResidualAutoencoder(nn.Module):
    """f_θ, Q and h_φ of AdaSID Eq. 1, with L_rec as squared error.

    Args:
        scaler: centres and scales the features.
        encoder: [B, d] → [B, D]; its last layer is linear.
        quantizer: codes the latent.
        decoder: [B, D] → [B, d]; its first layer is linear.
        reconstruction_reduction: ``mean`` or ``sum`` over the d columns (not specified in the paper).

    Raises:
        ValueError: for an unknown reduction.
    """

    def __init__(
        self,
        *,
        scaler: FeatureScaler,
        encoder: nn.Sequential,
        quantizer: ResidualQuantizer,
        decoder: nn.Sequential,
        reconstruction_reduction: str = "mean",
    ) -> None:
        super().__init__()
        check_name("reconstruction_reduction", reconstruction_reduction, REDUCTIONS)
        self.scaler = scaler
        self.encoder = encoder
        self.quantizer = quantizer
        self.decoder = decoder
        self.reconstruction_reduction = reconstruction_reduction

    def forward(self, features: Tensor, counts: Tensor | None = None, *, bf16: bool = False) -> AutoencoderOutput:
        """Run ``features`` [M, d]; ``counts`` [M] weights each row in the losses, None: all 1.

        With ``bf16``, the matrix products of encoder and decoder run in bfloat16.
        """
        scaled = self.scaler(features)
        latent = self._through(self.encoder, scaled, bf16)
        quantization = self.quantizer(latent, counts)
        return AutoencoderOutput(
            latent=latent,
            quantized=quantization.quantized,
            codes=quantization.codes,
            residuals=quantization.residuals,
            reconstruction_loss=self._reconstruction_loss(quantization.quantized, scaled, counts, bf16),
            quantization_loss=quantization.loss,
        )

    def unquantized(
        self, features: Tensor, counts: Tensor | None = None, *, bf16: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Return z [M, D] of ``features`` [M, d] and L_rec decoded from z directly, bypassing the codebooks."""
        scaled = self.scaler(features)
        latent = self._through(self.encoder, scaled, bf16)
        return latent, self._reconstruction_loss(latent, scaled, counts, bf16)

    @torch.no_grad()
    def normalise_latent(self, features: Tensor, *, scale: float) -> None:
        """Centre the latent of ``features`` [N, d] and scale its columns to the root mean square ``scale``.

        The encoder's last and the decoder's first layer absorb the change, so the decoded output stays the same.
        """
        latent = self.latent(features)
        mean = latent.mean(dim=0)
        spread = (latent - mean).square().mean().sqrt()
        apart = spread > 1e-6 * latent.abs().max()  # differences from rounding do not count
        factor = scale / spread if apart else torch.ones(())
        last, first = self.encoder[-1], self.decoder[0]
        assert isinstance(last, nn.Linear) and isinstance(first, nn.Linear)
        first.bias.add_(first.weight @ mean)
        first.weight.div_(factor)
        last.bias.sub_(mean).mul_(factor)
        last.weight.mul_(factor)

    def _reconstruction_loss(self, latent: Tensor, scaled: Tensor, counts: Tensor | None, bf16: bool) -> Tensor:
        error = squared_error(self._through(self.decoder, latent, bf16), scaled)
        return mean_of_draws(error, counts) * (scaled.shape[1] if self.reconstruction_reduction == "sum" else 1)

    @staticmethod
    def _through(layers: nn.Module, rows: Tensor, bf16: bool) -> Tensor:
        with torch.autocast(rows.device.type, dtype=torch.bfloat16, enabled=bf16):
            return layers(rows).float()

    @torch.no_grad()
    def latent(self, features: Tensor) -> Tensor:
        """Return z [B, D] of ``features`` [B, d] in full precision."""
        return self.encoder(self.scaler(features))

    @torch.no_grad()
    def decode(self, codes: Tensor) -> Tensor:
        """Return the reconstruction [B, d], in the original feature scale, of ``codes`` int64 [B, L]."""
        return self.decoder(self.quantizer.decode(codes)) * self.scaler.scale + self.scaler.mean
