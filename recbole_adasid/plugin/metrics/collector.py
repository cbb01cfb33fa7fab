"""Turn recommended items into the input of RecBole's metrics, without a user-item matrix."""

from __future__ import annotations

from typing import Any

import torch
from recbole.evaluator import Collector
from recbole.evaluator.collector import DataStruct

from recbole_adasid.evaluation.record import EvaluationRecord

AVAILABLE = {"rec.items", "rec.topk", "data.num_items", "data.count_items"}
"""Available to metrics: recommended items and training statistics of items. Full scores and ranks are not."""


class TopKCollector(Collector):
    """Collect top-k item ids; RecBole's own collector takes the scores of all items.

    Item 0, RecBole's padding, means "nothing recommended here" and is never a hit.
    """

    def __init__(self, config: Any, record: EvaluationRecord | None = None) -> None:
        """Collect for RecBole's metrics; `record` records lists with one held-out item each, or nothing."""
        super().__init__(config)
        self._user_field = config["USER_ID_FIELD"]
        self.record = record

    def eval_batch_collect(
        self, scores_tensor: torch.Tensor, interaction: Any, positive_u: torch.Tensor, positive_i: torch.Tensor
    ) -> None:
        """Add a batch. `scores_tensor` holds item ids [B, k], best first; the other arguments are RecBole's."""
        item_ids = scores_tensor[:, : max(self.topk)]
        positive_u, positive_i = positive_u.to(item_ids.device), positive_i.to(item_ids.device)
        if self.record is not None:
            if _one_each(positive_u, len(item_ids)):
                self.record.add(interaction[self._user_field].to(item_ids.device), item_ids, positive_i)
            else:
                self.record.give_up()
        if self.register.need("rec.items"):
            self.data_struct.update_tensor("rec.items", item_ids)
        if self.register.need("rec.topk"):
            hits, relevant = topk_hits(item_ids, positive_u, positive_i)
            self.data_struct.update_tensor("rec.topk", torch.cat([hits, relevant[:, None]], dim=1))

    def get_data_struct(self) -> DataStruct:
        """Return the collected data and clear the recommendations. (RecBole's own fails on non-tensors.)

        Raises:
            ValueError: if a metric needs the training part, which was never shown.
        """
        found = DataStruct()
        for name in sorted(AVAILABLE):
            if name in self.data_struct:
                value = self.data_struct[name]
                found.set(name, value.cpu() if isinstance(value, torch.Tensor) else value)
                if name.startswith("rec."):
                    del self.data_struct[name]
            elif name.startswith("data.") and self.register.need(name):
                raise ValueError(
                    f"metrics={', '.join(self.register.metrics)} need the training part: train first, or call "
                    "trainer.eval_collector.data_collect(train_data)"
                )
        return found


def topk_hits(
    item_ids: torch.Tensor, positive_u: torch.Tensor, positive_i: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mark the relevant items among the recommended ones.

    Args:
        item_ids: [B, k], 0 where nothing is recommended.
        positive_u: [R], batch row of each relevant item.
        positive_i: [R], the relevant items.

    Returns:
        Hits, int32 [B, k] of 0 and 1, and the number of relevant items per row, int32 [B].
    """
    width = int(torch.maximum(item_ids.max(), positive_i.max())) + 1
    rows = torch.arange(len(item_ids), device=item_ids.device)[:, None]
    hits = torch.isin(rows * width + item_ids, positive_u * width + positive_i) & (item_ids > 0)
    relevant = torch.bincount(positive_u, minlength=len(item_ids))
    return hits.int(), relevant.int()


def _one_each(positive_u: torch.Tensor, n_rows: int) -> bool:
    """Tell whether each row of a batch has exactly one relevant item, in row order; a user may have several rows."""
    return positive_u.equal(torch.arange(n_rows, device=positive_u.device))
