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
from recbole_adasid.scorecard.competitors import PARTS
from recbole_adasid.scorecard.shared_settings import shared_settings
from recbole_adasid.settings.errors import SettingsError
from recbole_adasid.settings.presets import tokenizer_keys
from recbole_adasid.tokenizer.registry import RULES, tokenizer_settings
from recbole_adasid.tokenizer.settings import AROUND
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

    def check(self) -> None:
        """Check that every option of the space is a valid value that has an effect, before training anything.

        Raises:
            SettingsError: naming the first that is not.
        """
        for settings in self.space.examples():
            config = build_config({**self.fixed, **settings}, self.config_files)
        refuse_what_the_tokenizer_ignores(self.space, config)

    def score(self, point: Mapping[str, Any]) -> float:
        """Return and print the mean over seeds of a point proposed by the tuner.

        Raises:
            SettingsError: if the settings contradict each other.
            FloatingPointError: if the objective is not finite.
        """
        settings = self.space.settings(point)
        name = f"trial-{fingerprint({'settings': settings})[:8]}"
        cells = [self._cell(name, settings, seed) for seed in self.seeds]
        trial = Trial(name, settings, [cell.figures[self.objective.metric] for cell in cells])
        if not np.isfinite(trial.score):
            raise FloatingPointError(f"{self.objective.metric} of {settings} is {trial.score}: leave the point out")
        self.trials[name] = trial
        best = max(self.trials.values(), key=lambda one: one.score)
        print(f"{self.objective.metric} {trial.score:.5g}, best so far {best.score:.5g}", flush=True)
        return trial.score

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


def refuse_what_the_tokenizer_ignores(space: Space, config: Any) -> None:
    """Check that a space of a single tokenizer has no settings of others, and one with a `sids_file` no tokenizer's.

    Args:
        config: the resolved settings of any of its points.

    Raises:
        SettingsError: naming the first one.
    """
    if config["sids_file"]:
        for key in sorted(space.keys & (tokenizer_keys() - AROUND.keys())):
            raise SettingsError(
                f"{key} has no effect with sids_file, as no tokenizer is trained: leave one of them out."
            )
    if space.keys & {"tokenizer", *PARTS}:
        return
    of_others = RULES.keys() - AROUND.keys() - tokenizer_settings(config).keys()
    for key in sorted(space.keys & of_others):
        raise SettingsError(
            f"The tokenizer {config['tokenizer']} does not depend on {key}: remove {key} from the space, or choose "
            f"another tokenizer, {' or '.join(PARTS)}."
        )


def refuse_what_the_proxy_ignores(space: Space, known: set[str]) -> None:
    """Check that a space only has settings that Semantic IDs depend on.

    Args:
        known: tokenizer keys.

    Raises:
        SettingsError: naming the first other setting.
    """
    for key in sorted(space.keys - known):
        raise SettingsError(
            f"The proxy does not depend on {key}: it scores Semantic IDs with a recommender of its own. Use "
            f"--objective=valid, or search settings of tokenizers: {', '.join(sorted(known))}."
        )
