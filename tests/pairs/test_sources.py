"""The table of miners: each finds what its function finds, with the arguments that the settings name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recbole_adasid.data.interactions import InteractionArrays
from recbole_adasid.pairs.cooccurrence import cooccurrence_pairs
from recbole_adasid.pairs.item2vec import item2vec_pairs
from recbole_adasid.pairs.sources import ENGINES, MINERS
from recbole_adasid.pairs.swing import InProcess, swing_pairs
from recbole_adasid.pairs.swing_on_ray import RayEngine

SETTINGS: dict[str, Any] = {
    **{"swing_alpha": 2.0, "swing_user_weight_power": 0.25, "swing_top_k": 3},
    **{"swing_max_user_items": 5, "swing_max_item_users": 6},
    **{"pair_weight": "count", "pair_window": 2, "pair_top_k": 4, "pair_max_user_items": 7},
    **{"item2vec_width": 3, "item2vec_negatives": 1},
}
FUNCTIONS = {"swing": swing_pairs, "cooccurrence": cooccurrence_pairs, "item2vec": item2vec_pairs}


def interactions() -> InteractionArrays:
    random = np.random.default_rng(0)
    return InteractionArrays(random.integers(12, size=120), random.integers(9, size=120))


@pytest.mark.parametrize("name", MINERS)
def test_a_miner_is_its_function_with_the_arguments_that_settings_give(name: str) -> None:
    miner, given = MINERS[name], interactions()
    arguments = {argument: SETTINGS[setting] for argument, setting in miner.settings.items()}
    found, expected = miner.mine(given, 9, **arguments), FUNCTIONS[name](*given.arrays(), 9, **arguments)
    assert len(found) > 5
    for column in ("trigger", "target", "weight"):
        assert np.array_equal(getattr(found, column), getattr(expected, column))


@pytest.mark.parametrize("name", MINERS)
@pytest.mark.parametrize("setting", SETTINGS)
def test_every_setting_of_a_miner_counts(name: str, setting: str) -> None:
    miner, given = MINERS[name], interactions()
    if setting not in miner.settings.values():
        return
    other = {**SETTINGS, setting: {"pair_weight": "cosine", "pair_window": 1}.get(setting, 2)}
    if setting == "swing_alpha":
        other[setting] = 0.5
    found = [
        miner.mine(given, 9, **{argument: settings[key] for argument, key in miner.settings.items()})
        for settings in (SETTINGS, other)
    ]
    assert len(found[0]) != len(found[1]) or not np.array_equal(found[0].weight, found[1].weight)


def test_only_swing_has_engines_and_the_local_one_keeps_its_state_where_it_is_told(tmp_path: Path) -> None:
    settings = {"pair_engine": "local"}
    engine = MINERS["swing"].extras(settings, tmp_path / "kept", True)["engine"]
    assert isinstance(engine, InProcess) and engine.progress
    assert engine.keep is not None and engine.keep.restore() == (0, [])
    bare = ENGINES["local"](settings, None, False)
    assert isinstance(bare, InProcess) and bare.keep is None and not bare.progress
    assert MINERS["cooccurrence"].extras({}, None, True) == MINERS["item2vec"].extras({}, None, True) == {}


def test_the_engine_on_ray_gets_the_cluster_of_the_settings() -> None:
    settings = {"pair_engine": "ray", "ray_address": "host:1", "ray_workers": 3, "ray_worker_memory": 0.5}
    engine = MINERS["swing"].extras(settings, None, True)["engine"]
    assert isinstance(engine, RayEngine) and engine.progress
    assert (engine.settings.address, engine.settings.workers, engine.settings.worker_memory) == ("host:1", 3, 0.5)


def test_swing_through_the_table_works_where_its_engine_says() -> None:
    class Engine:
        def mine(self, *given: Any) -> Any:
            self.given = given
            return "pairs"

    engine = Engine()
    arguments = {argument: SETTINGS[setting] for argument, setting in MINERS["swing"].settings.items()}
    assert MINERS["swing"].mine(interactions(), 9, **arguments, engine=engine) == "pairs"
    weighing, _, n_items, top_k = engine.given
    assert (weighing.alpha, n_items, top_k) == (2.0, 9, 3)


def test_swing_through_the_table_refuses_limits_below_one() -> None:
    arguments = {argument: SETTINGS[setting] for argument, setting in MINERS["swing"].settings.items()}
    for name in ("top_k", "max_user_items", "max_item_users"):
        with pytest.raises(ValueError, match=f"^swing {name} is 0"):
            MINERS["swing"].mine(interactions(), 9, **{**arguments, name: 0})
