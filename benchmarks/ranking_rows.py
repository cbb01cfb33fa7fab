"""The rows that ranking models are trained and evaluated on: interactions in time order, and sampled negatives.

Each user's last interaction is for testing, the one before for validation, and the others for training, except a
user's first, which has no history. Each gets two negatives, drawn once with a separate seed: one uniformly from the
catalogue, one in proportion to training frequency. Neither is an item that the user had by the end of that split: no
test negative is any item of its user, and training negatives do not depend on held-out items.

Letters: E examples, R = 3 E rows, N items, T items of the longest history.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.bundle.item_file import sid_columns, write_item_file
from recbole_adasid.bundle.item_sids import as_item_sids
from recbole_adasid.io.atomic import written_whole

NEGATIVES_SEED, CONTROL_SEED = 1, 2
POSITIVE, UNIFORM, POPULAR = 0, 1, 2
"""Kinds of rows."""
PARTS = ("train", "valid", "test")
CONTROL = "control"
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Rows:
    """Labelled rows of one part: all positives, then a uniform negative of each, then a popular one of each."""

    users: IntArray
    """RecBole's user ids [R]."""
    items: IntArray
    """RecBole's item ids [R], 1 … N."""
    kinds: IntArray
    """`POSITIVE`, `UNIFORM` or `POPULAR` [R]."""
    histories: list[IntArray]
    """Item ids before each example [E], oldest first; row r has history r mod E."""

    @property
    def labels(self) -> IntArray:
        """1 for a positive, 0 for a negative [R]."""
        return (self.kinds == POSITIVE).astype(np.int64)


@dataclass(frozen=True)
class RankingData:
    """All parts, and what was trained on."""

    parts: dict[str, Rows]
    popularity: IntArray
    """How often each item id [N + 1] was trained on; entry 0 is padding."""
    user_tokens: Sequence[str]
    """By user id."""
    item_tokens: Sequence[str]
    """By item id."""


def ranking_data(parts: Sequence[Any], *, seed: int = NEGATIVES_SEED) -> RankingData:
    """Return the rows of a dataset's training, validation and test part, see :class:`TIGERDataset.build`."""
    items = parts[0].training_items()
    users, trained = items.training_interactions().arrays()
    n_items = len(items.tokens)
    popularity = np.bincount(trained + 1, minlength=n_items + 1)
    owned, random, rows = _keys(users, trained + 1, n_items), np.random.default_rng(seed), {}
    for name, part in zip(PARTS, parts):
        users, targets = _examples(part)
        owned = np.union1d(owned, _keys(users, targets, n_items))
        rows[name] = _rows(users, targets, owned, popularity, random, _histories(part))
    user_tokens = [str(token) for token in parts[0].field2id_token[parts[0].uid_field]]
    return RankingData(rows, popularity, user_tokens, ["", *items.tokens])


def _examples(part: Any) -> tuple[IntArray, IntArray]:
    """Return users and target items [E]."""
    table = part.inter_feat
    return table[part.uid_field].numpy(), table[part.iid_field].numpy()


def _histories(part: Any) -> list[IntArray]:
    chosen, windows = part.inter_feat["window"].numpy(), part.windows
    spans = zip(windows.starts[chosen], windows.lengths[chosen])
    return [windows.flat_items[start : start + length] for start, length in spans]


def _rows(
    users: IntArray,
    targets: IntArray,
    owned: IntArray,
    popularity: IntArray,
    random: np.random.Generator,
    histories: list[IntArray],
) -> Rows:
    n_items, by_popularity = len(popularity) - 1, np.cumsum(popularity) / popularity.sum()
    uniform = unowned(users, owned, n_items, lambda count: random.integers(1, n_items + 1, size=count))
    popular = unowned(
        users, owned, n_items, lambda count: np.searchsorted(by_popularity, random.random(count), side="right")
    )
    return Rows(
        users=np.tile(users, 3),
        items=np.concatenate([targets, uniform, popular]),
        kinds=np.repeat([POSITIVE, UNIFORM, POPULAR], len(users)),
        histories=histories,
    )


