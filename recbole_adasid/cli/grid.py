"""`recbole-adasid grid`: tokenizers, seeds and datasets with the same recommender."""

from __future__ import annotations

import re
from pathlib import Path

from recbole_adasid.cli.shared.command import Command
from recbole_adasid.cli.shared.common import DATA_PATH, OUT, SEEDS, SETTINGS, refuse_seed, seed_list
from recbole_adasid.cli.shared.options import SWITCH, Option, need, read_options
from recbole_adasid.settings.errors import SettingsError

ABOUT = """\
Run tokenizers × seeds × datasets with the same TIGER, optionally with other recommenders, and render the paper's Tables
2 and 4 and Figure 4 in the folder --out.

A cell is one `recbole-adasid train` in its own process. Finished cells are lines of cells.jsonl, with the users' ranks
in ranks/. A stopped grid resumes with the missing cells, also on another machine with a copy of the folder; several
processes or machines can run different cells (--datasets, --seeds, --cells) and merge their lines. Additional
--KEY=VALUE settings apply to every cell whose recommender has them, win over the cell's own, and identify it.

A grid is a YAML file that maps a cell's name to its label and settings, or to nothing if it is the name of a tokenizer,
a variant or a RecBole recommender. Cells with `choice: true` or a `group` serve to choose a setting: the page shows
only their validation.
"""
OWN = (
    Option("grid", "NAME", "from the list below, or a YAML file of your own (default: table2)", default="table2"),
    Option("datasets", "A,B", "datasets, separated by commas (default: ml-100k)", default="ml-100k"),
    SEEDS,
    Option("cells", "A,B", "cells of the grid to run, separated by commas (default: all)"),
    DATA_PATH,
    OUT,
    Option("against", "NAME", "cell that the page compares the others with (default: adasid, else the best)"),
    Option("render", "true", "run nothing, only rewrite the tables", SWITCH, False),
)


def _work(given: list[str]) -> None:
    own, options = _apart(given)
    refuse_seed([option[2:].partition("=")[0] for option in options])
    values = read_options("grid", own, OWN)
    need(values, (OUT,), "grid")
    from recbole_adasid.grid.run import run_grid

    run_grid(
        values["grid"],
        Path(values["out"]),
        datasets=[] if values["render"] else names_in(values["datasets"]),
        seeds=seed_list(values["seeds"]),
        options=options,
        cells=values["cells"] and names_in(values["cells"]),
        data_path=values["data_path"],
        against=values["against"],
    )


def names_in(text: str) -> list[str]:
    """Return the different names in a comma-separated list."""
    return list(dict.fromkeys(part.strip() for part in text.split(",")))


def _apart(given: list[str]) -> tuple[list[str], list[str]]:
    """Return the grid's own arguments, and those of its cells verbatim: their text is part of a cell.

    Raises:
        SettingsError: for a cell argument that is not of the form --key=value.
    """
    names = {option.name for option in OWN}
    own, options, rest = [], [], list(given)
    while rest:
        argument = rest.pop(0)
        key, equals, _ = argument.removeprefix("--").partition("=")
        if argument == "--render":  # former spelling
            own.append("--render=true")
        elif argument.startswith("--") and key in names:
            own += [argument] if equals else [argument, *rest[:1]]
            rest = rest if equals else rest[1:]
        elif argument.startswith("--") and equals:
            options.append(argument)
        else:
            raise SettingsError(f"{argument!r} is not a setting of the cells: write --key=value.")
    return own, options


def names_text() -> str:
    """Return the names and descriptions of the grids that come with the package."""
    from recbole_adasid.grid.grids import GRIDS

    heads = {name: path.read_text(encoding="utf-8").partition("\n")[0] for name, path in GRIDS.items()}
    lines = [f"  {name:<18}{re.split('[.:]', head.lstrip('# '))[0]}" for name, head in heads.items()]
    return "\n".join(["grids", *lines])


COMMAND = Command(
    name="grid",
    summary="run tokenizers, seeds and datasets with the same recommender: the paper's tables",
    usage=("--out=FOLDER [--grid=table2] [--datasets=A,B] [--seeds=1,2] [--KEY=VALUE ...]",),
    about=ABOUT,
    options={"options": (*OWN, SETTINGS)},
    work=_work,
    resume_hint="finished cells, and finished epochs of the last one, are kept: run the same command again to resume",
    help_end=names_text,
    log_level=None,
)
