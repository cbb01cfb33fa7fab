"""Recommendations of a finished run on the command line: for one history, or for a file of histories.

    python -m recbole_adasid.recommend --run_folder=runs/… --history="item item" [--k=10]
    python -m recbole_adasid.recommend --run_folder=runs/… --input=histories.jsonl --output=recommended.jsonl

A line of the input is a list of item tokens, oldest first, or a mapping with such a list as `history`; whatever else it
holds is copied to the same line of the output, beside `items`, `scores` and `titles`. An output that ends in .parquet
is a table of them (needs the extra `parquet`). `--exclude_seen=false` lets items of the history return; `--allow=FILE`
and `--deny=FILE` name files of item tokens, one a line; `--category=NAME` keeps to items whose category has it as whole
words; `--new_share=0.1` keeps that share of the places for items that were added after training. Of a LIGER,
`--retrieval` chooses dense, generative or hybrid in place of what the run was set to.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from recbole_adasid.artefacts import parse_json, write_atomically
from recbole_adasid.checked_input import number_of_items, share_of_places, switch
from recbole_adasid.cli import parse_arguments, run_command
from recbole_adasid.host.settings import SettingsError, refuse_unknown_keys
from recbole_adasid.recommender import Recommendation, Recommender
from recbole_adasid.text_files import read_text_lines
from recbole_adasid.writing import written_whole

KEYS = (
    "run_folder",
    "history",
    "input",
    "output",
    "k",
    "exclude_seen",
    "allow",
    "deny",
    "category",
    "new_share",
    "retrieval",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments say and return the exit status: 0, or what :mod:`recbole_adasid.ending` says."""
    kept = "nothing was written: run the same command again"
    spare = "ask for a smaller k, or for fewer histories at a time"
    return run_command(arguments, str(__doc__), _run, kept=kept, spare=spare)


def _run(given: Sequence[str]) -> None:
    plain = [key for key in KEYS if key not in ("k", "exclude_seen", "new_share")]
    settings, _ = parse_arguments(given, as_written=plain)
    refuse_unknown_keys(settings, KEYS, source="the command line")
    if "run_folder" not in settings or ("history" in settings) == ("input" in settings):
        raise SettingsError("Give --run_folder, and either --history or --input and --output; see --help.")
    options = _options(settings)
    recommender = Recommender.load(settings["run_folder"], retrieval=settings.get("retrieval"))
    if "history" in settings:
        for rank, one in enumerate(recommender.recommend(settings["history"].split(), **options), start=1):
            print(f"{rank}\t{one.item}\t{one.score:.4f}\t{one.title}".rstrip())
        return
    if "output" not in settings:
        raise SettingsError("Give --output, the file for the recommendations.")
    records = read_histories(Path(settings["input"]))
    started = time.perf_counter()
    found = recommender.recommend_many([record["history"] for record in records], progress=True, **options)
    seconds = time.perf_counter() - started
    _write(Path(settings["output"]), [_result(*one) for one in zip(records, found)])
    print(f"{len(records)} histories in {seconds:.1f} s ({len(records) / seconds:.0f}/s): {settings['output']}")


def _options(settings: dict[str, Any]) -> dict[str, Any]:
    options: dict[str, Any] = {
        key: settings[key] for key in ("k", "exclude_seen", "category", "new_share") if key in settings
    }
    number_of_items(options.get("k", 1))
    switch(options.get("exclude_seen", True), "exclude_seen")
    share_of_places(options.get("new_share", 0))
    for key in ("allow", "deny"):
        if key in settings:
            options[key] = [token for token in read_text_lines(Path(settings[key])) if token]
    return options


def read_histories(path: Path) -> list[dict[str, Any]]:
    """Return the records of a JSONL file, each with a list of item tokens as ``history``.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: naming the first line that holds something else.
    """
    records = []
    for number, line in enumerate(read_text_lines(path), start=1):
        try:
            entry = parse_json(line)
        except ValueError as error:
            raise ValueError(f"{path}, line {number} is no JSON ({error}): write one list of items a line") from None
        record = entry if isinstance(entry, dict) else {"history": entry}
        history = record.get("history")
        if not isinstance(history, list) or not all(isinstance(token, str) for token in history):
            raise ValueError(
                f'{path}, line {number} holds no list of item tokens: write ["a", "b"] or {{"history": ["a", "b"]}}'
            )
        records.append(record)
    return records


def _result(record: dict[str, Any], found: Sequence[Recommendation]) -> dict[str, Any]:
    rest = {key: value for key, value in record.items() if key != "history"}
    scores = [round(one.score, 6) for one in found]
    return {**rest, "items": [one.item for one in found], "scores": scores, "titles": [one.title for one in found]}


def _write(path: Path, results: list[dict[str, Any]]) -> None:
    if path.suffix != ".parquet":
        write_atomically(path, "".join(json.dumps(result, ensure_ascii=False) + "\n" for result in results))
        return
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise ValueError(f"{path} needs an extra: run pip install 'recbole-adasid[parquet]'") from error
    names = list(dict.fromkeys(name for result in results for name in result))
    table = pyarrow.table({name: [result.get(name) for result in results] for name in names})
    with written_whole(path) as waiting:
        parquet.write_table(table, waiting)


if __name__ == "__main__":
    sys.exit(main())
