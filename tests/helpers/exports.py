"""The command that exports a run."""

from __future__ import annotations

from pathlib import Path

from recbole_adasid.cli import main


def export(folder: Path, to: str, out: Path, *more: str) -> int:
    return main(["export", f"--run_folder={folder}", f"--to={to}", f"--out={out}", *more])
