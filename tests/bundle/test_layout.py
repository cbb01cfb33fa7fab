"""What integers mean, checked against loops over the definition."""

from __future__ import annotations

import logging

import numpy as np
import pytest

pytest.importorskip("hypothesis")
from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from recbole_adasid.bundle.item_sids import ItemSIDs, as_item_sids  # noqa: E402
from recbole_adasid.bundle.layout import Layout, understood, written  # noqa: E402


@st.composite
def tables(draw: st.DrawFn) -> ItemSIDs:
    sizes = draw(st.lists(st.integers(1, 5), min_size=1, max_size=4))
    rows = draw(st.lists(st.tuples(*(st.integers(0, size - 1) for size in sizes)), min_size=1, max_size=12))
    suffix = [rows[:place].count(row) for place, row in enumerate(rows)] if draw(st.booleans()) else None
    return as_item_sids([f"i{row}" for row in range(len(rows))], rows, sizes, suffix)


def by_loops(sids: ItemSIDs, layout: Layout) -> list[list[int]]:
    found = []
    for row, codes in enumerate(sids.codes.tolist()):
        numbers, before = [], 0
        for code, size in zip(codes, sids.level_sizes):
            numbers.append(layout.first_code + (before if layout.offset else 0) + code)
            before += size
        if layout.suffix:
            numbers.append(layout.first_code + (before if layout.offset else 0) + int(sids.suffix[row]))  # type: ignore
        found.append(numbers)
    return found


@given(sids=tables(), offset=st.booleans(), first_code=st.sampled_from([0, 1]), with_suffix=st.booleans())
def test_integers_are_written_as_defined_and_understood_again(sids, offset, first_code, with_suffix) -> None:
    layout = Layout(offset, with_suffix and sids.suffix is not None, first_code, tuple(sids.level_sizes))
    rows = written(sids, layout).tolist()
    assert rows == by_loops(sids, layout)
    again = understood(sids.tokens, rows, layout, "x")
    assert np.array_equal(again.codes, sids.codes) and again.level_sizes == list(sids.level_sizes)
    if layout.suffix:
        assert np.array_equal(again.suffix, sids.suffix)


def test_a_suffix_may_be_left_out_where_an_item_has_its_codes_for_itself() -> None:
    """As constrained k-means of MiniOneRec writes: codes and suffixes from 1 on."""
    rows = [[1, 3, 1], [2, 2], [1, 3, 2]]
    sids = understood(["a", "b", "c"], rows, Layout(False, True, 1, (3, 3)), "x")
    assert sids.codes.tolist() == [[0, 2], [1, 1], [0, 2]]
    assert sids.suffix is not None and sids.suffix.tolist() == [0, 0, 1]


def test_level_sizes_are_taken_from_the_codes_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        sids = understood(["a", "b"], [[0, 4], [2, 1]], Layout(False, False), "x")
    assert sids.level_sizes == [3, 5] and "level_sizes not given" in caplog.text
    assert "first_code" not in caplog.text


def test_codes_that_seem_to_count_from_one_are_pointed_out(caplog: pytest.LogCaptureFixture) -> None:
    understood(["a", "b"], [[1, 2], [2, 1]], Layout(False, False, 0, (3, 3)), "x")
    assert "set first_code=1" in caplog.text


@pytest.mark.parametrize(
    ("rows", "layout", "message"),
    [
        ([[0, 1], [0]], Layout(False, False, 0, (2, 2)), "differ in length: 'b' has 1 codes, others 2; .*suffix=true"),
        ([[0, 1, 0], [0]], Layout(False, True, 0, (2, 2)), "differ in length: 'b' has 1 codes, others 3\\.$"),
        ([[], []], Layout(False, False), "differ in length"),
        ([[0], [0]], Layout(False, True), "differ in length"),
        ([[0, 2], [1, 3]], Layout(True, False), "need level_sizes: give 2 sizes"),
        ([[0, 2], [1, 3]], Layout(False, False), "set offset=true and level_sizes"),
        ([[0, 1], [1, 0]], Layout(False, False, 0, (2, 2, 2)), "has 2 levels, but .* has 3"),
        ([[0, 1], [1, 0]], Layout(False, True, 0, (2, 2)), "has 1 levels and a suffix, but .* has 2"),
        ([[0, 1], [1, 2]], Layout(False, False, 0, (2, 2)), "'b' has the code 2 on level 2, read with offset=false"),
        ([[0, 1], [1, 1]], Layout(True, False, 0, (2, 2)), "'a' has the code -1 on level 2, read with offset=true"),
        (
            [[1, 1, 1], [1, 1, 4]],
            Layout(False, True, 1),
            "all .* have 3 integers, .* a code or a suffix: give level_sizes",
        ),
        ([[0, 1], [0, 1]], Layout(False, True, 0, (1,)), "the same codes .0. and the same suffix 1"),
        ([[0, 0], [0, 1]], Layout(False, True, 1, (1,)), "'a' has the code -1 on level 1, .*first_code=1"),
    ],
)
def test_rows_that_the_layout_does_not_fit_are_refused(rows, layout, message) -> None:
    with pytest.raises(ValueError, match=message):
        understood(["a", "b"], rows, layout, "x")


def test_a_suffix_that_is_not_there_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="set suffix=false"):
        written(as_item_sids(["a"], [[0]], [1]), Layout(False, True))
