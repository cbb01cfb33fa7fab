"""Outputs of a scorecard: the table in three forms and the landscape in two."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from recbole_adasid.io.atomic import write_atomically
from recbole_adasid.scorecard.cells import CellFolder
from recbole_adasid.scorecard.landscape import write_page, write_picture
from recbole_adasid.scorecard.table import markdown, summary

logger = logging.getLogger(__name__)

LEGEND = """\
Means ± standard deviations over seeds. Higher is better except for top-1 load, collision rate and the largest group.
The proxy is a one-layer TIGER trained for seconds: it ranks tokenizers, but its values are not those of a full run.
Agreement is the chance that neighbours (the ten nearest by embedding, the ten strongest pairs of the row's pair_source,
Swing by default) share more leading codes than random items; 0.5 is chance. Stability is the adjusted Rand index of
first codes between seeds.
"""


def heading(folder: Path) -> str:
    """Return the heading of a scorecard's page."""
    page = folder / "README.md"
    first = page.read_text(encoding="utf-8").partition("\n")[0] if page.is_file() else ""
    return first.removeprefix("# ") or "Semantic IDs"


def write_report(folder: CellFolder, dataset: str, command: Sequence[str], *, pictures: bool = True) -> None:
    """Write table.csv, table.json and README.md, and with ``pictures`` landscape.png and landscape.html."""
    table = summary(folder)
    if table.empty:
        return
    title = f"Semantic IDs of {dataset}"
    _write_tables(folder, table, title, command)
    if pictures:
        _draw(write_picture, table, folder.path / "landscape.png", title)
        _draw(write_page, table, folder.path / "landscape.html", title)
        _write_tables(folder, table, title, command)  # now with the picture


def _write_tables(folder: CellFolder, table: pd.DataFrame, title: str, command: Sequence[str]) -> None:
    write_atomically(folder.path / "table.csv", table.to_csv(index=False))
    write_atomically(folder.path / "table.json", table.to_json(orient="records", indent=2) + "\n")
    calls = _commands(folder.path / "commands.txt", command)
    apart = dict.fromkeys(cell.title for cell in folder.set_apart())
    others = (
        [f"Left out, as of another dataset or of other settings for all rows: {'; '.join(apart)}."] if apart else []
    )
    picture = ["![landscape](landscape.png)"] * (folder.path / "landscape.png").is_file()
    parts = [f"# {title}", markdown(table), *others, LEGEND, *picture, f"```bash\n{calls}```"]
    write_atomically(folder.path / "README.md", "\n\n".join(parts) + "\n")


def _commands(path: Path, command: Sequence[str]) -> str:
    """Return all commands that wrote to the folder, one per line, including this one."""
    call = shlex.join(["recbole-adasid", "scorecard", *command])
    calls = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    calls += [] if call in calls else [call]
    write_atomically(path, "\n".join(calls) + "\n")
    return path.read_text(encoding="utf-8")


def _draw(draw: Callable[[pd.DataFrame, Path, str], None], table: pd.DataFrame, path: Path, title: str) -> None:
    """Draw, or log what is missing: a failing figure must not lose the table."""
    try:
        draw(table, path, title)
    except ImportError as error:
        logger.warning("Skipped %s: %s. Run pip install 'recbole-adasid[scorecard]'", path.name, error)
