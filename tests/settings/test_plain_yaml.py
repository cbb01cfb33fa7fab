"""YAML is read by one loader, which neither aliases nor nesting can hold up."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from recbole_adasid.plugin.config.building import build_config
from recbole_adasid.report.run_report import write_run_report
from recbole_adasid.settings import plain_yaml
from recbole_adasid.settings.errors import SettingsError
from recbole_adasid.settings.reading import parse_mapping, parse_value
from recbole_adasid.tune.space import read_space

ROOT = Path(__file__).resolve().parents[2]
LAUGHS = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 60))
BOMBS = {
    "lists of lists": (LAUGHS, "its aliases expand 122 values to more than 100,000"),
    "mappings": (re.sub(r"\[(.*)\]", r"[{k: [\1]}]", LAUGHS), "its aliases expand"),
    "a long text": (f"a: &a {'x' * 10_000}\nb: [{', '.join(['*a'] * 5000)}]\n", "its aliases expand"),
    "merged mappings": (
        "a: &a {k: [" + "1, " * 20 + "1]}\nb: {!!merge <<: [" + ", ".join(["*a"] * 6_000) + "]}\n",
        "its aliases expand",
    ),
    "itself": ("a: &a [*a]\n", "refers to itself"),
    "deep lists": (f"a: {'[' * 5000}", "nested more than 64 levels deep"),
    "deep mappings": ("{a: " * 5000, "nested more than 64 levels deep"),
    "deep lines": (f"a:\n  {'- ' * 3000}x\n", "nested more than 64 levels deep"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_at_once(name: str) -> None:
    text, why = BOMBS[name]
    started = time.perf_counter()
    with pytest.raises(yaml.YAMLError, match=why):
        plain_yaml.load(text)
    assert time.perf_counter() - started < 10  # seconds on a busy machine; what it would take has no end
    assert parse_value(text) == text


def _recbole_s_config(file: Path) -> Any:
    from recbole.config import Config

    return Config("BPR", "tiny", config_file_list=[str(file)])


def _report(file: Path) -> Any:
    return write_run_report(file.rename(file.with_name("config.yaml")).parent)


READERS: dict[str, Callable[[Path], Any]] = {
    "settings": lambda file: build_config({}, [file]),
    "RecBole's Config": _recbole_s_config,
    "a report": _report,
    "a space to search": lambda file: read_space(str(file), {"epochs"}),
    "a mapping": lambda file: parse_mapping(file.read_text(), source=str(file)),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("bomb", ["lists of lists", "deep lists"])
def test_every_reader_refuses_a_bomb_in_a_sentence(
    reader: str, bomb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["program"])
    file = tmp_path / "mine.yaml"
    file.write_text(BOMBS[bomb][0])
    with pytest.raises(SettingsError, match=r"\.yaml is not valid YAML: .*(aliases expand|nested)"):
        READERS[reader](file)


def test_aliases_of_an_ordinary_file_are_read() -> None:
    assert plain_yaml.load("a: &a [1, {b: c}]\nd: *a\n") == {"a": [1, {"b": "c"}], "d": [1, {"b": "c"}]}


def test_a_long_file_without_aliases_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_yaml, "MOST_VALUES", 10)
    assert plain_yaml.load(f"a: {list(range(50))}\nb: {'x' * 5000}\n") == {"a": list(range(50)), "b": "x" * 5000}
    with pytest.raises(yaml.YAMLError, match="its aliases expand"):
        plain_yaml.load(f"a: &a {list(range(50))}\nb: *a\n")


def test_a_key_that_stands_twice_is_refused() -> None:
    with pytest.raises(yaml.YAMLError, match="'a' occurs twice"):
        plain_yaml.load("a: 1\nb: 2\na: 3\n")


def test_no_other_loader_reads_yaml() -> None:
    """Outside the loader, the package and its benchmarks write YAML and name its errors, and nothing else."""
    files = [file for folder in ("recbole_adasid", "benchmarks") for file in (ROOT / folder).rglob("*.py")]
    uses = {
        (file.name, use)
        for file in files
        if file.name != "plain_yaml.py"
        for use in re.findall(r"(?<!plain_)\byaml\.(\w+)|from yaml import (\w+)", file.read_text(encoding="utf-8"))
    }
    assert {use for _, names in uses for use in names if use} <= {"safe_dump", "YAMLError"}
