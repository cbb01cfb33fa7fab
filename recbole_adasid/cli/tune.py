"""`recbole-adasid tune`: hyperparameter search."""

from __future__ import annotations

from pathlib import Path

from recbole_adasid.cli.shared.command import Command
from recbole_adasid.cli.shared.common import (
    CONFIG_FILES,
    DATA_PATH,
    DATASET,
    OUT,
    PROXY_EXAMPLES,
    SEEDS,
    SETTINGS,
    refuse_seed,
    seed_list,
)
from recbole_adasid.cli.shared.options import COUNT, Option, need, split_options
from recbole_adasid.plugin.hyper_tuning import ALGORITHMS
from recbole_adasid.settings.presets import headline, presets

ABOUT = """\
Search hyperparameters with RecBole's tuner (hyperopt: pip install 'recbole-adasid[tuning]'). The folder --out gets a
table (README.md, table.json) and best.yaml, for --config_files of a run. Each point is scored by its mean over --seeds.
Run the same command again to resume, with the same result as without the interruption: finished trials are not
repeated.
"""
OBJECTIVES = ("proxy", "valid")
OWN = (
    OUT,
    Option("space", "SPACE", "a name from the list below, or your own YAML file (default: paper)", default="paper"),
    Option(
        "objective",
        "NAME",
        "proxy: the scorecard's proxy on Semantic IDs alone; valid: validation score of a whole run (default: proxy)",
        default=OBJECTIVES[0],
        choices=OBJECTIVES,
    ),
    Option(
        "algorithm",
        "NAME",
        "exhaustive: every grid point; random; bayes: hyperopt's TPE (default: exhaustive)",
        default=ALGORITHMS[0],
        choices=ALGORITHMS,
    ),
    Option("max_trials", "N", "maximum for random and bayes (default: 100)", COUNT, 100, least=1),
    Option("early_stop", "N", "stop after N trials without progress (default: never)", COUNT, least=1),
    Option("search_seed", "N", "seed of random and bayes (default: 2020)", COUNT, 2020, least=0),
    SEEDS,
    PROXY_EXAMPLES,
)


def _work(given: list[str]) -> None:
    own, settings, config_files = split_options(given, OWN)
    refuse_seed(settings)
    need(own, (OUT,), "tune")
    from recbole_adasid.tune.command import run_search

    examples = own.pop("proxy_examples")
    own |= {"out": Path(own["out"]), "seeds": seed_list(own["seeds"])}
    proxy = {} if examples is None else {"training_examples": examples}
    run_search(settings, config_files, given, **own, proxy=proxy)


def spaces_text() -> str:
    """Return the names and descriptions of the space presets."""
    return "\n".join(["spaces", *(f"  {name:<19}{headline(f'tuning/{name}.yaml')}" for name in presets("tuning"))])


COMMAND = Command(
    name="tune",
    summary="search hyperparameters with RecBole's tuner, by the scorecard's proxy or by validation",
    usage=("--dataset=NAME --out=FOLDER [--space=paper] [--objective=proxy] [--KEY=VALUE ...]",),
    about=ABOUT,
    options={"options": (DATASET, DATA_PATH, *OWN, CONFIG_FILES, SETTINGS)},
    work=_work,
    resume_hint="finished trials are kept: run the same command again to resume",
    memory_hint="lower train_batch_size, eval_batch_size, beam_size, tokenizer_batch_pairs or proxy_examples",
    help_end=spaces_text,
    log_level=None,
)
