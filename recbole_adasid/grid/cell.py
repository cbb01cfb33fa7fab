"""A cell of a grid: the main job with one tokenizer or recommender, dataset and seed."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shlex
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from recbole_adasid.grid.given_files import (
    content_digest,
    given_model,
    given_value,
    holds_out_items,
    samples_candidates,
    settings_files,
)
from recbole_adasid.grid.grids import ABOUT
from recbole_adasid.grid.pace import read_pace
from recbole_adasid.grid.records import SEEDLESS
from recbole_adasid.grid.training import begin, ended_alone, train
from recbole_adasid.io.atomic import write_atomically
from recbole_adasid.io.json_file import read_json
from recbole_adasid.model.names import TIGER
from recbole_adasid.plugin.config.building import known_settings
from recbole_adasid.settings.errors import SettingsError
from recbole_adasid.settings.plugins import plugin_options
from recbole_adasid.settings.presets import tokenizer_keys
from recbole_adasid.settings.reading import read_settings_files
from recbole_adasid.settings.version import VERSION


class Cell:
    """One run: settings, dataset and seed."""

    def __init__(
        self, name: str, entry: dict[str, Any], dataset: str, seed: int, data_path: str | None, options: list[str]
    ) -> None:
        own, named = settings_of(entry), own_model(entry)
        self.name, self.dataset, self.model = name, dataset, named or given_model(options) or TIGER
        about = {key: entry[key] for key in ABOUT if key in entry}
        self.about = {"choice": False, **about, "model": self.model}
        self._shared = for_model(self.model, [one for one in options if named is None or key_in(one) != "model"])
        self.options, self.common = combined(name, own, self._shared), options
        refuse_files_of_others(name, self.model, self.options)
        refuse_shared_sids(name, own, self._shared)
        self.cold = holds_out_items(self.options)
        self.seedless = self.model in SEEDLESS and not self.cold and not samples_candidates(self.options)
        self.seed = 0 if self.seedless else seed
        self.data_path = data_path

    @property
    def given(self) -> str:
        """Digest of the data and of all settings files, as they are now: a cell may make the data."""
        return content_digest(self.dataset, self.data_path, self.options)

    @property
    def given_to_all(self) -> str:
        """Like :attr:`given`, without the cell's own settings files."""
        return content_digest(self.dataset, self.data_path, self._shared)

    @property
    def key(self) -> tuple[str, ...]:
        """What decides the cell's result: everything except data and result paths."""
        return self.dataset, str(self.seed), *self.options

    @property
    def place(self) -> dict[str, Any]:
        """The cell's place in the tables: two cells may share a result."""
        return {"cell": self.name, **self.about, "common": self.common}

    @property
    def folder(self) -> Path:
        """The cell's run folder, the same after a kill, so that training resumes."""
        settings = hashlib.sha256("\0".join(self.key).encode()).hexdigest()[:8]
        return Path("runs", "grid", self.dataset, f"{self.name}-{self.seed}-{settings}")

    @property
    def arguments(self) -> list[str]:
        """The arguments of its main job."""
        data = [f"--dataset={self.dataset}"] + ([f"--data_path={self.data_path}"] if self.data_path else [])
        return [*data, f"--seed={self.seed}", *self.options]

    def run(self, out: Path) -> dict[str, Any]:
        """Run the cell in its folder, save the users' ranks if there is a test, and return metrics, time and memory.

        The record is kept in the folder too: if it could not be added to the results, it is returned again. A training
        that ended after its grid was killed is not repeated; its processor time and memory are unknown.
        """
        folder = self.folder
        kept = folder / "cell.json"
        if kept.is_file() and (record := read_json(kept)).get("given", "") == self.given:
            self._keep_ranks(record, out)
            return moved(record, self)
        record = {**self.place, "dataset": self.dataset, "seed": self.seed, "options": self.options}
        record["command"] = shlex.join(["recbole-adasid", "train", *self.arguments, *plugin_options()])
        record |= {"cold": self.cold, "seedless": self.seedless, "machine": machine(), "code": code()}
        print(f"--- {record['command']}", flush=True)
        measured = ended_alone(folder, self._start) or self._train()
        given = self.given
        record |= {"given": given, "given_to_all": self.given_to_all} if given else {}
        if (folder / "test_ranks.npz").is_file():
            name = "-".join(filter(None, [self.dataset, folder.name, given[:8]]))  # for exactly these options and data
            record["ranks"] = f"{name}.npz"
            self._keep_ranks(record, out)
        record |= {"pace": read_pace(folder), **measured}
        write_atomically(kept, json.dumps(record, ensure_ascii=False))
        return record

    @property
    def _start(self) -> dict[str, Any]:
        """What decides the result of a training that starts now."""
        return {"key": [*self.key], "files": self.given, "code": code()}

    def _train(self) -> dict[str, Any]:
        resumed, started = self.folder.exists(), time.time()
        begin(self.folder, self._start, resumed=resumed)
        metrics, usage = self.execute(self.arguments, self.folder)
        return {"resumed": resumed, "seconds": round(time.time() - started), **usage, **metrics}

    def _keep_ranks(self, record: dict[str, Any], out: Path) -> None:
        if "ranks" in record:
            (out / "ranks").mkdir(exist_ok=True)
            shutil.copy(self.folder / "test_ranks.npz", out / "ranks" / record["ranks"])

    def execute(self, arguments: list[str], folder: Path) -> tuple[dict[str, Any], dict[str, float]]:
        """Run the main job and return its measurements, and its processor seconds and peak memory in GiB.

        Raises:
            ValueError: if it failed; the reason is already printed.
        """
        status, usage = train([*arguments, *plugin_options()], folder)
        if status:
            raise ValueError(f"the cell {self.name} failed with exit status {status}: see {folder / 'run.log'}")
        return read_json(folder / "metrics.json"), usage


