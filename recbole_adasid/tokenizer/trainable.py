"""Training of the residual autoencoder: the seven trainable tokenizers differ only in what is plugged in here."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from recbole_adasid.data.swing import ItemPairs
from recbole_adasid.tokenizer.autoencoder import AutoencoderOutput, ResidualAutoencoder
from recbole_adasid.tokenizer.base import ItemTokenizer, LogFunction
from recbole_adasid.tokenizer.contrastive import info_nce
from recbole_adasid.tokenizer.quality import sid_quality
from recbole_adasid.tokenizer.regulation.base import Regulation
from recbole_adasid.tokenizer.revival import CodewordReviver
from recbole_adasid.tokenizer.sampling import PairBatch, PairSampler

INITIALISATION_ROWS = 65_536
"""Items whose latents initialise the codebooks; beyond this k-means gains nothing that training does not undo."""
ENCODING_ROWS = 16_384
"""Items encoded at once: bounds the memory of hidden layers."""


@dataclass(frozen=True)
class TrainingSettings:
    """How long and how fast a trainable tokenizer learns; the paper gives none of these values."""

    steps: int
    batch_pairs: int
    batch_solo_items: int
    learning_rate: float
    weight_decay: float
    temperature: float
    kmeans_iterations: int
    revive_every: int
    log_every: int
    bf16: bool
    seed: int

    def __post_init__(self) -> None:
        """Refuse values that cannot train.

        Raises:
            ValueError: naming the key and the value.
        """
        for name in ("steps", "batch_pairs", "log_every", "learning_rate", "temperature"):
            if getattr(self, name) <= 0:
                raise ValueError(f"tokenizer setting {name} must be above 0, got {getattr(self, name)}")
        for name in ("batch_solo_items", "kmeans_iterations", "revive_every", "weight_decay"):
            if getattr(self, name) < 0:
                raise ValueError(f"tokenizer setting {name} must not be negative, got {getattr(self, name)}")


class AutoencoderTokenizer(ItemTokenizer):
    """A residual autoencoder under a regulation, trained on L of AdaSID Eq. 14.

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

    def fit(
        self,
        features: Tensor,
        pairs: ItemPairs | None,
        *,
        log: LogFunction | None = None,
        progress: bool = False,
    ) -> None:
        """Train on ``features`` [N, d] and ``pairs``; see :meth:`ItemTokenizer.fit`.

        Raises:
            FloatingPointError: if the loss stops being finite.
        """
        generator = torch.Generator().manual_seed(self.settings.seed)
        sampler = PairSampler(
            pairs=pairs,
            n_items=len(features),
            batch_pairs=self.settings.batch_pairs,
            batch_solo_items=self.settings.batch_solo_items,
            generator=generator,
        )
        self._initialise(features, generator)
        self._optimise(features, sampler, generator, log, progress)

    def encode(self, features: Tensor) -> Tensor:
        """Return the Semantic IDs int64 [N, L] of ``features`` [N, d]."""
        chunks = features.split(ENCODING_ROWS)
        return torch.cat([self.autoencoder.quantizer.encode(self.autoencoder.latent(chunk)) for chunk in chunks])

    def decode(self, codes: Tensor) -> Tensor:
        """Return the features [N, d] that the Semantic IDs ``codes`` int64 [N, L] stand for."""
        return self.autoencoder.decode(codes)

    def _initialise(self, features: Tensor, generator: torch.Generator) -> None:
        self.autoencoder.scaler.fit(features)
        rows = torch.randperm(len(features), generator=generator)[:INITIALISATION_ROWS]
        self.autoencoder.quantizer.initialise(
            self.autoencoder.latent(features[rows]),
            iterations=self.settings.kmeans_iterations,
            generator=generator,
        )

    def _optimise(
        self,
        features: Tensor,
        sampler: PairSampler,
        generator: torch.Generator,
        log: LogFunction | None,
        progress: bool,
    ) -> None:
        settings = self.settings
        optimizer = torch.optim.AdamW(
            self.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True
        )
        reviver = CodewordReviver(
            quantizer=self.autoencoder.quantizer,
            optimizer=optimizer,
            every=settings.revive_every,
            generator=generator,
        )
        watch = RepulsionWatch()
        self.train()
        for step in tqdm(range(settings.steps), desc="tokenizer", unit="step", disable=not progress):
            batch = sampler.draw()
            output = self.autoencoder(features[batch.items], bf16=settings.bf16)
            loss, numbers = self._objective(output, batch, step)
            self._check_finite(loss, step)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            # The last step moves nothing: a codeword put down now would never be adapted to.
            revived = reviver.after_step(output.codes, output.residuals) if step + 1 < settings.steps else 0
            watch.note(numbers)
            if log is not None and (step % settings.log_every == 0 or step + 1 == settings.steps):
                log(step, {**numbers, **self._batch_statistics(output, batch.items), "revived": float(revived)})
        self.eval()
        watch.warn_if_idle()

    def _objective(self, output: AutoencoderOutput, batch: PairBatch, step: int) -> tuple[Tensor, dict[str, float]]:
        """Return L of Eq. 14 and its terms."""
        weights = self.regulation.weights(step, self.settings.steps)
        loss = output.reconstruction_loss + output.quantization_loss
        numbers = {"lambda_col": weights.collision, "lambda_cf": weights.collaborative}
        if weights.collision > 0:
            term = self.regulation.collision(output.latent, output.codes, batch.items)
            loss = loss + weights.collision * term.loss
            numbers |= {"collision_loss": float(term.loss.detach()), **term.stats}
        if weights.collaborative > 0 and batch.n_pairs:
            alignment = self._alignment(output, batch)
            loss = loss + weights.collaborative * alignment
            numbers["collaborative_loss"] = float(alignment.detach())
        numbers["reconstruction_loss"] = float(output.reconstruction_loss.detach())
        numbers["quantization_loss"] = float(output.quantization_loss.detach())
        return loss, {**numbers, "loss": float(loss.detach())}

    def _alignment(self, output: AutoencoderOutput, batch: PairBatch) -> Tensor:
        trigger, target = output.quantized[: 2 * batch.n_pairs].chunk(2)
        trigger_items, target_items = batch.items[: 2 * batch.n_pairs].chunk(2)
        return info_nce(trigger, target, trigger_items, target_items, temperature=self.settings.temperature)

    def _batch_statistics(self, output: AutoencoderOutput, items: Tensor) -> dict[str, float]:
        """Return the quality of the Semantic IDs of the batch's distinct items."""
        rows = np.unique(items.cpu().numpy(), return_index=True)[1]
        quality = sid_quality(output.codes.cpu().numpy()[rows], self.codebook_sizes)
        return {f"batch_{name}": value for name, value in quality.items()}

    @staticmethod
    def _check_finite(loss: Tensor, step: int) -> None:
        if not torch.isfinite(loss):
            raise FloatingPointError(
                f"the tokenizer's loss became {loss.item()} at step {step}: lower tokenizer_learning_rate, or check "
                "the item features for extreme values"
            )


class RepulsionWatch:
    """Notice a regulation that is switched on and never pushes anything."""

    def __init__(self) -> None:
        self.observed, self.repelled = 0, 0.0

    def note(self, numbers: dict[str, float]) -> None:
        """Take in one step's numbers."""
        if "repelled_share" in numbers:
            self.observed += 1
            self.repelled += numbers["repelled_share"]

    def warn_if_idle(self) -> None:
        """Warn if overlaps were regulated and none of them ever felt a force."""
        if self.observed and self.repelled == 0:
            warnings.warn(
                "the overlap regulation repelled no pair in the whole training, so it had no effect: every overlap was "
                "relaxed or beyond its margin. Raise relaxation_thresholds, raise collision_margins above "
                "1 - threshold, or set feature_scaling to standardise",
                stacklevel=3,
            )
