"""Implementation of `recbole-adasid recommend`: recommendations for one history or a file of them."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from recbole_adasid.io.atomic import write_atomically, written_whole
from recbole_adasid.io.checked_input import number_of_items, share_of_places
from recbole_adasid.io.json_file import parse_json
from recbole_adasid.io.text_file import read_text_lines
from recbole_adasid.serving.recommender import Recommendation, Recommender


def recommend(given: Mapping[str, Any]) -> None:
    """Print recommendations for one history, or write those for a file of histories.

    Args:
        given: `run_folder`, either `history` or `input` and `out`, and the command's options.
    """
    options = _options(given)
    device = usable_device(given["device"])
    recommender = Recommender.load(given["run_folder"], device=device, retrieval=given["retrieval"])
    if given["history"] is not None:
        for rank, one in enumerate(recommender.recommend(given["history"].split(), **options), start=1):
            print(f"{rank}\t{one.item}\t{one.score:.4f}\t{one.title}".rstrip())
        return
    records = read_histories(Path(given["input"]))
    started = time.perf_counter()
    histories = [record["history"] for record in records]
    found = recommender.recommend_many(histories, progress=given["show_progress"], **options)
    seconds = time.perf_counter() - started
    _write(Path(given["out"]), [_result(*one) for one in zip(records, found)])
    print(f"{len(records)} histories in {seconds:.1f} s ({len(records) / seconds:.0f}/s): {given['out']}")


def _options(given: Mapping[str, Any]) -> dict[str, Any]:
    options: dict[str, Any] = {key: given[key] for key in ("k", "exclude_seen", "category", "new_share")}
    number_of_items(options["k"])
    share_of_places(options["new_share"])
    for key in ("allow", "deny"):
        if given[key] is not None:
            options[key] = [token for token in read_text_lines(Path(given[key])) if token]
    return options


def usable_device(device: str) -> str:
    """Return the name of a device after checking that it works; torch's own errors fill a page."""
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"device={device!r} cannot be used here ({reason}): leave --device out for the CPU") from None
    return device


def read_histories(path: Path) -> list[dict[str, Any]]:
    """Return the records of a JSONL file, each with a list of item tokens as ``history``.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: naming the first line that holds anything else.
    """
    records = []
    for number, line in enumerate(read_text_lines(path), start=1):
        try:
            entry = parse_json(line)
        except ValueError as error:
            raise ValueError(f"{path}, line {number} is not JSON ({error}): write one list of items per line") from None
        record = entry if isinstance(entry, dict) else {"history": entry}
        history = record.get("history")
        if not isinstance(history, list) or not all(isinstance(token, str) for token in history):
            raise ValueError(
                f'{path}, line {number} is not a list of item tokens: write ["a", "b"] or {{"history": ["a", "b"]}}'
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
