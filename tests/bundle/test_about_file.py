from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from recbole_adasid.bundle.about_file import about_path, layout_of, read_about, write_about
from recbole_adasid.bundle.layout import Layout
from recbole_adasid.settings.errors import SettingsError

LAYOUT = Layout(True, False, 1, (4, 2))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "x.index.json"
    path.write_text("{}")
    return path


def test_what_is_noted_is_known_and_may_be_told_once_more(path: Path) -> None:
    assert write_about(path, "letter", LAYOUT, 7) == about_path(path)
    about = read_about(path)
    assert about["format"] == "letter" and about["items"] == 7 and about["item_map_sha256"] is None
    assert layout_of(path, about, {}, {}) == LAYOUT
    assert layout_of(path, about, {"offset": True, "level_sizes": [4, 2], "suffix": None}, {"offset": False}) == LAYOUT


def test_without_a_note_what_is_usual_holds_unless_something_else_is_told(path: Path) -> None:
    assert read_about(path) == {}
    usual = {"offset": False, "suffix": False}
    assert layout_of(path, {}, {}, usual) == Layout(False, False)
    assert layout_of(path, {}, {"suffix": True, "first_code": 1}, usual) == Layout(False, True, 1)


@pytest.mark.parametrize("told", [{"offset": False}, {"suffix": True}, {"first_code": 0}, {"level_sizes": [4, 3]}])
def test_a_contradiction_is_refused(told: dict[str, Any], path: Path) -> None:
    write_about(path, "letter", LAYOUT, 7)
    with pytest.raises(SettingsError, match=f"{next(iter(told))}=.* contradicts .*about.json, which says"):
        layout_of(path, read_about(path), told, {})


def test_what_nobody_says_is_asked_for(path: Path) -> None:
    with pytest.raises(SettingsError, match="does not say whether its codes are numbered .*set offset=true"):
        layout_of(path, {}, {"suffix": True}, {})
    with pytest.raises(SettingsError, match="whether an item's last integer .*set suffix=true"):
        layout_of(path, {}, {"offset": True}, {})


WRONG: list[tuple[str, Any]] = [
    *[("offset", value) for value in (1, "yes")],
    *[("suffix", value) for value in (0, [])],
    *[("first_code", value) for value in (2, True, "0", 1.0)],
    *[("level_sizes", value) for value in (256, [], [0], [70_000], [True], ["4"], [4.0])],
]


@pytest.mark.parametrize(("key", "value"), WRONG)
def test_values_of_another_kind_are_refused_wherever_they_stand(key: str, value: Any, path: Path) -> None:
    with pytest.raises(SettingsError, match=f"^{key}=.* has to be"):
        layout_of(path, {}, {key: value}, {})
    write_about(path, "letter", LAYOUT, 7)
    noted = json.loads(about_path(path).read_text())
    about_path(path).write_text(json.dumps({**noted, key: value}))
    with pytest.raises(ValueError, match=f"about.json: {key}=.* has to be"):
        layout_of(path, read_about(path), {}, {})


def test_a_note_of_another_file_is_refused(path: Path) -> None:
    write_about(path, "letter", LAYOUT, 7)
    path.write_text('{"0": []}')
    with pytest.raises(ValueError, match="does not match .*, which has changed"):
        read_about(path)
    about_path(path).write_text("[]")
    with pytest.raises(ValueError, match="is not a JSON object"):
        read_about(path)
