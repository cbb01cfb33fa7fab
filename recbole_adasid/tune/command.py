"""The command line of the search for hyperparameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recbole_adasid.cli import parse_arguments, run_command
from recbole_adasid.host.props import headline, known_keys, presets, read_props
from recbole_adasid.host.settings import SettingsError, unknown_name

USAGE = """\
usage: python -m recbole_adasid.tune --dataset=NAME --out=FOLDER [--space=paper] [--objective=proxy] [--KEY=VALUE ...]

Search hyperparameters with RecBole's tuner (hyperopt: pip install 'recbole-adasid[tuning]'). FOLDER gets a table
(README.md, table.json) and best.yaml, to be given to a run as --config_files. The same command goes on where it
stopped, and gives what it would have given.

  --dataset=NAME     a preset, or any NAME with --data_path=FOLDER holding NAME/NAME.inter
  --out=FOLDER       where results go; finished trials in it are not run again
  --space=SPACE      a name from the list below, or a YAML file of your own (default: paper)
  --objective=NAME   proxy: the scorecard's, of Semantic IDs alone; valid: validation of a whole run (default: proxy)
  --algorithm=NAME   exhaustive: every point of a grid; random; bayes: hyperopt's TPE (default: exhaustive)
  --max_trials=N     of random and bayes (default: 100)
  --early_stop=N     trials without progress to stop after (default: never)
  --search_seed=N    of the points that random and bayes draw (default: 2020)
  --seeds=1,2        each point is judged by its mean over these (default: 2020)
  --proxy_examples=N examples that the proxy of NDCG is trained on (default: 300000)
  --KEY=VALUE        any setting of run_recbole_adasid.py, for every point alike
"""
OBJECTIVES = ("proxy", "valid")
OWN_KEYS = (
    *("out", "space", "objective", "algorithm", "max_trials", "early_stop", "search_seed", "seeds", "proxy_examples"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the search and return the exit status: 0, or what :mod:`recbole_adasid.ending` says."""
    kept = "finished trials are kept, and the same command goes on from there"
    spare = "lower train_batch_size, eval_batch_size, beam_size, tokenizer_batch_pairs or proxy_examples"
    return run_command(arguments, help_text, _start, kept=kept, spare=spare, log_level=None)


def _start(given: list[str]) -> None:
    settings, config_files = parse_arguments(given, as_written=("out", "space", "seeds"))
    wanted = _wanted({key: settings.pop(key, None) for key in OWN_KEYS})
    _run(settings, config_files, wanted, given)


def help_text() -> str:
    """Return usage and the presets of spaces."""
    lines = [f"  {name:<19}{headline(f'tuning/{name}.yaml')}" for name in presets("tuning")]
    return "\n\n".join([USAGE.rstrip(), "spaces\n" + "\n".join(lines)])


@dataclass(frozen=True)
class _Wanted:
    out: Path
    space: str
    objective: str
    algorithm: str
    max_trials: int
    early_stop: int | None
    search_seed: int
    seeds: list[int]
    proxy: dict[str, int]


def _wanted(own: dict[str, Any]) -> _Wanted:
    from recbole_adasid.host.hyper_tuning import ALGORITHMS

    if own["out"] is None:
        raise SettingsError("The search needs a folder for its results: pass --out=FOLDER.")
    proxy = {} if own["proxy_examples"] is None else {"training_examples": _count(own, "proxy_examples", 1)}
    return _Wanted(
        out=Path(own["out"]),
        space=own["space"] or "paper",
        objective=_one_of(own, "objective", OBJECTIVES),
        algorithm=_one_of(own, "algorithm", ALGORITHMS),
        max_trials=_count(own, "max_trials", 100),
        early_stop=None if own["early_stop"] is None else _count(own, "early_stop", 1),
        search_seed=2020 if own["search_seed"] is None else _count(own, "search_seed", 2020, least=0),
        seeds=_seeds(own["seeds"]),
        proxy=proxy,
    )


def _run(settings: dict[str, Any], config_files: list[str], wanted: _Wanted, command: list[str]) -> None:
    from recbole_adasid.tune.space import read_space

    space = read_space(wanted.space, known_keys() | {"tokenizer"})
    if space.size is None and wanted.algorithm == "exhaustive":
        shown = ", ".join(space.ranges)
        raise SettingsError(f"A range cannot be searched exhaustively ({shown}): pass --algorithm=bayes or random.")
    if twice := sorted(space.keys & settings.keys()):
        raise SettingsError(f"--{twice[0]} is given and searched as well: leave it to one of the two.")

    from recbole_adasid.host.hyper_tuning import search
    from recbole_adasid.locks import held
    from recbole_adasid.scorecard.cells import CellFolder
    from recbole_adasid.tune.report import write_report
    from recbole_adasid.tune.search import Judge

    objective = _objective(settings, config_files, wanted, space)
    folder, files = CellFolder(wanted.out), config_files
    judge = Judge(
        space=space, objective=objective, folder=folder, fixed=settings, config_files=files, seeds=wanted.seeds
    )
    judge.check()

    def score(point: dict[str, Any]) -> float:
        found = judge.score(point)
        write_report(folder.path, list(judge.trials.values()), objective.metric, settings, command)
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


def _objective(settings: dict[str, Any], config_files: list[str], wanted: _Wanted, space: Any) -> Any:
    from recbole_adasid.host.config import build_config
    from recbole_adasid.scorecard.proxy import ProxySettings
    from recbole_adasid.tune.objectives import Proxy, Validation
    from recbole_adasid.tune.search import refuse_what_the_proxy_ignores

    if wanted.objective == "proxy":
        refuse_what_the_proxy_ignores(space, _tokenizer_keys())
        return Proxy(ProxySettings(**wanted.proxy))
    config = build_config(settings, config_files)
    metric = str(config["valid_metric"])
    if not config["valid_metric_bigger"]:
        raise SettingsError(f"valid_metric={metric} is better the smaller it is: search by a metric of hits.")
    return Validation(metric, wanted.out / "runs", config_files)


def _tokenizer_keys() -> set[str]:
    files = ["tokenizers.yaml", *(f"tokenizer/{name}.yaml" for name in presets("tokenizer"))]
    return {"tokenizer"}.union(*(read_props(file) for file in files))


def _one_of(own: dict[str, Any], key: str, valid: Sequence[str]) -> str:
    value = own[key] or valid[0]
    if value not in valid:
        raise unknown_name(key, value, valid)
    return str(value)


def _count(own: dict[str, Any], key: str, default: int, *, least: int = 1) -> int:
    value = default if own[key] is None else own[key]
    if type(value) is not int or value < least:
        raise SettingsError(f"{key}={value!r} is no count: write --{key}={default}.")
    return value


def _seeds(value: str | None) -> list[int]:
    try:
        return [2020] if value is None else [int(part) for part in value.split(",")]
    except ValueError:
        raise SettingsError(f"seeds={value!r} is no list of whole numbers: write --seeds=2020,2021.") from None
