"""`recbole-adasid tune`: a search for hyperparameters."""

from __future__ import annotations

from pathlib import Path

from recbole_adasid.cli.command import Command
from recbole_adasid.cli.common import (
    CONFIG_FILES,
    DATA_PATH,
    DATASET,
    OUT,
    PROXY_EXAMPLES,
    SEEDS,
    SETTINGS,
    seed_list,
)
from recbole_adasid.cli.options import COUNT, Option, need, split_options
from recbole_adasid.plugin.hyper_tuning import ALGORITHMS
from recbole_adasid.settings.presets import headline, presets

ABOUT = """\
Search hyperparameters with RecBole's tuner (hyperopt: pip install 'recbole-adasid[tuning]'). The folder --out gets a
table (README.md, table.json) and best.yaml, to be given to a run as --config_files. Each point is judged by its mean
over --seeds. The same command goes on where it stopped, and gives what it would have given: finished trials are not run
again.
"""
OBJECTIVES = ("proxy", "valid")
OWN = (
    OUT,
    Option(
        "space", "SPACE", "a name from the list below, or a YAML file of your own (default: paper)", default="paper"
    ),
    Option(
        "objective",
        "NAME",
        "proxy: the scorecard's, of Semantic IDs alone; valid: validation of a whole run (default: proxy)",
        default=OBJECTIVES[0],
        choices=OBJECTIVES,
    ),
    Option(
        "algorithm",
        "NAME",
        "exhaustive: every point of a grid; random; bayes: hyperopt's TPE (default: exhaustive)",
        default=ALGORITHMS[0],
        choices=ALGORITHMS,
    ),
    Option("max_trials", "N", "of random and bayes (default: 100)", COUNT, 100, least=1),
    Option("early_stop", "N", "trials without progress to stop after (default: never)", COUNT, least=1),
    Option("search_seed", "N", "of the points that random and bayes draw (default: 2020)", COUNT, 2020, least=0),
    SEEDS,
    PROXY_EXAMPLES,
)


def _work(given: list[str]) -> None:
    own, settings, config_files = split_options(given, OWN)
    need(own, (OUT,), "tune")
    from recbole_adasid.tune.command import Wanted, run_search

    examples = own.pop("proxy_examples")
    wanted = Wanted(
        **{
            **own,
            "out": Path(own["out"]),
            "seeds": seed_list(own["seeds"]),
            "proxy": {} if examples is None else {"training_examples": examples},
        }
    )
    run_search(settings, config_files, wanted, given)


def spaces_text() -> str:
    """Return the presets of spaces, and what they are."""
    return "\n".join(["spaces", *(f"  {name:<19}{headline(f'tuning/{name}.yaml')}" for name in presets("tuning"))])


COMMAND = Command(
    name="tune",
    summary="hyperparameters searched with RecBole's tuner, by the scorecard's proxy or by validation",
    usage=("--dataset=NAME --out=FOLDER [--space=paper] [--objective=proxy] [--KEY=VALUE ...]",),
    about=ABOUT,
    options={"options": (DATASET, DATA_PATH, *OWN, CONFIG_FILES, SETTINGS)},
    work=_work,
    kept="finished trials are kept, and the same command goes on from there",
    spare="lower train_batch_size, eval_batch_size, beam_size, tokenizer_batch_pairs or proxy_examples",
    more=spaces_text,
    log_level=None,
)
