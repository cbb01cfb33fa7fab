"""Implementation of `recbole-adasid tune`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recbole_adasid.settings.errors import SettingsError
from recbole_adasid.settings.presets import known_keys, tokenizer_keys
from recbole_adasid.settings.reading import read_settings_files


@dataclass(frozen=True)
class Wanted:
    """The search: its space, algorithm and objective, as given to the command."""

    out: Path
    space: str
    objective: str
    algorithm: str
    max_trials: int
    early_stop: int | None
    search_seed: int
    seeds: list[int]
    proxy: dict[str, int]


def run_search(settings: dict[str, Any], config_files: list[str], wanted: Wanted, command: list[str]) -> None:
    """Evaluate the points of a space, and rewrite the results after each.

    Args:
        settings: settings of every point.
        config_files: YAML settings files; `settings` override them.
        wanted: the search.
        command: arguments of the command, recorded in the folder.
    """
    from recbole_adasid.tune.space import read_space

    space = read_space(wanted.space, known_keys() | {"tokenizer"})
    given = {**read_settings_files(config_files), **settings}
    given.pop("seed", None)  # of a run whose settings are given: the points are trained with others
    if "seed" in space.keys:
        raise SettingsError("Every point is judged with all --seeds: remove seed from the space.")
    if space.size is None and wanted.algorithm == "exhaustive":
        shown = ", ".join(space.ranges)
        raise SettingsError(f"Ranges cannot be searched exhaustively ({shown}): pass --algorithm=bayes or random.")
    if twice := sorted(space.keys & given.keys()):
        raise SettingsError(f"{twice[0]} is both given and searched: remove one of the two.")

    from recbole_adasid.io.locks import held
    from recbole_adasid.plugin.hyper_tuning import need_hyperopt, search
    from recbole_adasid.scorecard.cells import CellFolder
    from recbole_adasid.tune.outputs import write_report
    from recbole_adasid.tune.search import Judge

    objective = _objective(settings, config_files, wanted, space)
    folder, files = CellFolder(wanted.out), config_files
    judge = Judge(
        space=space, objective=objective, folder=folder, fixed=settings, config_files=files, seeds=wanted.seeds
    )
    judge.check()
    need_hyperopt()  # before anything is written

    def score(point: dict[str, Any]) -> float:
        found = judge.score(point)
        write_report(folder.path, list(judge.trials.values()), objective.metric, given, command)
        return found

    with held(folder.path / ".lock", f"the folder {folder.path}", wait=False):
        search(
            score,
            space.for_recbole(),
            algorithm=wanted.algorithm,
            max_trials=wanted.max_trials,
            early_stop=wanted.early_stop,
            seed=wanted.search_seed,
        )
    print(f"{len(judge.trials)} points, the best first, are in {folder.path / 'README.md'}; best.yaml is for a run.")


def _objective(settings: dict[str, Any], config_files: list[str], wanted: Wanted, space: Any) -> Any:
    from recbole_adasid.plugin.config.building import build_config
    from recbole_adasid.scorecard.proxy import ProxySettings
    from recbole_adasid.tune.objectives import Proxy, Validation
    from recbole_adasid.tune.search import refuse_what_the_proxy_ignores

    if wanted.objective == "proxy":
        refuse_what_the_proxy_ignores(space, tokenizer_keys())
        return Proxy(ProxySettings(**wanted.proxy))
    config = build_config(settings, config_files)
    metric = str(config["valid_metric"])
    if not config["valid_metric_bigger"]:
        raise SettingsError(f"valid_metric={metric} is better when smaller: search by a metric of hits.")
    return Validation(metric, wanted.out / "runs", config_files)
