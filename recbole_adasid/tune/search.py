"""The search: points proposed by RecBole's tuner, evaluated once each, and saved as they finish."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from recbole_adasid.io.digests import fingerprint
from recbole_adasid.plugin.config.building import build_config, given_settings
from recbole_adasid.scorecard.cells import Cell, CellFolder
from recbole_adasid.scorecard.shared_settings import shared_settings
from recbole_adasid.tune.checking import check_options, refuse_what_the_tokenizer_ignores
from recbole_adasid.tune.objectives import Objective
from recbole_adasid.tune.space import Settings, Space


@dataclass(frozen=True)
class Trial:
    """A point of the search, evaluated under every seed."""

    name: str
    settings: Settings
    """The point's settings."""
    scores: list[float]
    """One per seed."""

    @property
    def score(self) -> float:
        """The mean over seeds."""
        return float(np.mean(self.scores))


class Judge:
    """Evaluates points of a space; finished ones, also of an earlier process, are looked up.

    Args:
        space: the search space.
        objective: measures settings.
        folder: stores a line and the Semantic IDs of each point and seed.
        fixed: settings of all points.
        config_files: YAML settings files, overridden by ``fixed``.
        seeds: each point is evaluated under all of them.
    """

    def __init__(
        self,
        *,
        space: Space,
        objective: Objective,
        folder: CellFolder,
        fixed: Settings,
        config_files: Sequence[str],
        seeds: Sequence[int],
    ) -> None:
        self.space, self.objective, self.folder, self.seeds = space, objective, folder, seeds
        self.fixed, self.config_files = fixed, config_files
        self.trials: dict[str, Trial] = {}
        """Trials of this search, in the order requested."""
        self.left_out: list[tuple[Settings, str]] = []
        """Points whose settings contradict each other, and why."""

    def check(self) -> None:
        """Check that every option of the space is valid with some of the others and has an effect, before training.

        Raises:
            ValueError: naming the first that is not.
        """
        refuse_what_the_tokenizer_ignores(self.space, check_options(self.space, self._config))

    def score(self, point: Mapping[str, Any]) -> float:
        """Return and print the mean over seeds of a point proposed by the tuner; −∞ if its settings are refused.

        Raises:
            FloatingPointError: if the objective is not finite.
        """
        settings = self.space.settings(point)
        try:
            self._config(settings)
        except ValueError as error:
            if (settings, str(error)) not in self.left_out:
                self.left_out.append((settings, str(error)))
            print(f"Left out {settings}: {error}", flush=True)
            return -np.inf
        name = f"trial-{fingerprint({'settings': settings})[:8]}"
        cells = [self._cell(name, settings, seed) for seed in self.seeds]
        trial = Trial(name, settings, [cell.figures[self.objective.metric] for cell in cells])
        if not np.isfinite(trial.score):
            raise FloatingPointError(f"{self.objective.metric} of {settings} is {trial.score}: leave the point out")
        self.trials[name] = trial
        best = max(self.trials.values(), key=lambda one: one.score)
        print(f"{self.objective.metric} {trial.score:.5g}, best so far {best.score:.5g}", flush=True)
        return trial.score

    def _config(self, settings: Settings) -> Any:
        return build_config({**self.fixed, **settings}, self.config_files)

    def _cell(self, name: str, settings: Settings, seed: int) -> Cell:
        wanted = {**self.fixed, **settings, "seed": seed}
        config = build_config(wanted, self.config_files)
        shared = shared_settings(given_settings(config), self.objective.judged_by)
        key = self.objective.fingerprint(config)
        own = f"{name}-{seed}-{key[:8]}"  # a search with other fixed settings may share the folder
        if found := self.folder.finished(name, seed, key, shared):
            self.objective.forget(own)  # a kill may have prevented it
            return found
        started = time.perf_counter()
        codes, figures = self.objective.measure(config, wanted, own)
        title = ", ".join(f"{key}={value}" for key, value in settings.items())
        cell = Cell(name, title, seed, key, round(time.perf_counter() - started, 1), figures, shared)
        self.folder.add(cell, codes)
        self.objective.forget(own)
        return cell
