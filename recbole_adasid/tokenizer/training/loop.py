"""One step of the training loop: draw a batch, compute L of AdaSID Eq. 14, descend, revive dead codewords."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import torch
from torch import Tensor

from recbole_adasid.compute.gradient_norm import gradient_norm
from recbole_adasid.distributed.world import world
from recbole_adasid.pairs.item_pairs import ItemPairs
from recbole_adasid.settings.errors import check_name
from recbole_adasid.tokenizer.autoencoder import AutoencoderOutput, ResidualAutoencoder
from recbole_adasid.tokenizer.quality import sid_quality
from recbole_adasid.tokenizer.regulation.base import Regulation
from recbole_adasid.tokenizer.training.contrastive import info_nce
from recbole_adasid.tokenizer.training.dead_codes import CodewordReviver
from recbole_adasid.tokenizer.training.sampling import KnownPairs, PairBatch, PairSampler
from recbole_adasid.tokenizer.training.start import CodebookStart

CONTRASTIVE_SPACES = ("quantized", "latent")
NEGATIVES = ("batch", "unpaired")
DRAWS = ("auto", "pairs")


@dataclass(frozen=True)
class TrainingSettings:
    """How long and how fast a trainable tokenizer learns; none of these values are in the paper."""

    steps: int
    batch_pairs: int
    batch_solo_items: int
    draw: str
    pair_draw_power: float
    learning_rate: float
    weight_decay: float
    temperature: float
    contrastive_space: str
    contrastive_negatives: str
    kmeans_iterations: int
    quantize_from: int
    latent_scale: float
    revive_every: int
    log_every: int
    bf16: bool
    seed: int

    def __post_init__(self) -> None:
        """Refuse values that cannot train.

        Raises:
            ValueError: naming the key and the value.
        """
        check_name("contrastive_space", self.contrastive_space, CONTRASTIVE_SPACES)
        check_name("contrastive_negatives", self.contrastive_negatives, NEGATIVES)
        check_name("tokenizer_draw", self.draw, DRAWS)
        for name in ("steps", "batch_pairs", "log_every", "learning_rate", "temperature", "latent_scale"):
            if getattr(self, name) <= 0:
                raise ValueError(f"tokenizer setting {name} must be above 0, got {getattr(self, name)}")
        for name in (
            "batch_solo_items",
            "pair_draw_power",
            "kmeans_iterations",
            "quantize_from",
            "revive_every",
            "weight_decay",
        ):
            if getattr(self, name) < 0:
                raise ValueError(f"tokenizer setting {name} must not be negative, got {getattr(self, name)}")


class TokenizerTraining:
    """Step-by-step training of a residual autoencoder with an overlap regulation.

    Args:
        autoencoder: the model to train, its codebooks initialised.
        regulation: the collision term and the weights of both pairwise terms.
        settings: schedule.
        features: float32 [N, d].
        pairs: collaborative pairs, or None.
        generator: source of randomness for batches and revivals.
    """

    def __init__(
        self,
        *,
        autoencoder: ResidualAutoencoder,
        regulation: Regulation,
        settings: TrainingSettings,
        features: Tensor,
        pairs: ItemPairs | None,
        generator: torch.Generator,
    ) -> None:
        self.autoencoder, self.regulation, self.settings, self.features = autoencoder, regulation, settings, features
        self.generator = generator
        self.sampler = PairSampler(
            pairs=pairs if regulation.aligns_pairs or settings.draw == "pairs" else None,
            n_items=len(features),
            batch_pairs=settings.batch_pairs,
            batch_solo_items=settings.batch_solo_items,
            generator=generator,
            weight_power=settings.pair_draw_power,
        )
        self.known_pairs: KnownPairs | None = None
        if settings.contrastive_negatives == "unpaired" and pairs is not None and len(pairs):
            self.known_pairs = KnownPairs(pairs, n_items=len(features))
        self.optimizer = torch.optim.AdamW(
            autoencoder.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True
        )
        self.reviver = CodewordReviver(
            quantizer=autoencoder.quantizer,
            optimizer=self.optimizer,
            every=settings.revive_every,
            generator=generator,
        )
        self.start = CodebookStart(
            quantize_from=settings.quantize_from,
            steps=settings.steps,
            latent_scale=settings.latent_scale,
            kmeans_iterations=settings.kmeans_iterations,
        )
        self.watch = RepulsionWatch()

    def start_codebooks(self) -> None:
        """Initialise the codebooks on the current latent of all items."""
        self.start(self.autoencoder, self.features, self.generator)

    def step(self, number: int) -> dict[str, float]:
        """Take step ``number`` (0-based); return the terms of the objective, plus statistics every ``log_every`` steps.

        Raises:
            FloatingPointError: for a non-finite loss or gradient; the parameters are left unchanged.
        """
        if number < self.start.step:
            return self._step_without_codebooks(number)
        if number == self.start.step > 0:
            self._adopt_codebooks(*world().from_main(self._codebooks_of_main))
        batch = self.sampler.draw()
        share = world().share(len(batch.items), batch.counts)
        features = self.features.index_select(0, share.of(batch.items))
        output = self.autoencoder(features, share.of(batch.counts), bf16=self.settings.bf16).of_batch(share)
        loss, numbers = self._objective(output, batch, number)
        self._descend(loss, number)
        last = number + 1 == self.settings.steps
        # Not at the last step: a codeword moved now would never be trained.
        revived = 0 if last else self.reviver.after_step(output.codes, output.residuals)
        self.watch.note(numbers)
        if number % self.settings.log_every == 0 or last:
            numbers |= {**self._batch_statistics(output), "revived": float(revived)}
        return numbers

    def _codebooks_of_main(self) -> tuple[dict[str, Tensor], Tensor]:
        self.start_codebooks()
        return self.autoencoder.state_dict(), self.generator.get_state()

    def _adopt_codebooks(self, parameters: dict[str, Tensor], random_state: Tensor) -> None:
        self.autoencoder.load_state_dict(parameters)
        self.generator.set_state(random_state)
        self.optimizer.state.clear()  # it belongs to the layers before rescaling

    def _step_without_codebooks(self, number: int) -> dict[str, float]:
        """Descend on the terms that need no Semantic IDs: reconstruction, and alignment if it acts on latents."""
        batch = self.sampler.draw()
        share = world().share(len(batch.items), batch.counts)
        features = self.features.index_select(0, share.of(batch.items))
        latent, own_loss = self.autoencoder.unquantized(features, share.of(batch.counts), bf16=self.settings.bf16)
        loss = share.mean(own_loss.unsqueeze(0)).squeeze(0)
        numbers = {"reconstruction_loss": float(loss.detach())}
        weight = self.regulation.weights(number, self.settings.steps).collaborative
        if weight > 0 and len(batch.trigger) and self.settings.contrastive_space == "latent":
            (vectors,) = share.gather(latent)
            alignment = self._alignment(vectors, batch)
            loss = loss + weight * alignment
            numbers |= {"lambda_cf": weight, "collaborative_loss": float(alignment.detach())}
        self._descend(loss, number)
        return {**numbers, "loss": float(loss.detach())}

    def _descend(self, loss: Tensor, number: int) -> None:
        _check_finite("loss", loss, number)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        world().sum_gradients(self.autoencoder.parameters())
        _check_finite("gradient's norm", gradient_norm(self.autoencoder.parameters()), number)
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.learning_rate * self.start.learning_rate_factor(number)
        self.optimizer.step()

    def _objective(self, output: AutoencoderOutput, batch: PairBatch, step: int) -> tuple[Tensor, dict[str, float]]:
        """Return L of Eq. 14 and its terms."""
        weights = self.regulation.weights(step, self.settings.steps)
        loss = output.reconstruction_loss + output.quantization_loss
        numbers = {"lambda_col": weights.collision, "lambda_cf": weights.collaborative}
        if weights.collision > 0:
            features = self._scaled(batch.items) if self.regulation.compares_features else None
            term = self.regulation.collision(output.latent, output.codes, batch, features)
            loss = loss + weights.collision * term.loss
            numbers |= {"collision_loss": float(term.loss.detach()), **term.stats}
        if weights.collaborative > 0 and len(batch.trigger):
            quantized = self.settings.contrastive_space == "quantized"
            alignment = self._alignment(output.quantized if quantized else output.latent, batch)
            loss = loss + weights.collaborative * alignment
            numbers["collaborative_loss"] = float(alignment.detach())
        numbers["reconstruction_loss"] = float(output.reconstruction_loss.detach())
        numbers["quantization_loss"] = float(output.quantization_loss.detach())
        return loss, {**numbers, "loss": float(loss.detach())}

    def _alignment(self, vectors: Tensor, batch: PairBatch) -> Tensor:
        spared = self.known_pairs.among(batch) if self.known_pairs else None
        return info_nce(vectors, batch.trigger, batch.target, temperature=self.settings.temperature, spared=spared)

    @torch.no_grad()
    def _scaled(self, items: Tensor) -> Tensor:
        return self.autoencoder.scaler(self.features.index_select(0, items))

    def _batch_statistics(self, output: AutoencoderOutput) -> dict[str, float]:
        """Return the quality of the Semantic IDs of the batch's distinct items."""
        quality = sid_quality(output.codes.cpu().numpy(), self.autoencoder.quantizer.codebook_sizes)
        return {f"batch_{name}": value for name, value in quality.items()}


def _check_finite(what: str, value: Tensor, step: int) -> None:
    if not torch.isfinite(value):
        raise FloatingPointError(
            f"the tokenizer's {what} became {value.item()} at step {step}: lower tokenizer_learning_rate, set "
            "tokenizer_bf16 to false, or check the item features for extreme values"
        )


class RepulsionWatch:
    """Detects a regulation that is enabled but never repels anything."""

    def __init__(self) -> None:
        self.observed, self.repelled = 0, 0.0

    def note(self, numbers: dict[str, float]) -> None:
        """Record one step's numbers."""
        if "repelled_share" in numbers:
            self.observed += 1
            self.repelled += numbers["repelled_share"]

    def warn_if_idle(self, remedy: str) -> None:
        """Warn if overlaps were regulated but none was ever repelled; ``remedy`` says what to do."""
        if self.observed and self.repelled == 0:
            warnings.warn(
                "The overlap regulation repelled no pair during training, so it had no effect: no overlapping "
                f"pair was within its reach. {remedy}",
                stacklevel=3,
            )
