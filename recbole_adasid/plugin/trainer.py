"""Train TIGER within RecBole's trainer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from recbole.utils import dict2str, early_stopping, set_color
from tqdm import tqdm

from recbole_adasid.compute.allocator import keep_freed_memory
from recbole_adasid.compute.gradient_norm import gradient_norm
from recbole_adasid.compute.precision import has_bfloat16
from recbole_adasid.data.histories import SequenceBatches, Sequences
from recbole_adasid.distributed.world import Share, world
from recbole_adasid.model.averaging import average_weights, swap_weights
from recbole_adasid.model.optimiser import adamw, learning_rate_factor, parameter_groups
from recbole_adasid.plugin.config_values import plain_config
from recbole_adasid.plugin.datasets.batches import LengthBuckets
from recbole_adasid.plugin.item_evaluator import ItemEvaluator
from recbole_adasid.plugin.training_state import adopt_from_main, restore_training, save_training
from recbole_adasid.run_folder.model_file import check_before_training, read_model, save_model


class TIGERTrainer(ItemEvaluator):
    """RecBole's trainer with length-bucketed batches, warm-up and cosine, bfloat16 and evaluation by top-k items."""

    best_valid_score: float
    cur_step: int

    def __init__(self, config: Any, model: Any) -> None:
        """Prepare training of `model`, saved to the run folder if there is one."""
        super().__init__(config, model)
        self.bfloat16 = bool(config["bf16"]) and has_bfloat16(torch.device(config["device"]))
        self.gradient_limit = _gradient_limit(config["clip_grad_norm"])
        self._kept: tuple[Path, tuple[str, ...]] | None = None
        self._sequences: Sequences | None = None

    def _build_optimizer(self, **kwargs: Any) -> torch.optim.Optimizer:
        if str(self.learner).lower() == "adamw" and not kwargs:
            return adamw(self.model, learning_rate=self.learning_rate, weight_decay=self.weight_decay)
        given = {"weight_decay": self.weight_decay, **kwargs}
        given.setdefault("params", parameter_groups(self.model, given["weight_decay"]))
        return super()._build_optimizer(**given)

    def keep_training(self, path: Path, keys: tuple[str, ...]) -> None:
        """Let `fit` save its state at `path` after every epoch, and resume from it.

        Args:
            keys: fingerprints of all settings and data that training depends on: the first is saved, a state with
                none of them is ignored.
        """
        self._kept = path, keys

    def check_before_training(self) -> None:
        """Check that the model's file will be readable, so that no training is lost.

        Raises:
            SettingsError: naming the setting, size or weight that reading would refuse.
        """
        check_before_training(self, Path(self.saved_model_file), config=plain_config(self.config))

    def fit(
        self,
        train_data: Any,
        valid_data: Any = None,
        verbose: bool = True,
        saved: bool = True,
        show_progress: bool = False,
        callback_fn: Callable[[int, float], None] | None = None,
    ) -> tuple[float, dict[str, float] | None]:
        """Train, validate every `eval_step` epochs and after the last, and keep the best epoch's model.

        Arguments and result as in RecBole's trainer: the best validation score and all its metrics.
        """
        if saved:
            self.check_before_training()
        if self.device.type == "cpu":
            keep_freed_memory()
        self.eval_collector.data_collect(train_data)
        if world().is_main and self._kept and restore_training(self._kept[0], self, self._kept[1]):
            self.logger.info(f"Resuming training after {self.start_epoch} epochs.")
        adopt_from_main(self)
        for epoch in range(self.start_epoch, self.epochs):
            stop = False
            start = time.perf_counter()
            self.train_loss_dict[epoch] = self._train_epoch(train_data, epoch, show_progress=show_progress)
            self._report_training(epoch, time.perf_counter() - start, len(train_data._dataset), verbose)
            if not valid_data or self.eval_step <= 0:
                with self._mean_weights():
                    if saved:
                        self._save_checkpoint(epoch, verbose=False)
            elif (epoch + 1) % self.eval_step == 0 or epoch + 1 == self.epochs:
                with self._mean_weights():
                    score, stop = self._validate(epoch, valid_data, verbose, saved, show_progress)
                if callback_fn:
                    callback_fn(epoch, score)
            if self._kept and world().is_main:
                save_training(self._kept[0], self, self._kept[1][0], next_epoch=self.epochs if stop else epoch + 1)
            if stop:
                self.logger.info(f"Early stopping: no improvement in {self.cur_step} validations.")
                break
        swap_weights(self.optimizer)  # leave the model with the same weights as the saved one
        self.tensorboard.flush()
        return self.best_valid_score, self.best_valid_result

    def _train_epoch(
        self, train_data: Any, epoch_idx: int, loss_func: Any = None, show_progress: bool = False
    ) -> float:
        """Train on every example once and return the mean loss per example."""
        self.model.train()
        world().seed_own(self.config["seed"], epoch_idx)
        buckets = self._batches(train_data, epoch_idx)
        total, seen = torch.zeros((), device=self.device), 0
        bar = tqdm(buckets, desc=set_color(f"Train {epoch_idx:>5}", "pink"), ncols=100, disable=not show_progress)
        for number, rows in enumerate(bar):
            step, steps = epoch_idx * len(buckets) + number, self.epochs * len(buckets)
            self._set_learning_rate(step, steps)
            loss, examples = self._train_batch(train_data, rows)
            if share := self.config["averaging_fraction"]:
                average_weights(self.optimizer, step, horizon=share * steps)
            total += loss * examples
            seen += examples
            if number % 50 == 0:  # reading a number synchronises the GPU
                self._check_finite(total, epoch_idx, number)
                bar.set_postfix_str(f"loss {total.item() / seen:.4f}")
        self._check_finite(total, epoch_idx, len(buckets) - 1)
        return total.item() / seen

    @contextmanager
    def _mean_weights(self) -> Iterator[None]:
        """Give the model its averaged weights, if it averages them, instead of the last ones."""
        swap_weights(self.optimizer)
        try:
            yield
        finally:
            swap_weights(self.optimizer)

    def _check_finite(self, total: torch.Tensor, epoch: int, batch: int) -> None:
        """Stop before saving anything affected by a non-finite loss or gradient.

        Raises:
            FloatingPointError: naming the epoch, and what is still intact.
        """
        if not torch.isfinite(total):
            raise FloatingPointError(
                f"non-finite loss or gradient of TIGER in epoch {epoch}, at batch {batch} or shortly before: "
                "lower learning_rate, set clip_grad_norm, or set bf16 to false; what earlier epochs saved is intact"
            )

    def _batches(self, train_data: Any, epoch: int) -> LengthBuckets | SequenceBatches:
        order = {"batch_size": train_data.step, "seed": self.config["seed"], "epoch": epoch}
        if not self.model.one_pass:
            return LengthBuckets(train_data._dataset.history_lengths(), **order)
        if self._sequences is None:
            self._sequences = train_data._dataset.sequences()
        return SequenceBatches(self._sequences, longest=self.config["MAX_ITEM_LIST_LENGTH"], **order)

    def _train_batch(self, train_data: Any, batch: Any) -> tuple[torch.Tensor, int]:
        """Take a step on a batch of rows or sequences; return the mean loss and the number of examples."""
        if not self.model.one_pass:
            share = world().share(len(batch))
            interaction = train_data.collate_fn(share.of(batch))
            return self._step(interaction.to(self.device), share, self.model.calculate_loss), len(batch)
        share = world().share(len(batch), torch.from_numpy(batch.predicted))
        interaction = train_data._dataset.sequence_batch(share.of(batch))
        loss = self._step(interaction.to(self.device), share, self.model.sequence_loss)
        return loss, int(batch.predicted.sum())

    def _step(self, interaction: Any, share: Share, loss_func: Callable[[Any], torch.Tensor]) -> torch.Tensor:
        """Take a step on a share of a batch and return its loss, or NaN if its gradient is not finite."""
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.bfloat16):
            loss = share.mean(loss_func(interaction))
        loss.backward()
        world().sum_gradients(self.model.parameters())
        if self.gradient_limit:
            norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), **self.gradient_limit)
        else:
            norm = gradient_norm(self.model.parameters())
        self.optimizer.step()
        return torch.where(norm.isfinite(), loss.detach(), torch.nan)  # read only now and then: a GPU need not wait

    def _set_learning_rate(self, step: int, total_steps: int) -> None:
        warmup = self.config["warmup_fraction"]
        factor = learning_rate_factor(step, total_steps=total_steps, warmup_fraction=warmup)
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate * factor

    def _report_training(self, epoch: int, seconds: float, examples: int, verbose: bool) -> None:
        loss, rate = self.train_loss_dict[epoch], examples / seconds
        if verbose:
            self.logger.info(
                set_color(f"epoch {epoch} training", "green")
                + f" [time: {seconds:.2f}s, train loss: {loss:.4f}, examples/s: {rate:.0f}]"
            )
        self.tensorboard.add_scalar("train/loss", loss, epoch)
        self.tensorboard.add_scalar("train/learning_rate", self.optimizer.param_groups[0]["lr"], epoch)
        self.tensorboard.add_scalar("train/examples_per_second", rate, epoch)

    def _validate(
        self, epoch: int, valid_data: Any, verbose: bool, saved: bool, show_progress: bool
    ) -> tuple[float, bool]:
        """Return the score of an epoch and whether to stop training; save the model if it is the best."""
        start = time.perf_counter()
        score, result = self._valid_epoch(valid_data, show_progress=show_progress)
        self.best_valid_score, self.cur_step, stop, better = early_stopping(
            score, self.best_valid_score, self.cur_step, max_step=self.stopping_step, bigger=self.valid_metric_bigger
        )
        if verbose:
            seconds = time.perf_counter() - start
            self.logger.info(
                set_color(f"epoch {epoch} evaluating", "green")
                + f" [time: {seconds:.2f}s, {self.valid_metric}: {score:f}]"
            )
            self.logger.info(set_color("valid result", "blue") + ": \n" + dict2str(result))
        self._note_validation(epoch, result)
        if better:
            self.best_valid_result, self.best_valid_record = result, self.record.take()
            if saved:
                self._save_checkpoint(epoch, verbose=verbose)
        return score, stop

    def resume_checkpoint(self, resume_file: str | Path) -> None:
        """Let `fit` resume after the epoch of a saved model.

        Raises:
            FileNotFoundError, DamagedFile: if the file is missing, damaged or of another model.
        """
        if world().is_main:  # the others adopt its state in `fit`
            read_model(Path(resume_file)).resume(self)
            swap_weights(self.optimizer)  # the model's file has the averaged weights
        self.saved_model_file = str(resume_file)
        self.logger.info(f"Resuming training after epoch {self.start_epoch - 1} of {resume_file}")

    def _save_checkpoint(self, epoch: int, verbose: bool = True, **kwargs: Any) -> None:
        if not world().is_main:
            return
        path = Path(kwargs.get("saved_model_file", self.saved_model_file))
        save_model(self, path, config=plain_config(self.config), epoch=epoch)
        if verbose:
            self.logger.info(f"Saved the model of epoch {epoch} to {path}")


def _gradient_limit(setting: Any) -> dict[str, Any]:
    """Return the arguments of `clip_grad_norm_`: RecBole takes them as a dict; a number is the limit itself."""
    if not setting:
        return {}
    return dict(setting) if isinstance(setting, dict) else {"max_norm": float(setting)}
