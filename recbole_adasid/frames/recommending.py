"""Recommendations for the users of a table in memory."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Any

import numpy as np

from recbole_adasid.frames.interactions import ITEM, USER, read_interactions
from recbole_adasid.io.checked_input import short
from recbole_adasid.io.frames import Frame, ids_like, made_like
from recbole_adasid.serving.recommender import Recommender
from recbole_adasid.settings.errors import SettingsError

_RANK, _SCORE, _TITLE, _CATEGORY = "rank", "score", "title", "category"


def recommend(
    recommender: Recommender,
    interactions: Any,
    k: int = 10,
    *,
    columns: Mapping[str, str] | None = None,
    time_unit: str = "s",
    **options: Any,
) -> Any:
    """Recommend up to ``k`` items to each user of a table of interactions; return a table of the same library.

    Args:
        recommender: a loaded run.
        interactions: a pandas, Polars or Arrow table with a user and an item per row. A time column orders each user's
            history; without one, rows have to be in chronological order.
        columns: its column names for `user_id`, `item_id` and `timestamp`, where they differ.
        k: items for each user.
        time_unit: unit of numeric times: s, ms, us or ns.
        **options: `exclude_seen`, `allow`, `deny`, `category`, `new_share` and `progress`, as for
            :meth:`~recbole_adasid.serving.recommender.Recommender.recommend_many`.

    Returns:
        A row per recommended item: user, rank (from 1), item, score, title and category. Users are in order of first
        appearance; those without a known item get no rows. User and item columns have the names of the given table,
        and users its values. Items are integers if its column and all catalogue tokens are, otherwise strings.

    Raises:
        SettingsError: for a missing column.
        ValueError: if ``recommender`` is no recommender or ``interactions`` no table, if none of its rows is usable,
            or as in `recommend_many`.
        ImportError: if narwhals is not installed.
    """
    if not isinstance(recommender, Recommender):
        raise ValueError(
            f"recommender is {short(recommender)}: pass a loaded run, as Recommender.load(run_folder) gives"
        )
    frame, names = Frame(interactions, "interactions"), columns or {}
    user, item = names.get(USER, USER), names.get(ITEM, ITEM)
    _refuse_clash(user, item)
    read = read_interactions(frame, names, time_unit=time_unit, timed=False)
    starts = np.flatnonzero(np.diff(read.users, prepend=-1))
    tokens = np.array(read.item_tokens, dtype=object)[read.items]
    histories = [history.tolist() for history in np.split(tokens, starts[1:])] if len(tokens) else []
    found = recommender.recommend_many(histories, k, **options)
    counts = [len(one) for one in found]
    flat = list(chain.from_iterable(found))
    table = frame.select([user, item])
    number_of = {token: number for number, token in enumerate(recommender.tokens)}
    catalogue = ids_like(table, item, recommender.tokens)
    made = {
        user: table[user][np.repeat(read.first_rows, counts).tolist()],
        _RANK: np.concatenate([np.arange(1, count + 1) for count in counts]) if counts else np.empty(0, dtype=np.int64),
        item: catalogue[np.array([number_of[one.item] for one in flat], dtype=np.int64)],
        _SCORE: np.array([one.score for one in flat], dtype=np.float64),
        _TITLE: np.array([one.title for one in flat], dtype=object),
        _CATEGORY: np.array([one.category for one in flat], dtype=object),
    }
    return made_like(table, made)


def _refuse_clash(user: str, item: str) -> None:
    taken = (_RANK, _SCORE, _TITLE, _CATEGORY)
    for name in (user, item):
        if name in taken:
            raise SettingsError(f"The column {name!r} clashes with one of the result ({', '.join(taken)}): rename it.")
    if user == item:
        raise SettingsError(f"user_id and item_id are both the column {user!r}: name two columns.")
