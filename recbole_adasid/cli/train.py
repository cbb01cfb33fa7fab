"""`recbole-adasid train`, the main job: from settings to a run folder."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Collection, Sequence

from recbole_adasid.cli.shared.command import Command, asks_for_help
from recbole_adasid.cli.shared.common import CONFIG_FILES, DATA_PATH, DATASET
from recbole_adasid.cli.shared.console import escape_unknown_letters
from recbole_adasid.cli.shared.exit_status import ended
from recbole_adasid.cli.shared.options import Option
from recbole_adasid.plugin.launch import torchrun_options
from recbole_adasid.plugin.registration import OURS
from recbole_adasid.settings.arguments import parse_arguments
from recbole_adasid.settings.errors import SettingsError
from recbole_adasid.settings.plugins import with_plugins
from recbole_adasid.settings.presets import documented_lines, headline, presets

ABOUT = """\
Learn Semantic IDs for the items of a dataset, train the generative recommender TIGER on them, and print Recall and
NDCG on validation and test items. The run folder holds settings, Semantic IDs, metrics and model.

`recbole-adasid --KEY=VALUE ...` and, from a checkout, `python run_recbole_adasid.py --KEY=VALUE ...` do the same.

The exit status is 0, 2 for errors you can fix (a setting, a file, too little memory or disk), 130 after Ctrl-C and 143
after SIGTERM; a message says what was kept and how to resume.

examples
  recbole-adasid train
  recbole-adasid train --tokenizer=rqvae --dataset=amazon-toys --data_path=FOLDER
  recbole-adasid train --model=SASRec --dataset=amazon-toys --data_path=FOLDER --hidden_size=128
  recbole-adasid train --dataset=my-data --data_path=FOLDER --text_fields="[title, brand]" --epochs=10
"""
OPTIONS = (
    Option(
        "model",
        "NAME",
        "TIGER (default), LIGER, or another RecBole recommender on the same data and evaluation, such as SASRec, "
        "GRU4Rec, BPR or Pop, with its RecBole settings: docs/comparing.md",
    ),
    Option("tokenizer", "NAME", "how items get their Semantic IDs (default: adasid)"),
    DATASET,
    DATA_PATH,
    CONFIG_FILES,
    Option("nproc", "N", "number of processes on this machine; or use torchrun, see docs/distributed.md"),
    Option(
        "KEY",
        "VALUE",
        "any setting below or of RecBole; paths and texts are taken as written, other values are YAML: 0.001, true, "
        "[3, 5], ~ for none",
    ),
    Option("help", "", "show this text; with --model=NAME, the settings of another recommender"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the main job and return the exit status; see :mod:`recbole_adasid.cli.shared.exit_status`.

    Args:
        arguments: None: those of the process.
    """
    if arguments is None:
        escape_unknown_letters()
    return train(sys.argv[1:] if arguments is None else arguments, own_process=arguments is None)


def train(given: Sequence[str], *, own_process: bool) -> int:
    """Run the main job like :func:`main`.

    Args:
        given: its arguments.
        own_process: whether they are the process's own, so that torchrun can restart it with them, and end it.
    """
    if asks_for_help(given):
        print(_help_for(given))
        return 0
    status = ended(
        lambda: _work(list(given), own_process), resume_hint=COMMAND.resume_hint, memory_hint=COMMAND.memory_hint
    )
    if own_process and {"RANK", "TORCHELASTIC_RUN_ID"} <= os.environ.keys():
        _end_as_rank(status)
    return status


def _end_as_rank(status: int) -> None:
    """Exit a process started by torchrun after Python's clean-up, but before that of libraries.

    Processes have been seen to abort there after a successful job ("terminate called without an active exception": a
    thread was still running), so that torchrun considered the job failed.
    """
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _work(given: list[str], own_process: bool = False) -> int:
    settings, config_files = parse_arguments(with_plugins(given))  # torchrun's processes get all arguments again
    processes = torchrun_options(settings)
    if processes is not None and settings.get("model", "TIGER") not in OURS:
        raise SettingsError(f"{settings['model']} is trained by RecBole in one process: leave nproc out.")
    if processes is not None:
        return _start(processes, own_process)
    from recbole_adasid.plugin.run import run

    run(settings, config_files)
    return 0


def _start(processes: list[str], own_process: bool) -> int:
    if not own_process:
        raise SettingsError("nproc and world_size start new processes: give them on the command line, or use torchrun.")
    from recbole_adasid.plugin.launch import launch

    return launch(processes)


def _help_for(arguments: Sequence[str]) -> str:
    models = [argument.partition("=")[2] for argument in arguments if argument.startswith("--model=")]
    if not models or models[-1] == "TIGER":
        return COMMAND.help()
    from recbole_adasid.plugin.peers.names import peer_names

    return peer_help_text(models[-1]) if models[-1] in peer_names() else COMMAND.help()


def peer_help_text(model: str) -> str:
    """Return the settings of another recommender: its own, those shared with TIGER, and the rest."""
    from recbole_adasid.plugin.peers.names import documented_defaults
    from recbole_adasid.plugin.peers.settings import SHARED

    own = documented_defaults(model).strip().splitlines() or ["(none)"]
    parts = [f"settings of --model={model} (RecBole's)\n" + _indented(own)]
    parts += ["settings with TIGER's and the dataset's defaults\n" + _indented(_lines_of(SHARED))]
    parts += ["all other settings, such as epochs, train_batch_size and learning_rate, have RecBole's defaults"]
    return "\n\n".join(parts)


def _lines_of(keys: Collection[str]) -> list[str]:
    """Return the lines of TIGER's defaults that set some keys, with their continuation lines."""
    lines, wanted = [], False
    for line in documented_lines("model/TIGER.yaml"):
        if not line.startswith(" "):
            wanted = line.partition(":")[0] in keys
        lines += [line] if wanted else []
    return lines


def settings_text() -> str:
    """Return presets and every setting with its default and comment, from the files of defaults."""
    sections = []
    for kind in ("tokenizer", "dataset"):
        sections.append(
            f"{kind}s\n" + "\n".join(f"  {name:<16}{headline(f'{kind}/{name}.yaml')}" for name in presets(kind))
        )
    for title, file in (
        ("settings", "model/TIGER.yaml"),
        ("settings of LIGER", "model/LIGER.yaml"),
        ("settings of tokenizers", "tokenizers.yaml"),
    ):
        sections.append(f"{title} (props/{file})\n" + _indented(documented_lines(file)))
    for name in presets("tokenizer"):
        sections.append(f"settings of --tokenizer={name}\n" + _indented(documented_lines(f"tokenizer/{name}.yaml")[1:]))
    return "\n\n".join(sections)


def _indented(lines: Sequence[str]) -> str:
    return "\n".join(f"  {line}" if line else "" for line in lines)


COMMAND = Command(
    name="train",
    summary="learn Semantic IDs, train a recommender on them and test it: the main job",
    usage=('[--tokenizer=NAME] [--dataset=NAME] [--config_files="A.yaml"] [--KEY=VALUE ...]',),
    about=ABOUT,
    options={"options": OPTIONS},
    work=_work,
    resume_hint="work saved so far is intact; the last line of the log, if there is one, says how to resume",
    memory_hint=(
        "lower train_batch_size, eval_batch_size or beam_size; tokenizer_batch_pairs if the tokenizer was training"
    ),
    help_end=settings_text,
    log_level=None,
    runs_bare=True,
)
