"""Implementation of `recbole-adasid recommend`: recommendations for one history or a file of them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from recbole_adasid.io.checked_input import number_of_items, share_of_places
from recbole_adasid.io.text_file import read_text_lines
from recbole_adasid.serving.history_files import (
    HISTORY,
    ITEMS,
    SCORES,
    TITLES,
    check_fields,
    check_place,
    read_histories,
    write_recommendations,
)
from recbole_adasid.serving.recommender import Recommendation, Recommender
from recbole_adasid.serving.trained_model import CHOICES


def recommend(given: Mapping[str, Any]) -> None:
    """Print recommendations for one history, or write those for a file of histories.

    Args:
        given: `run_folder`, either `history` or `input` and `out`, and the command's options.
    """
    options = _options(given)
    records = None if given["history"] is not None else _records(given)  # a mistake is told before the model is loaded
    device = usable_device(given["device"])
    recommender = Recommender.load(given["run_folder"], device=device, **{name: given[name] for name in CHOICES})
    if records is None:
        for rank, one in enumerate(recommender.recommend(given["history"].split(), **options), start=1):
            print(f"{rank}\t{one.item}\t{one.score:.4f}\t{one.title}".rstrip())
        return
    started = time.perf_counter()
    histories = [record[HISTORY] for record in records]
    found = recommender.recommend_many(histories, progress=given["show_progress"], **options)
    seconds = time.perf_counter() - started
    write_recommendations(Path(given["out"]), [_result(*one) for one in zip(records, found)])
    print(f"{len(records)} histories in {seconds:.1f} s ({len(records) / seconds:.0f}/s): {given['out']}")


def _records(given: Mapping[str, Any]) -> list[dict[str, Any]]:
    path, out = Path(given["input"]), Path(given["out"])
    check_place(out)
    records = read_histories(path)
    check_fields(path, out, records)
    return records


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


def _result(record: dict[str, Any], found: Sequence[Recommendation]) -> dict[str, Any]:
    rest = {key: value for key, value in record.items() if key != HISTORY}
    scores = [round(one.score, 6) for one in found]
    return {**rest, ITEMS: [one.item for one in found], SCORES: scores, TITLES: [one.title for one in found]}
