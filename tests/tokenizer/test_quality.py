"""Quality of a Semantic-ID space, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from recbole_adasid.tokenizer.quality import collapsed_levels, collision_histogram, entropy, landscape, sid_quality


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


def test_the_histogram_counts_groups_by_their_size():
    group_sizes = np.array([1, 1, 2, 2, 2, 3, 5, 6, 10, 11, 40])
    counts = collision_histogram(group_sizes)
    assert counts == {"groups_of_2": 3, "groups_of_3_to_5": 2, "groups_of_6_to_10": 2, "groups_above_10": 2}


def test_the_landscape_is_one_for_even_use_and_one_over_k_for_a_single_codeword():
    even = np.stack([np.arange(16) % 4, np.arange(16) % 8], axis=1)
    assert landscape(even, [4, 8]) == pytest.approx({"inverse_top1_load": 1.0, "normalised_min_perplexity": 1.0})
    one = np.zeros((16, 2), int)
    assert landscape(one, [4, 8]) == pytest.approx(
        {"inverse_top1_load": (1 / 4 + 1 / 8) / 2, "normalised_min_perplexity": 1 / 8}
    )


def test_ten_codewords_and_ten_items_are_enough_to_judge():
    alike = np.zeros((30, 1), int)
    assert collapsed_levels({"perplexity_1": 0.9}, [10], 30) == collapsed_levels({"perplexity_1": 0.9}, [40], 10) == [1]
    assert collapsed_levels(sid_quality(alike, [9]), [9], 30) == collapsed_levels({"perplexity_1": 0.5}, [40], 9) == []
    assert collapsed_levels({"perplexity_1": 1.0}, [10], 30) == []  # a tenth is not less than a tenth


def test_a_level_that_uses_a_fraction_of_its_codewords_has_collapsed():
    even, nearly_one = np.arange(400) % 40, (np.arange(400) % 200 == 0).astype(int)
    quality = sid_quality(np.stack([even, nearly_one, even % 2], axis=1), [40, 40, 4])
    assert collapsed_levels(quality, [40, 40, 4], 400) == [2]  # four codewords are too few to judge
    assert collapsed_levels(quality, [40, 40, 4], 5) == []


def test_the_entropy_of_a_single_codeword_is_zero_without_a_sign():
    assert str(entropy(np.array([5, 0]))) == "0.0"
