"""Words counted in two parts, and in groups of all sizes, are those of counting each text."""

from __future__ import annotations

import numpy as np
import pytest

from recbole_adasid.serving.label_words import LabelWords

TEXTS = ["The red Tea-pot", "the blue pot", "", "Mother's pot pot", "a b c", "new words: the red", "ＮＥＷ pot_1"]


@pytest.mark.parametrize("n_former", [None, 0, 3, 7])
@pytest.mark.parametrize("rows", [[], [0], [2, 3], [6, 0, 5], range(7), [5, 6]])
def test_counts(rows: list[int], n_former: int | None) -> None:
    former = None if n_former is None else LabelWords(TEXTS[:n_former])
    found = LabelWords(TEXTS[n_former or 0 :], former)
    own = [["the", "red", "tea", "pot"], ["the", "blue", "pot"], [], ["mother's", "pot"], []]
    own += [["new", "words", "the", "red"], ["ｎｅｗ", "pot"]]
    assert set(found.words) == set().union(*own) and len(found.words) == len(set(found.words))
    counts = dict(zip(found.words, found.counts(np.array(rows, dtype=np.int64)).tolist()))
    assert counts == {word: sum(word in own[row] for row in rows) for word in found.words}
    assert found.n_texts == 7


def test_former_texts_are_not_read_again() -> None:
    former = LabelWords(TEXTS[:3])
    words = list(former.words)
    found = LabelWords(iter(["entirely new"]), former)
    assert former.words == words and found.words == [*words, "entirely", "new"]