def unowned(users: IntArray, owned: IntArray, n_items: int, draw: Callable[[int], IntArray]) -> IntArray:
    """Return an item for each of ``users`` [E] that is none of the user's own.

    Args:
        users: ids.
        owned: sorted keys of all interactions, see :func:`_keys`.
        n_items: N.
        draw: gives so many item ids.

    Raises:
        ValueError: if a user gets nothing but items of their own.
    """
    items = draw(len(users))
    for _ in range(1000):
        again = np.flatnonzero(np.isin(_keys(users, items, n_items), owned))
        if not len(again):
            return items
        items[again] = draw(len(again))
    raise ValueError(f"user number {users[again[0]]} has had every item that can be drawn: leave such users out")


def _keys(users: IntArray, items: IntArray, n_items: int) -> IntArray:
    """Return one number for each pair of user and item."""
    return users.astype(np.int64) * (n_items + 1) + items


def write_rows(data: RankingData, folder: Path, name: str) -> None:
    """Write NAME.train.inter, NAME.valid.inter and NAME.test.inter, which RecBole reads by `benchmark_filename`.

    Columns: user, item, items before, label.
    """
    for part, rows in data.parts.items():
        histories = [" ".join(data.item_tokens[item] for item in history) for history in rows.histories]
        lines = (
            f"{data.user_tokens[user]}\t{data.item_tokens[item]}\t{histories[row % len(histories)]}\t{label}\n"
            for row, (user, item, label) in enumerate(zip(rows.users, rows.items, rows.labels))
        )
        path = folder / f"{name}.{part}.inter"
        with written_whole(path) as waiting, waiting.open("w", encoding="utf-8", newline="\n") as stream:
            stream.write("user_id:token\titem_id:token\titem_id_list:token_seq\tlabel:float\n")
            stream.writelines(lines)


def write_items(path: Path, items: Any, codes: IntArray | None) -> None:
    """Write the `.item` file of all variants: content, the control and Semantic IDs.

    The control is the Semantic IDs themselves, dealt out to the items anew: as many codes and prefixes, used as often,
    that say nothing of an item.

    Args:
        path: of the file.
        items: see :class:`TrainingItems`.
        codes: [N, L]; None writes content alone.
    """
    content = content_columns(items)
    lines = ["\t".join(cells) for cells in zip(items.tokens, *content.values())]
    header = "\t".join(["item_id:token", *(f"{name}:token" for name in content)])
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    if codes is None:
        return
    dealt = np.random.default_rng(CONTROL_SEED).permutation(len(codes))
    for rows, name in ((dealt, CONTROL), (np.arange(len(codes)), "sid")):
        sids = as_item_sids(items.tokens, codes[rows], codes.max(axis=0) + 1)
        write_item_file(path, sids, extra_columns_from=path)
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("\tsid_", f"\t{name}_"), encoding="utf-8")


def control_columns(levels: int) -> list[str]:
    """Return the names of the control's columns, in the order of those of the Semantic IDs."""
    return [name.replace("sid_", f"{CONTROL}_", 1) for name in sid_columns(levels)]


def content_columns(items: Any) -> dict[str, list[str]]:
    """Return brand and the last step of the first category path as numbers, one an item; 0 where there is none.

    They are numbers because RecBole's reader takes a quote in a name for the beginning of a long one.
    """
    table = items.item_table()
    row_of = {token: row for row, token in enumerate(table[items.item_field])}
    rows = [row_of[token] for token in items.tokens]
    paths = [table["categories"][row].split(" | ")[0].split(" > ")[-1] for row in rows]
    return {"brand": _numbered([table["brand"][row] for row in rows]), "category": _numbered(paths)}


def _numbered(names: list[str]) -> list[str]:
    numbers = {name: str(number) for number, name in enumerate(dict.fromkeys(["", *names]))}
    return [numbers[name] for name in names]
