"""Weights & Biases: one run per run folder, with curves over tokenizer steps and recommender epochs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any


class WandbRun:
    """Records the scalars of one run in an experiment tracker.

    The constructor takes the run's settings as plain values and its folder, or None, and starts recording. With the id
    of an earlier recording as third argument, it continues that one. A recording that the user's program has started is
    continued instead, and not ended.
    """

    title = "Weights & Biases"
    """Its name, for messages."""
    package = "wandb"
    """The package to install; also the name of the extra."""
    remedy = "log in with `wandb login`, or set the environment variable WANDB_MODE=offline"
    """What to do if it cannot start."""
    run_id: str | None
    """Id of the recording; None if the user's program has started it."""

    def __init__(self, settings: Mapping[str, Any], folder: Path | None, known: str | None = None) -> None:
        """Start a run in the project `wandb_project`, with its files in the run's folder, or continue a known one."""
        import wandb

        self._own = wandb.run is None
        place: dict[str, Any] = {} if folder is None else {"dir": str(folder), "name": folder.name}
        if known:
            place |= {"id": known, "resume": "allow"}
        self._run = wandb.run or wandb.init(project=settings["wandb_project"], config=dict(settings), **place)
        self.run_id = self._run.id if self._own else None
        self._known: set[str] = set()

    def add_scalar(self, name: str, value: float, step: int) -> None:
        """Record a value. Steps are logged as values: W&B's own cannot decrease, but epochs follow tokenizer steps."""
        axis = "tokenizer_step" if name.startswith("tokenizer/") else "epoch"
        if name not in self._known:
            self._run.define_metric(name, step_metric=axis)
            self._known.add(name)
        self._run.log({name: value, axis: step})

    def finish(self, failed: bool) -> None:
        """End the run, if it was started here."""
        if self._own:
            self._run.finish(exit_code=int(failed))
