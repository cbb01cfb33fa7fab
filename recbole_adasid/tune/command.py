"""Implementation of `recbole-adasid tune`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from recbole_adasid.settings.errors import SettingsError
from recbole_adasid.settings.presets import known_keys, tokenizer_keys

if TYPE_CHECKING:
    from recbole_adasid.tune.objectives import Objective
    from recbole_adasid.tune.space import Space


def run_search(
    settings: dict[str, Any],
    config_files: list[str],
    command: list[str],
    *,
    out: Path,
    space: str,
    objective: str,
    algorithm: str,
    max_trials: int,
    early_stop: int | None,
    search_seed: int,
    seeds: list[int],
    proxy: dict[str, int],
) -> None:
    """Evaluate the points of a space, and rewrite the results after each.

    Args:
        settings: settings of every point.
        config_files: YAML settings files; `settings` override them.
        command: arguments of the command, recorded in the folder.
        out, space, objective, algorithm, max_trials, early_stop, search_seed, seeds: as given to the command.
        proxy: the proxy's size and budget, where they are not the defaults.

    Raises:
        SettingsError: for a space or settings that cannot be searched.
        ValueError: for an option that fits no other.
        InUse: if another process searches in the folder.
    """
    from recbole_adasid.plugin.config.building import settings_of_files

    given = {**settings_of_files(config_files, settings), **settings}  # as the points are given them
    given.pop("seed", None)  # of a run whose settings are given: the points are trained with others
    points = _points(space, given, exhaustive=algorithm == "exhaustive")

    from recbole_adasid.io.locks import held
    from recbole_adasid.plugin.hyper_tuning import need_hyperopt, search
    from recbole_adasid.scorecard.cells import CellFolder
    from recbole_adasid.tune.outputs import write_report
    from recbole_adasid.tune.search import Judge

    measure, folder = _objective(objective, settings, config_files, points, proxy, out), CellFolder(out)
    judge = Judge(
        space=points, objective=measure, folder=folder, fixed=settings, config_files=config_files, seeds=seeds
    )
    judge.check()
    need_hyperopt()  # before anything is written

    def score(point: dict[str, Any]) -> float:
        found = judge.score(point)
        if judge.trials:
            write_report(folder.path, list(judge.trials.values()), measure.metric, given, command, judge.left_out)
        return found

    with held(folder.path / ".lock", f"the folder {folder.path}", wait=False):
        search(
            score,
            points.for_recbole(),
            algorithm=algorithm,
            max_trials=max_trials,
            early_stop=early_stop,
            seed=search_seed,
        )
    if not judge.trials:
        raise SettingsError(
            f"The settings of all {len(judge.left_out)} points contradict each other: change the space."
        )
    print(f"{len(judge.trials)} points, the best first, are in {folder.path / 'README.md'}; best.yaml is for a run.")


def _points(name: str, given: dict[str, Any], *, exhaustive: bool) -> Space:
    """Return the points of a space after checking that they suit the settings given to all."""
    from recbole_adasid.tune.space import read_space

    points = read_space(name, known_keys() | {"tokenizer"})
    if "seed" in points.keys:
        raise SettingsError("Every point is judged with all --seeds: remove seed from the space.")
    if points.size is None and exhaustive:
        shown = ", ".join(points.ranges)
        raise SettingsError(f"Ranges cannot be searched exhaustively ({shown}): pass --algorithm=bayes or random.")
    if twice := sorted(points.keys & given.keys()):
        raise SettingsError(f"{twice[0]} is both given and searched: remove one of the two.")
    return points


def _objective(
    name: str, settings: dict[str, Any], config_files: list[str], space: Space, proxy: dict[str, int], out: Path
) -> Objective:
    from recbole_adasid.plugin.config.building import build_config
    from recbole_adasid.scorecard.proxy import ProxySettings
    from recbole_adasid.tune.checking import refuse_what_the_proxy_ignores
    from recbole_adasid.tune.objectives import Proxy, Validation

    if name == "proxy":
        refuse_what_the_proxy_ignores(space, tokenizer_keys())
        return Proxy(ProxySettings(**proxy))
    config = build_config(settings, config_files)
    metric = str(config["valid_metric"])
    if not config["valid_metric_bigger"]:
        raise SettingsError(
            f"valid_metric={metric} is better when smaller: search by a metric that is better when larger."
        )
    return Validation(metric, out / "runs", config_files)
