"""One Ray cluster of two workers for all tests that need it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from recbole_adasid.scale.cluster import Cluster, ClusterSettings, cluster

TWO_WORKERS = ClusterSettings(workers=2, worker_memory=0.25)


@pytest.fixture(scope="session")
def two_workers() -> Iterator[Cluster]:
    """A real cluster of this machine; what runs meanwhile joins it, as it is up already."""
    pytest.importorskip("ray")
    with cluster(TWO_WORKERS) as workers:
        yield workers
