from __future__ import annotations

import numpy as np
import pytest
import torch

from recbole_adasid.data.training_examples import Examples
from recbole_adasid.data.windows import SequenceWindows, build_windows
from recbole_adasid.scorecard.proxy import ProxySettings, proxy_metrics

SETTINGS = ProxySettings(training_examples=8_000, batch_size=32, d_model=32, d_ff=64, evaluated_users=100, k=5)
N_ITEMS = 40


@pytest.fixture(scope="module")
def examples() -> Examples:
    """Users who walk round the items in steps of one."""
    starts = np.random.default_rng(0).integers(N_ITEMS, size=60)
    items = (starts[:, None] + np.arange(8)) % N_ITEMS + 1
    windows, targets, _ = build_windows(np.repeat(np.arange(60), 8), items.ravel(), 20)
    return Examples(windows, targets)


def neighbourhood_codes() -> np.ndarray:
    return np.stack([np.arange(N_ITEMS) // 8, np.arange(N_ITEMS) % 8], axis=1)


def test_a_batch_holds_the_last_items_of_each_history() -> None:
    windows = SequenceWindows(flat_items=[5, 6, 7, 8, 9], starts=[0, 3], lengths=[3, 1])
    history, lengths, targets = Examples(windows, np.array([8, 9])).batch(np.array([1, 0]), 2)
    assert history.tolist() == [[8, 0], [6, 7]]
    assert lengths.tolist() == [1, 2] and targets.tolist() == [9, 8]


def test_the_proxy_learns_a_walk(examples: Examples) -> None:
    found = proxy_metrics(neighbourhood_codes(), [8, 8], examples, examples, seed=1, settings=SETTINGS)
    assert found["proxy_ndcg@5"] > 0.9 and found["proxy_recall@5"] > 0.9


def test_the_proxy_repeats_itself_and_leaves_the_callers_randomness_alone(examples: Examples) -> None:
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    few = ProxySettings(**{**vars(SETTINGS), "training_examples": 640})
    first, second = (
        proxy_metrics(neighbourhood_codes(), [8, 8], examples, examples, seed=1, settings=few) for _ in range(2)
    )
    assert torch.random.get_rng_state().equal(before)
    assert first == second and first["proxy_ndcg@5"] < 0.99


def test_hits_are_decided_on_items_not_on_semantic_ids(examples: Examples) -> None:
    """With all items on one Semantic ID, a hit on it would be certain; on items nothing is learned but the suffix."""
    few = ProxySettings(**{**vars(SETTINGS), "training_examples": 64})
    found = proxy_metrics(np.zeros((N_ITEMS, 2), dtype=np.int64), [8, 8], examples, examples, seed=1, settings=few)
    assert found["proxy_recall@5"] < 0.5
