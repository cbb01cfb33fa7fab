"""The command line: settings in, a run folder out."""

from __future__ import annotations

import atexit
import logging
import os
import sys
from collections.abc import Callable, Collection, Sequence
from typing import Any

from recbole_adasid.ending import SPARE, ended
from recbole_adasid.host.launch import torchrun_options
from recbole_adasid.host.peers.names import OURS
from recbole_adasid.host.props import documented_lines, headline, presets
from recbole_adasid.host.settings import SettingsError, parse_value, written_paths

USAGE = """\
usage: python run_recbole_adasid.py [--tokenizer=NAME] [--dataset=NAME] [--config_files="A.yaml"] [--KEY=VALUE ...]

Learn Semantic IDs for the items of a dataset, train the generative recommender TIGER on them, and print Recall and
NDCG on validation and test items. A run folder keeps settings, Semantic IDs, metrics and model.

  --model=NAME            TIGER (default), or another recommender of RecBole on the same data and evaluation, such as
                          SASRec, GRU4Rec, BPR or Pop, with RecBole's settings of it: docs/comparing.md
  --tokenizer=NAME        how items get their Semantic IDs (default: adasid)
  --dataset=NAME          a preset below, or any NAME with --data_path=FOLDER holding NAME/NAME.inter (default: ml-100k)
  --config_files=FILES    YAML files of settings, separated by spaces (a path with spaces quoted once more); later ones
                          win, the command line wins over all
  --nproc=N               N processes on this machine; or start this under torchrun, see docs/distributed.md
  --KEY=VALUE             any setting below or of RecBole; values are read as YAML: 0.001, true, [3, 5], ~ for none
  --help                  this text; with --model=NAME the settings of another recommender

The exit status is 0, 2 for what can be put right (a setting, a file, too little memory or disk), 130 after Ctrl-C and
143 after SIGTERM; a sentence says what was kept and how to go on.

examples
  python run_recbole_adasid.py
  python run_recbole_adasid.py --tokenizer=rqvae --dataset=amazon-toys --data_path=FOLDER
  python run_recbole_adasid.py --model=SASRec --dataset=amazon-toys --data_path=FOLDER --hidden_size=128
  python run_recbole_adasid.py --dataset=my-data --data_path=FOLDER --text_fields="[title, brand]" --epochs=10
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the main job as the arguments say and return the exit status, 0 or what :mod:`recbole_adasid.ending` says."""
    status = _main(arguments)
    if arguments is None and {"RANK", "TORCHELASTIC_RUN_ID"} <= os.environ.keys():
        _end_as_rank(status)
    return status


def _end_as_rank(status: int) -> None:
    """End a process that torchrun started after Python's clean-up, but before that of libraries.

    A process whose job had ended well was seen to abort there ("terminate called without an active exception": a thread
    was still running), and torchrun took the job for failed.
    """
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _main(arguments: Sequence[str] | None) -> int:
    given = list(sys.argv[1:] if arguments is None else arguments)
    if "--help" in given or "-h" in given:
        print(_help_for(given))
        return 0
    return ended(lambda: _work(given, arguments), kept=_KEPT, spare=_SPARE)


def _work(given: list[str], arguments: Sequence[str] | None) -> int:
    settings, config_files = parse_arguments(given)
    processes = torchrun_options(settings)
    if processes is not None and settings.get("model", "TIGER") not in OURS:
        raise SettingsError(f"{settings['model']} is trained by RecBole in one process: leave nproc out.")
    if processes is not None:
        return _start(processes, arguments)
    from recbole_adasid.host.run import run

    run(settings, config_files)
    return 0


def _start(processes: list[str], arguments: Sequence[str] | None) -> int:
    if arguments is not None:
        raise SettingsError("nproc and world_size start this program anew: give them on the command line, or torchrun.")
    from recbole_adasid.host.launch import launch

    return launch(processes)


