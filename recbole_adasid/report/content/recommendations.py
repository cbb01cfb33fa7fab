"""What the run recommends to example users of the test."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from recbole_adasid.report.content.left_out import LeftOut
from recbole_adasid.report.content.text import cut, sid_text
from recbole_adasid.report.run_content import RunContent
from recbole_adasid.serving.recommender import Recommendation, Recommender
from recbole_adasid.tokenizer.agreement import shared_prefix

SHOWN_HISTORY = 12
LONGEST_LIST = 20


@dataclass(frozen=True)
class Recommended:
    """An item of a list."""

    title: str
    category: str
    sid: str
    probability: float
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


def recommendations(run: RunContent) -> list[UserExample]:
    """Return the run's example users, with lists as long as the largest k that was evaluated, or `LONGEST_LIST`.

    As in the test, items that a user had before may be recommended again.

    Raises:
        LeftOut: if the run kept no users, because there was no test, or none with a rank for each held-out item.
    """
    users = run.examples.get("users") or []
    if not users:
        raise LeftOut("there was no test, or several held-out items of a user were ranked in one list")
    topk = run.settings["topk"]
    k = min(max(topk) if isinstance(topk, list) else topk, LONGEST_LIST)
    found = Recommender.load(run.folder.path).recommend_many([user["history"] for user in users], k, exclude_seen=False)
    return [_example(run, **user, found=items) for user, items in zip(users, found)]


def _example(
    run: RunContent,
    *,
    row: int,
    chosen: str,
    history: list[str],
    earlier: int,
    held_out: str,
    found: list[Recommendation],
) -> UserExample:
    titles, bundle = run.title_of, run.bundle
    items = [one for one in found if one.item in titles]  # without items added after the run
    codes = bundle.codes_of([held_out, *(one.item for one in items)])
    common = shared_prefix(codes, np.zeros(len(items), dtype=np.int64), np.arange(1, len(codes)))
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
                category=cut(one.category),
                sid=sid_text(own.tolist()),
                probability=math.exp(one.score),
                shared=int(shared),
                is_held_out=one.item == held_out,
            )
            for one, own, shared in zip(items, codes[1:], common)
        ],
    )
