"""The Dockerfile, which is not built here, is consistent with the repository."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatch
from pathlib import Path

from recbole_adasid.cli.serve import COMMAND

ROOT = Path(__file__).resolve().parents[2]
LINES = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ").splitlines()


def of(instruction: str) -> list[str]:
    return [line.split(maxsplit=1)[1] for line in LINES if line.startswith(f"{instruction} ")]


def test_what_is_copied_is_there_and_goes_along() -> None:
    copied = [name for line in of("COPY") for name in line.split()[:-1]]
    kept = [line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[:1] == "!"]
    assert all((ROOT / name).exists() for name in copied) and sorted(copied) == sorted(kept)
    read = re.findall(r'"([\w.]+\.(?:md|toml|in))"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert all(any(fnmatch(name, one) for one in copied) for name in read)


def test_it_starts_the_command_with_options_that_there_are_and_looks_at_its_port() -> None:
    program, command, *options = json.loads(of("ENTRYPOINT")[0])
    assert (program, command) == ("recbole-adasid", "serve")
    known = {option.name: option for option in COMMAND.all_options}
    assert {option.split("=")[0][2:] for option in options} <= set(known)
    assert f"127.0.0.1:{known['port'].default}/health" in of("HEALTHCHECK")[0] and of("EXPOSE") == ["8000"]
    assert of("USER") == ["server"] and "useradd" in of("RUN")[-1]


def test_torch_is_the_version_of_the_quick_start() -> None:
    versions = [re.search(r"torch==([\d.]+)", text) for text in ("\n".join(LINES), (ROOT / "README.md").read_text())]
    assert versions[0] and versions[1] and versions[0][1] == versions[1][1]
