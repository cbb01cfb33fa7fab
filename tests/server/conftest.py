from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from recbole_adasid.serving.recommender import Recommender

TOKEN = "a-token-of-these-tests"


@pytest.fixture(scope="module")
def recommender(finished_run: Path) -> Recommender:
    """The served recommender, to compare with; must not be changed."""
    return Recommender.load(finished_run)


@pytest.fixture(scope="module")
def client(finished_run: Path) -> Iterator[Any]:
    """A client of an application on a run that must not be changed."""
    pytest.importorskip("fastapi")
    from fastapi.testclient import TestClient

    from recbole_adasid.server.application import create_application
    from recbole_adasid.server.limits import Limits

    limits = Limits(max_histories=3, max_length=6, max_k=7, max_items=4, max_body=2000)
    with TestClient(create_application(Recommender.load(finished_run), limits=limits)) as client:
        yield client


@pytest.fixture
def changing(run_copy: Path) -> Iterator[Any]:
    """A client that can change the items of a copy of a run, whose folder is ``changing.folder``."""
    pytest.importorskip("fastapi")
    from fastapi.testclient import TestClient

    from recbole_adasid.server.application import create_application

    def load() -> Recommender:
        return Recommender.load(run_copy)

    application = create_application(load(), load=load, token=TOKEN, reload_seconds=0.02)
    with TestClient(application, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        client.folder = run_copy
        yield client
