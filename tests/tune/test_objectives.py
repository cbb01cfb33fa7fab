from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from recbole_adasid.bundle import SIDBundle
from recbole_adasid.bundle.item_sids import as_item_sids
from recbole_adasid.plugin.config.building import build_config
from recbole_adasid.settings.errors import SettingsError
from recbole_adasid.tune.objectives import Validation


def bundle(folder: Path, code: int) -> Path:
    """Write a bundle of three items."""
    codes = np.array([[0, 1], [1, 0], [1, code]])
    return SIDBundle(as_item_sids(["i0", "i1", "i2"], codes, [2, 4])).save(folder).parent


@pytest.mark.parametrize(("code", "same"), [(2, True), (3, False)])
def test_validation_depends_on_given_semantic_ids_and_not_on_their_place(
    code: int, same: bool, tiny_settings: dict[str, object], tmp_path: Path
) -> None:
    paths = [bundle(tmp_path / "a", 2), bundle(tmp_path / "b", code)]
    objective = Validation("NDCG@10", tmp_path / "runs")
    found = [objective.fingerprint(build_config({**tiny_settings, "sids_file": str(path)})) for path in paths]
    assert (found[0] == found[1]) == same


def test_validation_notices_other_semantic_ids_in_the_same_place(
    tiny_settings: dict[str, object], tmp_path: Path
) -> None:
    objective, found = Validation("NDCG@10", tmp_path / "runs"), set()
    for code in (2, 3):
        path = bundle(tmp_path / "given", code)
        found.add(objective.fingerprint(build_config({**tiny_settings, "sids_file": str(path)})))
        shutil.rmtree(path)
    assert len(found) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"eval_args": {"split": {"LS": "test_only"}, "order": "TO", "group_by": "user", "mode": "full"}},
        {"eval_step": 0},
    ],
)
def test_a_search_without_validation_ends_before_anything_is_trained(
    changes: dict[str, object], tiny_settings: dict[str, object], tmp_path: Path
) -> None:
    settings, objective = {**tiny_settings, **changes}, Validation("NDCG@10", tmp_path / "runs")
    with pytest.raises(SettingsError, match=r"no validation (example|by ndcg@10)"):
        objective.measure(build_config(settings), settings, "a-1")
    assert not (tmp_path / "runs").exists()


def test_settings_are_scored_by_exact_metrics(
    tiny_settings: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(settings: dict[str, Any], config_files: object) -> dict[str, Any]:
        found = {"ndcg@10": round(0.123456789, settings.get("metric_decimal_place", 4))}
        return {"best_valid": found, "semantic_ids": SimpleNamespace(codes=np.zeros((3, 2)), quality={})}

    monkeypatch.setattr("recbole_adasid.plugin.run.run", run)
    objective = Validation("NDCG@10", tmp_path / "runs")
    _, figures = objective.measure(build_config(tiny_settings), tiny_settings, "a-1")
    assert figures == {"ndcg@10": 0.123456789}
