"""Python in a YAML file is refused and never executed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from recbole_adasid.grid import grids
from recbole_adasid.plugin.config.building import build_config


@pytest.mark.parametrize("tag", ["object/apply:pathlib.Path.touch", "object/new:pathlib.Path.touch"])
@pytest.mark.parametrize("place", ["ours", "RecBole's", "a grid"])
def test_python_in_yaml_is_refused_and_not_executed(
    place: str, tag: str, tmp_path: Path, marker: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from recbole.config import Config

    file = tmp_path / "evil.yaml"
    file.write_text(f"epochs: !!python/{tag} [!!python/object/apply:pathlib.Path [{marker}]]\n", encoding="utf-8")
    monkeypatch.setitem(grids.GRIDS, "evil", file)
    load: Callable[[], Any] = {
        "ours": lambda: build_config({}, [file]),
        "RecBole's": lambda: Config("TIGER", "tiny", config_file_list=[str(file)]),
        "a grid": lambda: grids.read_grid("evil"),
    }[place]
    with pytest.raises((ValueError, yaml.YAMLError)):
        load()
    assert not marker.exists()
