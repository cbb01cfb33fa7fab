"""Modules that add parts are imported if the command line or an installed package names them."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from recbole_adasid.cli.main import COMMANDS, main
from recbole_adasid.grid import cell
from recbole_adasid.settings import plugins
from recbole_adasid.settings.errors import SettingsError


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plugins, "_named", [])
    return tmp_path


def module(folder: Path, name: str, text: str = "") -> str:
    (folder / f"{name}.py").write_text(f"import pathlib\npathlib.Path('{name}.imported').touch()\n{text}\n")
    return name


@pytest.mark.parametrize("given", [["--plugins=first_a,first_b"], ["--plugins", "[first_a, first_b]"]])
def test_named_modules_are_imported_and_the_option_is_taken_out(given: list[str], here: Path, monkeypatch) -> None:
    names = [module(here, "first_a"), module(here, "first_b")]
    for name in names:
        monkeypatch.delitem(sys.modules, name, raising=False)
    before = list(sys.path)
    assert plugins.with_plugins(["add", "--x=1", *given, "--y", "2"]) == ["add", "--x=1", "--y", "2"]
    assert all((here / f"{name}.imported").exists() for name in names) and sys.path == before
    assert plugins.plugin_options() == ["--plugins=first_a,first_b"]
    plugins.with_plugins(["--plugins=first_b"])
    assert plugins.plugin_options() == ["--plugins=first_a,first_b"]


def test_without_the_option_nothing_is_imported(here: Path) -> None:
    module(here, "never_named")
    assert plugins.with_plugins(["--epochs=1"]) == ["--epochs=1"] and plugins.plugin_options() == []
    assert not (here / "never_named.imported").exists()


def test_entry_points_of_installed_packages_are_imported(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = module(here, "installed_plugin")
    entry = metadata.EntryPoint("mine", name, plugins.GROUP)
    found = SimpleNamespace(select=lambda group: [entry] if group == plugins.GROUP else [])
    for entry_points in (found, {plugins.GROUP: [entry]}):  # the latter is Python 3.9's
        monkeypatch.delitem(sys.modules, name, raising=False)
        (here / f"{name}.imported").unlink(missing_ok=True)
        monkeypatch.setattr(metadata, "entry_points", lambda found=entry_points: found)
        assert plugins.with_plugins([]) == [] and (here / f"{name}.imported").exists()
    assert plugins.plugin_options() == []  # children find them themselves


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--plugins="], "names no module"),
        (["--plugins"], "names no module"),
        (["--plugins=a,,b"], "names no module"),
        (
            ["--plugins=absent_module"],
            r"--plugins=absent_module cannot be imported \(ModuleNotFoundError: .*working dir",
        ),
        (["--plugins=broken_module"], r"broken_module cannot be imported \(RuntimeError: no way\)"),
    ],
)
def test_what_cannot_be_imported_is_told(given: list[str], message: str, here: Path) -> None:
    module(here, "broken_module", "raise RuntimeError('no way')")
    with pytest.raises(SettingsError, match=message):
        plugins.with_plugins(given)


def test_every_command_takes_plugins(capsys: pytest.CaptureFixture[str]) -> None:
    for name in COMMANDS:
        assert main([name, "--plugins=absent_module"]) == 2, name
        assert "--plugins=absent_module cannot be imported" in capsys.readouterr().err, name


def test_the_cells_of_a_grid_get_them_too(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plugins.with_plugins([f"--plugins={module(here, 'of_a_grid')}"])

    def told(command: list[str]) -> None:
        raise RuntimeError(" ".join(command))

    monkeypatch.setattr(cell.subprocess, "Popen", told)
    with pytest.raises(RuntimeError, match="train --epochs=1 --plugins=of_a_grid --run_folder="):
        cell.Cell("a", {}, "tiny", 1, None, []).execute(["--epochs=1"], here / "run")
