"""New items of a run on a feature file: each is judged by its own vector."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recbole_adasid.plugin.run import run
from recbole_adasid.serving.recommender import Recommender

KNOWN = [f"i{number}" for number in range(20)]
MISSING, NO_NUMBERS = "it has no text, vector or image", "its features are missing, not finite or beyond"
WIDTH = 6


def write_vectors(path: Path, *more: str, **bad: float) -> None:
    tokens = [*KNOWN, *more, *bad]
    values = np.random.default_rng(3).normal(size=(len(tokens), WIDTH))
    values[len(tokens) - len(bad) :, 2] = list(bad.values())
    np.savez(path, item_id=np.array(tokens), embedding=values)


@pytest.fixture(scope="module", params=["alone", "fused, allowed"])
def load(request: pytest.FixtureRequest, settings: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A function that loads a run whose feature file has further items, some with unusable numbers."""
    folder = tmp_path_factory.mktemp("vectors")
    file = {"item_features_file": str(folder / "v.npz")}
    write_vectors(folder / "v.npz")
    sources: dict[str, Any] = {"modalities": [file, {**file, "weight": 0.5}]} if "fused" in request.param else file
    allowed = "allow" if "allowed" in request.param else "refuse"
    given = {**settings, **sources, "missing_modality": allowed, "epochs": 1, "report": False}
    done = run({**given, "run_folder": str(folder / "run")})["run_folder"]

    def loaded(*more: str, **bad: float) -> Recommender:
        write_vectors(folder / "v.npz", *more, **bad)
        return Recommender.load(done)

    return loaded


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1e13, 1e300])
def test_an_item_with_an_unusable_vector_is_refused_alone(load: Callable[..., Recommender], bad: float) -> None:
    expected = load("a").add_items(["a"])
    recommender = load("a", b=bad)
    with pytest.raises(ValueError, match=f"'b' cannot be added: {NO_NUMBERS}"):
        recommender.add_items(["a", "b"])
    found = recommender.add_items(["b", "a"], bad_items="skip")
    assert found.items == ["a"] and found.semantic_ids == expected.semantic_ids
    assert list(found.refused) == ["b"] and found.refused["b"].startswith(NO_NUMBERS)


def test_items_that_all_lack_a_vector_keep_no_other_from_coming_back(load: Callable[..., Recommender]) -> None:
    recommender = load()
    recommender.remove_items(["i3"])
    with pytest.raises(ValueError, match=f"'zz' cannot be added .and 1 more.: {MISSING}"):
        recommender.add_items(["zz", "i3", "zzz"])
    found = recommender.add_items(["zz", "i3", "zzz"], bad_items="skip")
    assert found.items == ["i3"] and list(found.refused) == ["zz", "zzz"] and recommender.n_recommended == 20
    assert all(reason.startswith(MISSING) for reason in found.refused.values())


def test_an_item_without_any_vector_is_refused_whatever_else_is_asked_for(load: Callable[..., Recommender]) -> None:
    recommender = load("a")
    found = recommender.add_items(["zz", "a"], bad_items="skip")
    assert found.items == ["a"] and found.refused["zz"].startswith(MISSING)