def moved(record: dict[str, Any], cell: Cell) -> dict[str, Any]:
    """Return a finished record of the result of ``cell`` in the place of ``cell``."""
    return {**cell.place, **{key: value for key, value in record.items() if key not in (*ABOUT, *cell.place)}}


def settings_of(entry: dict[str, Any]) -> dict[str, Any]:
    """Return the settings in a cell of a grid."""
    return {key: value for key, value in entry.items() if key not in ABOUT}


def own_model(entry: dict[str, Any]) -> str | None:
    """Return the model that a cell, or a settings file of its own, names."""
    return given_model(as_options(settings_of(entry)))


def for_model(model: str, options: list[str]) -> list[str]:
    """Return the `--key=value` options that apply to a model: RecBole's have no tokenizer, TIGER nothing of LIGER's."""
    known = known_settings(model)
    return [option for option in options if key_in(option) in known]


def combined(name: str, own: dict[str, Any], shared: list[str]) -> list[str]:
    """Return the settings of a cell and the common options as options: a common one wins, as the user typed it.

    Raises:
        SettingsError: if it would turn the cell into another one.
    """
    typed = {key_in(option) for option in shared}
    for key in ("tokenizer", "config_files"):
        if key in own and key in typed:
            raise SettingsError(f"The cell {name} has a {key} of its own: leave --{key} out, or choose other --cells.")
    return as_options({key: value for key, value in own.items() if key not in typed}) + shared


def as_options(settings: dict[str, Any]) -> list[str]:
    """Return settings as `--key=value` options."""
    return [f"--{key}={one if isinstance(one, str) else json.dumps(one)}" for key, one in settings.items()]


def refuse_files_of_others(name: str, model: str, options: Sequence[str]) -> None:
    """Check that a model has the settings in the settings files of its cell.

    Raises:
        SettingsError: naming the first that it lacks.
    """
    known = known_settings(model)
    for path in settings_files(options):
        for key in sorted(read_settings_files([path]).keys() - known):
            raise SettingsError(
                f"{path} has {key}, a setting that {model}, the model of the cell {name}, does not have: give it as "
                f"--{key}=VALUE, which reaches only the cells that have it, or choose other --cells."
            )


def refuse_shared_sids(name: str, own: dict[str, Any], shared: Sequence[str]) -> None:
    """Check that a cell with Semantic IDs or settings of a tokenizer of its own is not given those of all cells.

    Raises:
        SettingsError: naming the first such setting.
    """
    if not given_value("sids_file", shared):
        return
    keys = own.keys() | read_settings_files(settings_files(as_options(own))).keys()
    for key in sorted(keys & tokenizer_keys(), key=lambda one: (one != "tokenizer", one)):
        raise SettingsError(
            f"The cell {name} has a {key} of its own, but sids_file gives all cells the same Semantic IDs: leave "
            "sids_file out, or choose other --cells."
        )


def key_in(option: str) -> str:
    """Return the key of a `--key=value` option."""
    return option[2:].partition("=")[0]


def code() -> str:
    """Return the package's version and, in a checkout with git, its commit: `0.2.0, 1a2b3c4`, `+` for changed files."""
    root = Path(__file__).parents[2]
    describe = ["git", "-C", str(root), "describe", "--always", "--exclude=*", "--abbrev=7", "--dirty=+"]
    if not (root / ".git").exists() or not shutil.which("git"):
        return VERSION
    found = subprocess.run(describe, capture_output=True, text=True, check=False).stdout.strip()
    return ", ".join(filter(None, [VERSION, found]))


def machine() -> str:
    """Return a description of this machine."""
    import torch

    return f"{platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads, torch {torch.__version__}"
