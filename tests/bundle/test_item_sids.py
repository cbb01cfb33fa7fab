from __future__ import annotations

import numpy as np
import pytest

from recbole_adasid.bundle.item_sids import LARGEST_LEVEL, ItemSIDs, as_item_sids


def test_items_are_found_by_their_tokens() -> None:
    sids = as_item_sids(["b", "a", "c"], [[0, 1], [0, 1], [1, 0]], [2, 2], [0, 1, 0])
    assert sids.rows_of(["c", "nobody", "b"]).tolist() == [2, -1, 0]
    assert sids.rows_of([]).tolist() == []
    assert sids.sequences.tolist() == [[0, 1, 0], [0, 1, 1], [1, 0, 0]] and sids.sequence_sizes == [2, 2, 2]
    assert sids.collision == "suffix"


def test_without_a_suffix_items_of_equal_codes_share_a_semantic_id() -> None:
    sids = as_item_sids(["b", "a"], [[0, 1], [0, 1]], [2, 2])
    assert sids.collision == "shared" and sids.sequences.tolist() == [[0, 1], [0, 1]]
    assert sids.sequence_sizes == [2, 2]


def test_codes_cannot_be_changed_afterwards() -> None:
    given = np.zeros((1, 1), dtype=np.int64)
    sids = as_item_sids(["a"], given, [1], [0])
    given[0, 0] = 7
    assert sids.codes.tolist() == [[0]]
    for array in (sids.codes, sids.suffix):
        with pytest.raises(ValueError):
            array[0] = 1  # type: ignore[index]


@pytest.mark.parametrize(
    ("tokens", "codes", "sizes", "suffix", "message"),
    [
        (["a"], [[0]], [], None, r"shape \(1, 1\) for 1 items on 0 levels"),
        ([], np.empty((0, 1)), [2], None, "give at least one item and one level"),
        (["a"], [[0]], [LARGEST_LEVEL + 1], None, "at most 65,536 codewords"),
        (["a", "a"], [[0], [1]], [2], None, "1 item tokens repeat"),
        (["a"], [[2]], [2], None, "'a' has the code 2 on level 1, which has 2"),
        (["a"], [[0]], [2], [-1], "below 0"),
        (["a"], [[0]], [2], [0, 0], r"shape \(2,\) for 1 items"),
        (["a", "b", "c"], [[0], [1], [1]], [2], [0, 3, 3], "'b' and 'c' have the same codes .1. and the same suffix 3"),
    ],
)
def test_what_is_no_table_of_semantic_ids_is_refused(tokens, codes, sizes, suffix, message) -> None:
    with pytest.raises(ValueError, match=message):
        as_item_sids(tokens, codes, sizes, suffix)


def test_the_arrays_given_are_kept_and_made_read_only() -> None:
    codes = np.zeros((1, 2), dtype=np.int64)
    assert ItemSIDs(["a"], codes, [1, 1]).codes is codes and not codes.flags.writeable
