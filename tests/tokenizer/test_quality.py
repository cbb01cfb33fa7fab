"""Quality of a Semantic-ID space, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from recbole_adasid.tokenizer.quality import sid_quality


def test_quality_of_four_items_computed_by_hand():
    quality = sid_quality(np.array([[0, 0], [0, 1], [0, 1], [1, 2]]), [2, 4])
    assert quality["sid_entropy"] == pytest.approx(2 * 0.25 * math.log(4) + 0.5 * math.log(2))
    first = math.exp(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25)))
    second = math.exp(0.5 * math.log(4) + 0.5 * math.log(2))
    assert quality["perplexity_1"] == pytest.approx(first)
    assert quality["mean_perplexity"] == pytest.approx((first + second) / 2)
    assert quality["min_perplexity"] == pytest.approx(first)
    assert quality["mean_top1_load"] == pytest.approx((0.75 + 0.5) / 2)
    assert quality["unique_sids"] == 0.75
    assert quality["collision_rate"] == 0.5
    assert quality["largest_collision_group"] == 2
    assert (quality["usage_1"], quality["usage_2"]) == (1.0, 0.75)


def test_all_items_on_one_sid_is_the_worst_space():
    quality = sid_quality(np.zeros((5, 2), int), [4, 4])
    assert quality["sid_entropy"] == 0
    assert quality["mean_perplexity"] == 1
    assert quality["mean_top1_load"] == 1
    assert quality["collision_rate"] == 1
