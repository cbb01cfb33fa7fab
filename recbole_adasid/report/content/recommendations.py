"""What the run recommends to example users of the test."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from recbole_adasid.data.item_labels import ItemLabel
from recbole_adasid.report.content.left_out import LeftOut
from recbole_adasid.report.content.text import cut, sid_text
from recbole_adasid.report.finished_run import FinishedRun
from recbole_adasid.run_folder.model_file import read_model
from recbole_adasid.run_folder.run_items import items_of
from recbole_adasid.serving.recommender import Recommendation, Recommender
from recbole_adasid.serving.trained_model import served_settings, trained_model
from recbole_adasid.tokenizer.agreement import shared_prefix

SHOWN_HISTORY = 12
LONGEST_LIST = 20


@dataclass(frozen=True)
class Recommended:
    """An item of a list."""

    title: str
    category: str
    sid: str
    score: str
    """Its probability or, if the model ranks by other scores, its score."""
    shared: int
    """Leading codes in common with the held-out item."""
    is_held_out: bool


@dataclass(frozen=True)
class UserExample:
    """A test user."""

    row: int
    """In test_ranks.npz, from 0."""
    chosen: str
    history: list[str]
    """Titles, oldest first, the last ones of a long history."""
    earlier: int
    """Items of the history that are not shown."""
    held_out: str
    held_out_sid: str
    recommended: list[Recommended]

    @property
    def rank(self) -> int | None:
        """Place of the held-out item in the list, from 1."""
        return next((place for place, one in enumerate(self.recommended, 1) if one.is_held_out), None)


def recommendations(run: FinishedRun) -> list[UserExample]:
    """Return the run's example users, with lists as long as the largest k that was evaluated, or `LONGEST_LIST`.

    They are those of the test, whatever was added to the catalogue or removed since, unless it ranked sampled items or
    reserved places for cold ones.

    Raises:
        LeftOut: if the run kept no users, because there was no test, or none with a rank for each held-out item.
    """
    users = run.examples.get("users") or []
    if not users:
        raise LeftOut("there was no test, or several held-out items of a user were ranked in one list")
    topk = run.settings["topk"]
    k = min(max(topk) if isinstance(topk, list) else topk, LONGEST_LIST)
    recommender, exclude_seen = _as_trained(run), bool(run.settings.get("eval_exclude_seen"))
    read = [user["history"][-recommender.max_history :] for user in users]  # the test leaves out what the model reads
    found = recommender.recommend_many(read, k, exclude_seen=exclude_seen)
    return [_example(run, **user, found=items) for user, items in zip(users, found)]


def _as_trained(run: FinishedRun) -> Recommender:
    """Return the run's recommender with the items of the run only."""
    saved = read_model(run.folder.model_path)
    settings = served_settings(saved)
    lengths = {"max_history": settings["MAX_ITEM_LIST_LENGTH"], "beam_size": settings["beam_size"]}
    return Recommender(trained_model(saved, settings).eval(), items_of(run.folder, saved), **lengths)


def _example(
    run: FinishedRun,
    *,
    row: int,
    chosen: str,
    history: list[str],
    earlier: int,
    held_out: str,
    found: list[Recommendation],
) -> UserExample:
    titles, bundle = run.title_of, run.bundle
    codes = bundle.codes_of([held_out, *(one.item for one in found)])
    common = shared_prefix(codes, np.zeros(len(found), dtype=np.int64), np.arange(1, len(codes)))
    return UserExample(
        row=row,
        chosen=chosen,
        history=[titles[token] for token in history[-SHOWN_HISTORY:]],
        earlier=earlier + max(0, len(history) - SHOWN_HISTORY),
        held_out=titles[held_out],
        held_out_sid=sid_text(codes[0].tolist()),
        recommended=[
            Recommended(
                title=titles[one.item],
                category=cut(bundle.labels.get(one.item, ItemLabel()).category),
                sid=sid_text(own.tolist()),
                score=f"{100 * math.exp(one.score):.2f}%" if run.searches else f"score {one.score:.2f}",
                shared=int(shared),
                is_held_out=one.item == held_out,
            )
            for one, own, shared in zip(found, codes[1:], common)
        ],
    )