_KEPT = "what was kept before is intact, and the last line of the log, if there is one, says how to go on"
_SPARE = "lower train_batch_size, eval_batch_size or beam_size, or tokenizer_batch_pairs if the tokenizer was training"


def run_command(
    arguments: Sequence[str] | None,
    usage: str | Callable[[], str],
    work: Callable[[list[str]], int | None],
    *,
    kept: str,
    spare: str = SPARE,
    log_level: int | None = logging.INFO,
) -> int:
    """Do what a command's arguments say and return the exit status: 0, or what :func:`ended` or the work says.

    Args:
        arguments: None: those of the process.
        usage: the text of --help, which no arguments at all show, too.
        work: gets the arguments; what the user can put right it raises as an error of one sentence.
        kept: what becomes of what was done, and how to go on, for one who stops the command or runs out of memory.
        spare: how to get by with less memory.
        log_level: from which on the log is shown; None: left as it is.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or "--help" in given or "-h" in given:
        print(usage if isinstance(usage, str) else usage())
        return 0
    if log_level is not None:
        logging.basicConfig(level=log_level, format="%(message)s")
    return ended(lambda: work(given), kept=kept, spare=spare)


def parse_arguments(arguments: Sequence[str], *, as_written: Collection[str] = ()) -> tuple[dict[str, Any], list[str]]:
    """Return settings and settings files from `--key=value` or `--key value` arguments.

    Values are read as YAML, but for those of some keys, and of further ones `as_written`.

    Raises:
        SettingsError: for anything else, or a key that is given two values.
    """
    settings: dict[str, Any] = {}
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        key, equals, text = argument[2:].partition("=")
        if not argument.startswith("--") or not key:
            raise SettingsError(f"The argument {argument!r} is not of the form --key=value; see --help.")
        if not equals:
            if not rest or rest[0].startswith("--"):
                raise SettingsError(f"The setting {argument} has no value: write {argument}=VALUE.")
            text = rest.pop(0)
        if key in settings:
            raise SettingsError(f"The setting --{key} is given twice: keep one.")
        settings[key] = text if key in as_written or _is_as_written(key, text) else parse_value(text)
    return settings, written_paths(settings.pop("config_files", ""))


def _is_as_written(key: str, text: str) -> bool:
    # A template's colons and braces would be YAML.
    return key in ("model", "dataset", "tokenizer", "config_files") or key == "text_template" and text != "~"


def _help_for(arguments: Sequence[str]) -> str:
    models = [argument.partition("=")[2] for argument in arguments if argument.startswith("--model=")]
    if not models or models[-1] == "TIGER":
        return help_text()
    from recbole_adasid.host.peers.names import peer_names

    return peer_help_text(models[-1]) if models[-1] in peer_names() else help_text()


def peer_help_text(model: str) -> str:
    """Return the settings of another recommender: RecBole's of the model, those it shares with TIGER, and the rest."""
    from recbole_adasid.host.peers.names import documented_defaults
    from recbole_adasid.host.peers.settings import SHARED

    own = documented_defaults(model).strip().splitlines() or ["(none)"]
    parts = [f"settings of --model={model} (RecBole's)\n" + _indented(own)]
    parts += ["settings that have TIGER's and the dataset's defaults\n" + _indented(_lines_of(SHARED))]
    parts += ["all others, such as epochs, train_batch_size and learning_rate, have RecBole's"]
    return "\n\n".join(parts)


def _lines_of(keys: Collection[str]) -> list[str]:
    """Return the lines of TIGER's defaults that set some keys, with what belongs to them."""
    lines, wanted = [], False
    for line in documented_lines("model/TIGER.yaml"):
        if not line.startswith(" "):
            wanted = line.partition(":")[0] in keys
        lines += [line] if wanted else []
    return lines


def help_text() -> str:
    """Return usage, presets and every setting with its default and comment, all taken from the files of defaults."""
    sections = [USAGE]
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
