"""MLflow: one run per run folder, through its own client, which leaves the program's MLflow settings alone."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_AT_ONCE, _SECONDS = 500, 5.0  # one request per value would take as long as the training
_PARAMETERS_AT_ONCE, _LONGEST = 100, 6000  # MLflow's limits
_NOT_A_NAME = str.maketrans({"@": "_at_"})


class MLflowRun:
    """Records a run; see :class:`~recbole_adasid.plugin.tracking.wandb_run.WandbRun`."""

    title, package = "MLflow", "mlflow"
    remedy = "correct mlflow_tracking_uri; sqlite:///mlflow.db uses a local file"

    def __init__(self, settings: Mapping[str, Any], folder: Path | None, known: str | None = None) -> None:
        """Start a run in the experiment `mlflow_experiment` at `mlflow_tracking_uri`, or continue a known one there.

        Raises:
            ValueError: if the known run is in another experiment.
        """
        import mlflow

        active = mlflow.active_run()
        self._own = active is None
        uri = settings["mlflow_tracking_uri"] if active is None else None
        self._client = mlflow.MlflowClient(tracking_uri=uri)
        self._waiting: list[Any] = []
        self._sent = time.monotonic()
        if active:
            self._run_id = active.info.run_id
        elif known:
            self._run_id = self._continued(known, settings["mlflow_experiment"])
        else:
            self._run_id = self._created(settings, folder)
        self.run_id = self._run_id if self._own else None

    def _continued(self, run: str, experiment: str) -> str:
        found = self._client.get_experiment_by_name(experiment)
        if found is None or self._client.get_run(run).info.experiment_id != found.experiment_id:
            raise ValueError(f"it is not in the experiment {experiment}")
        self._client.update_run(run, status="RUNNING")  # refused if it was deleted
        return run

    def _created(self, settings: Mapping[str, Any], folder: Path | None) -> str:
        from mlflow.entities import Param

        name = settings["mlflow_experiment"]
        found = self._client.get_experiment_by_name(name)
        experiment = found.experiment_id if found else self._client.create_experiment(name)
        run_id: str = self._client.create_run(experiment, run_name=folder.name if folder else None).info.run_id
        parameters = [Param(key, str(value)[:_LONGEST]) for key, value in settings.items()]
        for start in range(0, len(parameters), _PARAMETERS_AT_ONCE):
            self._client.log_batch(run_id, params=parameters[start : start + _PARAMETERS_AT_ONCE])
        return run_id

    def add_scalar(self, name: str, value: float, step: int) -> None:
        """Record a value; values are sent in batches. ``@``, which MLflow refuses, becomes ``_at_``."""
        from mlflow.entities import Metric

        self._waiting.append(Metric(name.translate(_NOT_A_NAME), value, int(time.time() * 1000), step))
        if len(self._waiting) >= _AT_ONCE or time.monotonic() - self._sent > _SECONDS:
            self._send()

    def _send(self) -> None:
        waiting, self._waiting, self._sent = self._waiting, [], time.monotonic()
        if waiting:
            self._client.log_batch(self._run_id, metrics=waiting)

    def finish(self, failed: bool) -> None:
        """Send pending values, and end the run if it was started here."""
        try:
            self._send()
        finally:
            if self._own:
                self._client.set_terminated(self._run_id, "FAILED" if failed else "FINISHED")
