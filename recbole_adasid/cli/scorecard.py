"""`recbole-adasid scorecard`: compare tokenizers without training a recommender."""

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
from recbole_adasid.cli.shared.options import Option, need, split_options
from recbole_adasid.settings.errors import SettingsError
from recbole_adasid.settings.presets import headline, presets

ABOUT = """\
Learn Semantic IDs with several tokenizers and seeds and score them without training a recommender. The folder --out
gets a table (README.md, table.csv, table.json: mean ± standard deviation over seeds), the landscape of AdaSID's Figure
3 (landscape.html, landscape.png), and report.html, a page with both and codeword usage. Run the same command again to
resume: finished cells are not repeated.
"""
TOKENIZERS = Option(
    "tokenizers", "A,B", "names from the lists below, or your own YAML settings files (default: all tokenizers)"
)
OWN = (OUT, TOKENIZERS, SEEDS, PROXY_EXAMPLES)


def _work(given: list[str]) -> None:
    own, settings, config_files = split_options(given, OWN)
    refuse_seed(settings)
    if "tokenizer" in settings:
        raise SettingsError(
            "This command takes its tokenizers from --tokenizers, as in --tokenizers=rqvae: leave --tokenizer out."
        )
    need(own, (OUT,), "scorecard")
    from recbole_adasid.plugin.scorecard import run_scorecard
    from recbole_adasid.scorecard.competitors import competitors

    examples = own["proxy_examples"]
    run_scorecard(
        settings,
        config_files,
        Path(own["out"]),
        given,
        competitors=competitors(own["tokenizers"]),
        seeds=seed_list(own["seeds"]),
        proxy={} if examples is None else {"training_examples": examples},
    )


def names_text() -> str:
    """Return the names and descriptions of tokenizers and variants."""
    lists = [
        f"{kind}s\n" + "\n".join(f"  {name:<27}{headline(f'{kind}/{name}.yaml')}" for name in presets(kind))
        for kind in ("tokenizer", "variant")
    ]
    return "\n\n".join(lists)


COMMAND = Command(
    name="scorecard",
    summary="compare tokenizers on a dataset without training a recommender",
    usage=("--dataset=NAME --out=FOLDER [--tokenizers=A,B] [--seeds=1,2] [--KEY=VALUE ...]",),
    about=ABOUT,
    options={"options": (DATASET, DATA_PATH, *OWN, CONFIG_FILES, SETTINGS)},
    work=_work,
    resume_hint="finished cells are kept: run the same command again to resume",
    memory_hint="lower tokenizer_batch_pairs or proxy_examples",
    help_end=names_text,
    log_level=None,
)
