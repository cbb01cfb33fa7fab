"""RecBole's trainer with metrics of recommended items, from an exact ranking or sampled candidates."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch
from recbole.trainer import Trainer
from recbole.utils import calculate_valid_score

from recbole_adasid.compute.precision import has_bfloat16
from recbole_adasid.distributed.world import world
from recbole_adasid.evaluation.record import EvaluationRecord, Record
from recbole_adasid.plugin.logs import write_metrics
from recbole_adasid.plugin.metrics.collector import TopKCollector
from recbole_adasid.plugin.metrics.list_metrics import use_list_metrics
from recbole_adasid.plugin.sampled_candidates import best_candidates, one_row_per_user, same_candidates
from recbole_adasid.run_folder.folder import RunFolder
from recbole_adasid.run_folder.model_file import SUFFIX, read_model

# More digits than float64 resolves in a mean of hits: early stopping compares exact values.
_EXACT_DECIMALS = 15


class ExactEvaluator(Trainer):
    """A RecBole trainer that keeps a record of its evaluation, and rounds metrics only for people."""

    def _measure_by(self, record: EvaluationRecord) -> None:
        """Collect what is recommended, with ranks for ``record``, and compute metrics exactly."""
        self.record = record
        self.eval_collector = TopKCollector(self.config, record)
        self._decimals: int = self.config["metric_decimal_place"]
        for metric in self.evaluator.metric_class.values():
            metric.decimal_place = _EXACT_DECIMALS
        self.valid_results: dict[int, dict[str, float]] = {}
        """Metrics of each validated epoch."""
        self.best_valid_record: Record = {}
        """Of the best epoch; see :class:`EvaluationRecord`."""

    def _measured(self, eval_data: Any, show_progress: bool) -> OrderedDict[str, float]:
        """Return the exact metrics of the current weights; empty without data."""
        with same_candidates(eval_data, self.config["seed"]):
            found = super().evaluate(eval_data, load_best_model=False, show_progress=show_progress) or {}
        return OrderedDict((name, float(value)) for name, value in found.items())

    def evaluate(
        self,
        eval_data: Any,
        load_best_model: bool = True,
        model_file: str | None = None,
        show_progress: bool = False,
    ) -> OrderedDict[str, float] | None:
        """Return RecBole's metrics on `eval_data`, of the best epoch by default; None without data.

        Raises:
            FileNotFoundError, DamagedFile: if the best epoch's file is missing, damaged or of another model.
        """
        self.record.take()
        if load_best_model:
            self._load_best(eval_data, model_file)
        exact = self._measured(eval_data, show_progress)
        return self._rounded(exact) if exact else None

    def _load_best(self, eval_data: Any, model_file: str | None) -> None:
        raise NotImplementedError

    def _note_validation(self, epoch: int, metrics: dict[str, float]) -> None:
        self.valid_results[epoch] = dict(metrics)
        write_metrics(self.tensorboard, "valid", metrics, epoch)

    def _rounded(self, metrics: OrderedDict[str, float]) -> OrderedDict[str, float]:
        return OrderedDict((name, round(value, self._decimals)) for name, value in metrics.items())


class ItemEvaluator(ExactEvaluator):
    """Evaluates TIGER by the items that it recommends, on all processes together."""

    saved_model_file: str

    def __init__(self, config: Any, model: Any) -> None:
        """Prepare the evaluation of `model`, saved to the run folder if there is one."""
        super().__init__(config, model)
        use_list_metrics(self.evaluator)
        self._measure_by(EvaluationRecord(model.tiger.catalogue.semantic_ids))
        self.eval_bfloat16 = bool(config["eval_bf16"]) and has_bfloat16(torch.device(config["device"]))
        self.saved_model_file = str(Path(self.saved_model_file).with_suffix(SUFFIX))
        if config["run_folder"]:
            self.saved_model_file = str(RunFolder(config["run_folder"]).model_path)

    def _valid_epoch(self, valid_data: Any, show_progress: bool = False) -> tuple[float, dict[str, float]]:
        """Return the exact score for early stopping, and all metrics rounded for printing."""
        self.record.take()
        exact = self._measured(valid_data, show_progress)
        return calculate_valid_score(exact, self.valid_metric), self._rounded(exact)

    def _load_best(self, eval_data: Any, model_file: str | None) -> None:
        """Load weights from a file, which rank 0 reads; without data to evaluate, only if the file exists."""
        path = Path(model_file or self.saved_model_file)
        if not (eval_data or world().from_main(path.is_file)):
            return
        if world().is_main:
            read_model(path).fill(self.model)
            self.logger.info(f"Evaluating the model in {path}")
        world().hand_over(
            lambda: {name: value.cpu() for name, value in self.model.state_dict().items()}, self.model.load_state_dict
        )

    def _full_sort_batch_eval(self, batched_data: Any) -> tuple[Any, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Recommend for a batch. RecBole expects scores of all items as the second value: these are item ids."""
        interaction, _, positive_u, positive_i = batched_data
        share = world().share(len(interaction))
        own = share.of(interaction).to(self.device)
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.eval_bfloat16):
            item_ids, _ = self.model.recommend_topk(own, k=max(self.config["topk"]))
        return interaction, *share.gather(item_ids), positive_u, positive_i

    def _neg_sample_batch_eval(self, batched_data: Any) -> Any:
        """Rank sampled candidates as RecBole does, but return the ids of the best."""
        interaction, row, positive_u, positive_i = batched_data
        share = world().share(len(interaction))
        own = share.of(interaction)
        scores = torch.full((int(positive_u[-1]) + 1, self.tot_item_num), -torch.inf, device=self.device)
        (scores[row, interaction[self.config["ITEM_ID_FIELD"]]],) = share.gather(self._spilt_predict(own, len(own)))
        items = best_candidates(scores, positive_i, max(self.config["topk"]))
        return one_row_per_user(interaction, row), items, positive_u, positive_i
