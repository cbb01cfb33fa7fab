"""RecBole's trainers with TIGER's evaluation: recommended items, exact metrics and ranks of held-out items."""

from __future__ import annotations

import warnings
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from recbole.utils import calculate_valid_score, get_trainer

from recbole_adasid.compute.allocator import keep_freed_memory
from recbole_adasid.evaluation.full_ranking import first_places
from recbole_adasid.evaluation.record import EvaluationRecord
from recbole_adasid.plugin.item_evaluator import ExactEvaluator
from recbole_adasid.plugin.sampled_candidates import best_candidates, one_row_per_user

MODEL_FILE = "model.pth"
"""File in the run folder: the best epoch's model, in RecBole's format."""


def peer_trainer(config: Any, model: Any) -> Any:
    """Return RecBole's own trainer for one of its models, with TIGER's evaluation."""
    kind = get_trainer(config["MODEL_TYPE"], config["model"])
    return type(kind.__name__, (MeasuredTrainer, kind), {})(config, model)


class MeasuredTrainer(ExactEvaluator):
    """Overrides of a RecBole trainer; its training is unchanged."""

    def __init__(self, config: Any, model: Any) -> None:
        """Prepare training of `model`, saved to the run folder."""
        super().__init__(config, model)
        self._measure_by(EvaluationRecord())
        self.saved_model_file = str(Path(config["checkpoint_dir"]) / MODEL_FILE)
        self._best: tuple[Any, Any] | None = None

    def fit(self, *args: Any, **kwargs: Any) -> Any:
        """Train as RecBole does, with the memory allocator settings that TIGER's training has."""
        if self.device.type == "cpu":
            keep_freed_memory()
        return super().fit(*args, **kwargs)

    def _full_sort_batch_eval(self, batched_data: Any) -> tuple[Any, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Recommend for a batch: item ids [B, k] in place of the scores of all items."""
        interaction, scores, row, held_out = super()._full_sort_batch_eval(batched_data)
        if self.config["eval_exclude_seen"]:
            seen = interaction[self.config["ITEM_ID_FIELD"] + self.config["LIST_SUFFIX"]]
            scores = scores.scatter(1, seen.to(scores.device), -torch.inf)
        return interaction, self._recommended(scores, held_out), row, held_out

    def _neg_sample_batch_eval(self, batched_data: Any) -> tuple[Any, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Recommend among sampled candidates."""
        interaction, scores, users, held_out = super()._neg_sample_batch_eval(batched_data)
        items = best_candidates(scores, held_out, max(self.config["topk"]))
        return one_row_per_user(interaction, batched_data[1]), items, users, held_out

    def _recommended(self, scores: torch.Tensor, held_out: torch.Tensor) -> torch.Tensor:
        return first_places(scores, held_out.to(scores.device), max(self.config["topk"]))

    def _train_epoch(self, *args: Any, **kwargs: Any) -> Any:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*GradScaler", category=FutureWarning)  # used by RecBole
            return super()._train_epoch(*args, **kwargs)

    def _add_train_loss_to_tensorboard(self, epoch_idx: int, losses: Any, tag: str = "train/loss") -> None:
        """Write the loss under TIGER's name for it."""
        super()._add_train_loss_to_tensorboard(epoch_idx, losses, tag)

    def _valid_epoch(self, valid_data: Any, show_progress: bool = False) -> tuple[float, dict[str, float]]:
        """Return the exact score for early stopping, and all metrics rounded for printing."""
        self.record.take()
        exact = self._measured(valid_data, show_progress)
        score = calculate_valid_score(exact, self.valid_metric)
        rounded = self._rounded(exact)
        self._note_validation(max(self.train_loss_dict), rounded)
        better = score >= self.best_valid_score if self.valid_metric_bigger else score <= self.best_valid_score
        if better:  # as RecBole's early stopping will decide
            self.best_valid_record = self.record.take()
        return score, rounded

    def _load_best(self, eval_data: Any, model_file: str | None) -> None:
        if self._best is not None:
            weights, others = self._best
            self.model.load_state_dict(weights)
            self.model.load_other_parameter(others)

    def _save_checkpoint(self, epoch: int, verbose: bool = True, **kwargs: Any) -> None:
        """Keep the best epoch's model in memory for the test, and as a file if it can be loaded safely."""
        others = self.model.other_parameter()
        self._best = deepcopy(self.model.state_dict()), deepcopy(others)
        if _is_plain(others):
            super()._save_checkpoint(epoch, verbose=verbose, **kwargs)
        else:
            self.logger.info(f"{self.config['model']} is not saved: it has no weights and is fitted in one pass.")

    def _check_nan(self, loss: torch.Tensor) -> None:
        """Stop if the loss is NaN.

        Raises:
            FloatingPointError: saying what to change.
        """
        if torch.isnan(loss):
            raise FloatingPointError(f"{self.config['model']}'s loss became NaN: lower learning_rate")


def _is_plain(value: Any) -> bool:
    """Tell whether torch loads a value with weights_only=True."""
    if isinstance(value, dict):
        return all(map(_is_plain, value.values()))
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, (bool, int, float, str, torch.Tensor, torch.nn.Module))
