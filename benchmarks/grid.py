"""Run tokenizers × seeds × datasets through the same TIGER, and other recommenders beside it, and render the paper's
Tables 2 and 4 and its Figure 4.

    python -m benchmarks.grid --grid=table2 --datasets=amazon-toys --seeds=2020,2021 --data_path=data --out=results/grid

A cell is one run of run_recbole_adasid.py in a process of its own. Finished cells are lines of cells.jsonl, with the
users' ranks in ranks/: a stopped grid goes on with the missing ones, also on another machine that has a copy of the
folder, and several processes or machines can work on different cells (--datasets, --seeds, --cells) and put their
lines together. Further --key=value options go to every cell and are part of it; other recommenders than TIGER get those
that they have. --render only rewrites the tables.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.grid_pace import read_pace
from benchmarks.grid_report import SEEDLESS, finished_cells, write_report
from recbole_adasid import plain_yaml
from recbole_adasid.artefacts import read_json
from recbole_adasid.host.config import known_settings
from recbole_adasid.host.peers.names import OURS, TIGER, peer_names
from recbole_adasid.scorecard.competitors import competitor
from recbole_adasid.writing import append_line

ROOT = Path(__file__).resolve().parents[1]
GRIDS = {path.stem: path for path in sorted((Path(__file__).parent / "grids").glob("*.yaml"))}
POP = "pop"
ABOUT = ("label", "group")  # entries of a cell that are no settings


def main() -> None:
    """Run the cells that are missing, rewriting the tables after each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--grid", default="table2", choices=GRIDS)
    parser.add_argument("--datasets", default="ml-100k", help="separated by commas")
    parser.add_argument("--seeds", default="2020", help="separated by commas")
    parser.add_argument("--cells", help="some cells of the grid, separated by commas; default: all")
    parser.add_argument("--data_path", help="folder of the datasets; ml-100k needs none")
    parser.add_argument("--out", type=Path, required=True, help="folder of cells.jsonl, ranks and tables")
    parser.add_argument("--render", action="store_true", help="run nothing, only rewrite the tables")
    arguments, options = parser.parse_known_args()
    cells = read_grid(arguments.grid)
    chosen = arguments.cells.split(",") if arguments.cells else list(cells)
    unknown = set(chosen) - cells.keys()
    if unknown:
        parser.error(f"unknown cells {', '.join(sorted(unknown))}; valid: {', '.join(cells)}")
    if any(not option.startswith("--") or "=" not in option for option in options):
        parser.error(f"options of the runs must be of the form --key=value, got {' '.join(options)}")
    arguments.out.mkdir(parents=True, exist_ok=True)
    for dataset in [] if arguments.render else arguments.datasets.split(","):
        for seed in arguments.seeds.split(","):
            for name in chosen:
                wanted = Cell(name, cells[name], dataset, int(seed), arguments.data_path, options)
                if wanted.key not in finished(arguments.out):
                    add(arguments.out, wanted.run(arguments.out))
                    write_report(arguments.out)
    write_report(arguments.out)


def read_grid(name: str) -> dict[str, dict[str, Any]]:
    """Return the cells of a grid: label, group and settings by name.

    An empty entry names a tokenizer, a variant or a recommender of RecBole.
    """
    cells = plain_yaml.load(GRIDS[name].read_text(encoding="utf-8"))
    return {cell: entry if entry else known_cell(cell) for cell, entry in cells.items()}


def known_cell(name: str) -> dict[str, Any]:
    model = "Pop" if name == POP else name
    if model in peer_names():
        return {"label": f"RecBole's {model}", "model": model}
    known = competitor(name)
    return {"label": known.title, **known.settings}


class Cell:
    """One run: which settings on which dataset under which seed."""

    def __init__(
        self, name: str, entry: dict[str, Any], dataset: str, seed: int, data_path: str | None, options: list[str]
    ) -> None:
        self.name, self.dataset, self.model = name, dataset, entry.get("model", TIGER)
        self.seed = 0 if self.model in SEEDLESS else seed
        self.about = {**{key: entry[key] for key in ABOUT if key in entry}, "model": self.model}
        settings = {key: value for key, value in entry.items() if key not in ABOUT}
        own = [f"--{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in settings.items()]
        self.options, self.common = own + for_model(self.model, options), options
        self.data_path = data_path

    @property
    def key(self) -> tuple[str, ...]:
        """What makes it another cell: everything but where data and results are."""
        return self.dataset, str(self.seed), *self.options

    @property
    def folder(self) -> Path:
        """Where the cell runs: the same after a kill, so that its training goes on."""
        settings = hashlib.sha256("\0".join(self.key).encode()).hexdigest()[:8]
        return ROOT / "runs" / "grid" / self.dataset / f"{self.name}-{self.seed}-{settings}"

    def run(self, out: Path) -> dict[str, Any]:
        """Run the cell; return its metrics, time and memory, and keep the users' ranks."""
        common = [f"--dataset={self.dataset}"] + ([f"--data_path={self.data_path}"] if self.data_path else [])
        folder = self.folder
        command = [str(ROOT / "run_recbole_adasid.py"), *common, f"--seed={self.seed}", *self.options]
        record: dict[str, Any] = {"cell": self.name, **self.about, "dataset": self.dataset, "seed": self.seed}
        record |= {"options": self.options, "common": self.common, "command": self.shown(command)}
        print(f"--- {record['command']}", flush=True)
        started = time.time()
        metrics, memory = self.execute(command, folder)
        record |= {"seconds": round(time.time() - started), "peak_memory_gib": memory, "machine": machine()}
        ranks = out / "ranks" / f"{self.dataset}-{folder.name}.npz"  # of these options and no others
        ranks.parent.mkdir(exist_ok=True)
        shutil.copy(folder / "test_ranks.npz", ranks)
        pace = read_pace(folder)
        shutil.rmtree(folder)
        return {**record, "ranks": ranks.name, "pace": pace, **metrics}

    def execute(self, command: list[str], folder: Path) -> tuple[dict[str, Any], float]:
        """Run the command and return what it measured, and the most memory it held, in GiB."""
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
        process = subprocess.Popen([sys.executable, *command, f"--run_folder={folder}"], env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            shown, code = self.shown(command), os.waitstatus_to_exitcode(status)
            raise SystemExit(f"{shown} failed with exit status {code}; see {folder}/run.log")
        return read_json(folder / "metrics.json"), round(usage.ru_maxrss / 1024**2, 2)

    @staticmethod
    def shown(command: list[str]) -> str:
        return " ".join(["python", Path(command[0]).relative_to(ROOT).as_posix(), *command[1:]])


def for_model(model: str, options: list[str]) -> list[str]:
    """Return those `--key=value` options that a model has: tokenizers are no business of RecBole's."""
    if model in OURS:
        return options
    known = known_settings(model)
    return [option for option in options if option[2:].partition("=")[0] in known]


def add(out: Path, record: dict[str, Any]) -> None:
    """Append a finished cell and make sure that it is on disk."""
    append_line(out / "cells.jsonl", json.dumps(record, ensure_ascii=False))


def finished(out: Path) -> set[tuple[str, ...]]:
    """Return the keys of the finished cells."""
    return {(record["dataset"], str(record["seed"]), *record["options"]) for record in finished_cells(out)}


def machine() -> str:
    import torch

    return f"{platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads, torch {torch.__version__}"


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("Stopped. The same command goes on: finished cells are kept, and the last one's whole epochs.")
