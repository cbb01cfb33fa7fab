from __future__ import annotations

import pytest

pytest.importorskip("fastapi")

from recbole_adasid.server.metrics import Metrics  # noqa: E402


def test_numbers_beyond_a_million_are_exact() -> None:
    metrics = Metrics()
    metrics.decoded(12_345_678, 0.25)
    metrics.decoded(1, 1_234_567.0625)
    metrics.answered("GET /items", 200, 1e-7)
    lines = metrics.text({"items": ("items", 12_345_678)}).splitlines()
    assert "recbole_adasid_batch_histories_sum 12345679.0" in lines
    assert "recbole_adasid_batch_seconds_sum 1234567.3125" in lines
    assert "recbole_adasid_items 12345678" in lines
    assert 'recbole_adasid_request_seconds_sum{route="GET /items"} 1e-07' in lines
