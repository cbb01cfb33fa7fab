"""Objectives of the search: the scorecard's proxy, or validation after a full run."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Union

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.scorecard.proxy import ProxySettings
from recbole_adasid.settings.errors import SettingsError

Settings = dict[str, Any]
# The most that the setting takes: rounded scores would tie, and the first of them win.
_EXACT_DECIMALS = 15


class Proxy:
    """Learn and score Semantic IDs as the scorecard does, in a few minutes."""

    metric = "proxy_ndcg@10"
    """The figure to maximise."""
    judged_by: dict[str, Any]
    """What the figures depend on besides settings."""

    def __init__(self, proxy: ProxySettings) -> None:
        """Take the proxy's size and budget."""
        from recbole_adasid.plugin.datasets.splits import LastSplits

        self.proxy, self._splits = proxy, LastSplits()
        self.judged_by = {"proxy": asdict(proxy)}

    def fingerprint(self, config: Any) -> str:
        """Return a fingerprint that changes whenever the figures might."""
        from recbole_adasid.scorecard.judge import cell_fingerprint

        return cell_fingerprint(config, *self._splits.of(config), self.proxy)

    def measure(self, config: Any, settings: Settings, name: str) -> tuple[NDArray[np.int64], dict[str, float]]:
        """Return codes [N, L] and figures by name.

        Args:
            config: the resolved settings.
            settings: the given settings.
            name: name of the trial and seed, for files.
        """
        from recbole_adasid.scorecard.judge import judge

        return judge(config, *self._splits.of(config), self.proxy)

    def forget(self, name: str) -> None:
        """Remove the files of ``name`` once its figures are saved; there are none."""


class Validation:
    """A full run: TIGER's best validation by the run's own ``valid_metric``. The test is not used."""

    def __init__(self, metric: str, folder: Path, config_files: Sequence[str] = ()) -> None:
        """Take RecBole's name of the metric, the folder of unfinished runs, and YAML settings files."""
        self.metric, self.folder, self.config_files = metric.lower(), folder, config_files
        self._checked = False
        self.judged_by = {"valid": self.metric}

    def fingerprint(self, config: Any) -> str:
        """See :meth:`Proxy.fingerprint`; of data files only given Semantic IDs count."""
        from recbole_adasid.bundle.given_sids import given_digest
        from recbole_adasid.plugin.config.run_settings import training_key

        given = given_digest(config["sids_file"]) if config["sids_file"] else ""
        return training_key(config, semantic_ids=given, interactions=str(config["interactions_files"]))

    def measure(self, config: Any, settings: Settings, name: str) -> tuple[NDArray[np.int64], dict[str, float]]:
        """See :meth:`Proxy.measure`."""
        from recbole_adasid.plugin.run import run

        self._check(config)
        folder = str(self.folder / name)  # the same after a kill, so that training resumes
        ours = {"run_folder": folder, "report": False, "metric_decimal_place": _EXACT_DECIMALS}
        done = run({**settings, **ours}, self.config_files)
        if self.metric not in done["best_valid"]:
            raise self._without_validation()
        learned = done["semantic_ids"]
        return learned.codes, {**learned.quality, **done["best_valid"]}

    def forget(self, name: str) -> None:
        """Remove the files of ``name`` once its figures are saved."""
        shutil.rmtree(self.folder / name, ignore_errors=True)

    def _check(self, config: Any) -> None:
        """Refuse settings without a validation before a model is trained; the data are loaded for the first run only.

        Raises:
            SettingsError: if there is no validation example, or never a validation.
        """
        from recbole_adasid.plugin.datasets.splits import load_splits

        if config["eval_step"] <= 0:
            raise self._without_validation()
        if not self._checked:
            load_splits(config)
            self._checked = True

    def _without_validation(self) -> SettingsError:
        return SettingsError(
            f"The run has no validation by {self.metric}: hold out validation interactions in eval_args, and set "
            "epochs and eval_step so that at least one takes place."
        )


Objective = Union[Proxy, Validation]
"""Measures settings under one seed."""
