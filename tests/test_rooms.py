"""The direction of imports: a file uses its own room and those above it, never those below, and no file in a circle.

The rooms and what they are for: docs/architecture.md.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NAME = "recbole_adasid"
ROOMS = (
    *("io", "settings", "compute", "distributed", "data", "pairs", "features", "tokenizer", "model"),
    *("evaluation", "hub", "run_folder", "bundle", "learning", "serving"),
    *("frames", "export", "scorecard", "report", "server", "plugin", "tune", "grid", "cli"),
)
"""Folders of the package, each of which may use those before it."""
LOOSE = (
    *("", "__main__", "assign", "mine_pairs", "new_items", "recommend", "host", "host.audit"),
    *("assignment", "recommender"),
)
"""The package itself, and former names of commands and modules, until 0.3: nobody imports them."""

MOST_FILES = 20
"""In a folder."""

MOST_LINES = 300
"""In a file, of the package or of a folder beside it."""

BESIDE = ("tests", "benchmarks")

Sources = Mapping[str, str]
"""Texts by module, the package's name left out."""


@pytest.fixture(scope="module")
def sources() -> Sources:
    folder = ROOT / NAME
    files = {path.relative_to(folder): path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.py"))}
    return {_module(path): text for path, text in files.items() if text.strip()}


def _module(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str) -> str:
    """Return the room of a module; what is loose hands out names, as the commands do."""
    return "cli" if module in LOOSE else module.partition(".")[0]


def floor_of(module: str) -> int:
    """Return how far down a module is; what is in no room is further down than all others."""
    room = room_of(module)
    return ROOMS.index(room) if room in ROOMS else len(ROOMS)


def _statements(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """Yield all imports but those for type checkers alone, which never happen."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.Import, ast.ImportFrom)):
            yield child
        elif isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            yield from _statements(ast.Module(child.orelse, []))
        else:
            yield from _statements(child)


def imported(text: str) -> set[str]:
    """Return the full names of everything that a source text imports: modules, and names out of modules."""
    found: set[str] = set()
    for statement in _statements(ast.parse(text)):
        if isinstance(statement, ast.Import):
            found.update(alias.name for alias in statement.names)
        else:
            assert not statement.level, f"a relative import: from {'.' * statement.level}{statement.module or ''}"
            found.update(f"{statement.module}.{alias.name}" for alias in statement.names)
    return found


def arrows(sources: Sources) -> dict[str, set[str]]:
    """Return which modules of the package each of them imports, or takes a name from."""
    found: dict[str, set[str]] = {module: set() for module in sources}
    for module, text in sources.items():
        for name in imported(text):
            package, _, rest = name.partition(".")
            if package == NAME:
                found[module].add(rest if rest in sources else rest.rpartition(".")[0])
    return found


def against_the_direction(sources: Sources) -> list[str]:
    """Return a sentence for every import of a room further down."""
    return [
        f"{module} ({room_of(module)}) imports {other}: {room_of(other)} is further down"
        for module, others in arrows(sources).items()
        for other in sorted(others)
        if floor_of(other) > floor_of(module)
    ]


def circle(sources: Sources) -> str:
    """Return some modules that import one another in a circle, or nothing if there are none."""
    try:
        TopologicalSorter(arrows(sources)).prepare()
    except CycleError as error:
        return " → ".join(reversed(error.args[1]))
    return ""


def users_of_recbole(sources: Sources) -> list[str]:
    """Return the modules above the plugin that import RecBole."""
    above = [module for module in sources if floor_of(module) < ROOMS.index("plugin")]
    return [
        module for module in above if any(name.partition(".")[0] == "recbole" for name in imported(sources[module]))
    ]


def test_every_file_is_in_a_room(sources: Sources) -> None:
    assert sorted(module for module in sources if room_of(module) not in ROOMS) == []


def test_a_folder_has_few_files_and_a_file_few_lines() -> None:
    folders = Counter(path.parent for path in (ROOT / NAME).rglob("*.py"))
    assert {str(folder): count for folder, count in folders.items() if count > MOST_FILES} == {}
    files = [path for folder in (NAME, *BESIDE) for path in (ROOT / folder).rglob("*.py")]
    lengths = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8").count("\n") for path in files}
    assert {path: length for path, length in lengths.items() if length > MOST_LINES} == {}


def test_no_import_runs_to_a_room_further_down(sources: Sources) -> None:
    assert against_the_direction(sources) == []


def test_no_files_import_one_another_in_a_circle(sources: Sources) -> None:
    assert circle(sources) == ""


def test_recbole_is_known_to_the_plugin_and_the_rooms_below_it_alone(sources: Sources) -> None:
    assert users_of_recbole(sources) == []


def test_the_page_on_architecture_names_the_rooms_in_their_order() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").split("## Rooms")[1].split("\n## ")[0]
    lines = [line for line in page.splitlines() if line.startswith("| `")]
    named = [
        name.strip("/").removesuffix(".py")
        for line in lines
        for name in re.findall(r"`(\w+(?:/|\.py))`", line.split("|")[1])
    ]
    assert tuple(named) == ROOMS


@pytest.mark.parametrize(
    "text",
    [
        f"from {NAME}.model.network import TIGERNetwork",
        f"import {NAME}.model.network",
        f"from {NAME}.model import network",
        f"def build():\n    from {NAME}.model.network import TIGERNetwork",
        f"if fast:\n    from {NAME}.model.network import TIGERNetwork",
    ],
)
def test_an_import_against_the_direction_is_found(text: str) -> None:
    found = against_the_direction({"data.windows": text, "model": "", "model.network": ""})
    assert found == ["data.windows (data) imports model.network: model is further down"]


def test_imports_with_the_direction_and_for_type_checkers_alone_are_let_be() -> None:
    typed = f"if TYPE_CHECKING:\n    from {NAME}.plugin.run import run"
    inside = f"from {NAME}.io.atomic import CannotWrite\nfrom {NAME}.data import ordering\nimport numpy"
    others = {"data.ordering": typed, "io.atomic": "", "plugin.run": "", "data": ""}
    assert against_the_direction({"data.windows": inside, **others}) == []


def test_a_circle_is_found_within_a_room_too() -> None:
    first = f"from {NAME}.data.second import name"
    assert circle({"data.first": first, "data.second": f"def f():\n    import {NAME}.data.first"})
    assert not circle({"data.first": first, "data.second": "import numpy"})


def test_recbole_above_the_plugin_is_found() -> None:
    lazily = "def f():\n    from recbole.config import Config"
    assert users_of_recbole({"serving.recommender": lazily, "plugin.run": lazily}) == ["serving.recommender"]
    assert users_of_recbole({"serving.recommender": f"import {NAME}.io"}) == []
