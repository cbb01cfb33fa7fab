"""What a run leaves behind: a folder with its settings, Semantic IDs, metrics and model.

Every file appears whole or not at all: it is written under another name, flushed to disk, then renamed.
Letters: N items, L levels.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import ArrayLike

from recbole_adasid.evaluation.breakdown_page import render
from recbole_adasid.io.array_file import write_arrays
from recbole_adasid.io.atomic import CannotWrite, write_atomically
from recbole_adasid.io.json_file import as_json, plain_values
from recbole_adasid.io.locks import held
from recbole_adasid.tokenizer.codes import check_codes


class RunFolder:
    """The folder of one run: settings, Semantic IDs, metrics, what lies behind them, and the model."""

    def __init__(self, path: str | Path) -> None:
        """Make the folder, if need be with its parents.

        Raises:
            NotADirectoryError: if a file of that name is in the way.
            CannotWrite: if it cannot be made.
        """
        self.path = Path(path)
        if self.path.exists() and not self.path.is_dir():
            raise NotADirectoryError(f"The run folder {self.path} is a file: choose another name or move it.")
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CannotWrite(
                f"cannot make the run folder {self.path} ({error.strerror}): choose another run_folder or run_root"
            ) from error

    @classmethod
    def existing(cls, path: str | Path, *, with_semantic_ids: bool = False) -> RunFolder:
        """Return the folder of an earlier run, which has to have learned Semantic IDs if asked for.

        Raises:
            FileNotFoundError: if there is none, or it is of a recommender that has none.
        """
        if not Path(path).is_dir():
            raise FileNotFoundError(f"There is no run folder {path}: give the folder that a run named as its own.")
        folder = cls(path)
        if with_semantic_ids and folder.metrics_path.is_file() and not folder.sids_path.is_file():
            raise FileNotFoundError(
                f"The run in {path} is of a recommender without Semantic IDs: give the folder of a run of TIGER."
            )
        return folder

    @property
    def config_path(self) -> Path:
        """Where the settings are."""
        return self.path / "config.yaml"

    @property
    def metrics_path(self) -> Path:
        """Where the metrics are: it is the last file that a run writes but for the report."""
        return self.path / "metrics.json"

    @property
    def sids_path(self) -> Path:
        """Where the Semantic IDs are, in the order of the model's items."""
        return self.path / "sids.json"

    @property
    def labels_path(self) -> Path:
        """Where titles and categories of the items are, see :mod:`recbole_adasid.data.item_labels`."""
        return self.path / "items.json"

    @property
    def tokenizer_path(self) -> Path:
        """Where the trained tokenizer is, if the run trained one."""
        return self.path / "tokenizer"

    @property
    def fitted_path(self) -> Path:
        """Where the item features' words and directions are, if they learnt any: further items need them."""
        return self.path / "features.safetensors"

    @property
    def changes_path(self) -> Path:
        """Where items are that came or went after the run, see :mod:`recbole_adasid.run_folder.catalogue_log`."""
        return self.path / "new-items.safetensors"

    @property
    def changes_log_path(self) -> Path:
        """Where a line is added whenever items come or go."""
        return self.path / "new-items.jsonl"

    @property
    def model_path(self) -> Path:
        """Where the trainer keeps the best model of the run."""
        return self.path / "model.safetensors"

    @property
    def history_path(self) -> Path:
        """Where losses, weights and metrics over time are, see :mod:`recbole_adasid.run_folder.history`."""
        return self.path / "history.json"

    @property
    def report_path(self) -> Path:
        """Where the run's report is, see :mod:`recbole_adasid.report`."""
        return self.path / "report.html"

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Keep other processes out of the folder for the length of the block.

        Raises:
            InUse: if another process is in it.
        """
        with held(self.path / ".lock", f"the run folder {self.path}", wait=False):
            for begun in self.path.glob(".*.tmp"):  # by a process that was killed
                begun.unlink(missing_ok=True)
            yield

    def write_config(self, settings: Mapping[str, Any]) -> Path:
        """Write the resolved settings to config.yaml; the file can be given back as --config_files."""
        return write_atomically(self.config_path, _as_yaml(settings))

    def has_config(self, settings: Mapping[str, Any]) -> bool:
        """Tell whether :meth:`write_config` wrote these very settings here."""
        return self.config_path.is_file() and self.config_path.read_bytes() == _as_yaml(settings).encode("utf-8")

    def write_about(self, about: Mapping[str, Any]) -> Path:
        """Write about.json: versions, machine, figures of the dataset, and which settings are not the defaults."""
        return write_atomically(self.path / "about.json", as_json(about))

    def write_examples(self, examples: Mapping[str, Any]) -> Path:
        """Write examples.json: items with their nearest and users with their history, for people to look at."""
        return write_atomically(self.path / "examples.json", as_json(examples))

    def write_sids(
        self,
        item_tokens: Sequence[str],
        codes: ArrayLike,
        *,
        level_sizes: Sequence[int],
        info: Mapping[str, Any] | None = None,
    ) -> Path:
        """Write sids.json, `{item token: [code of level 1, …]}`, and beside it what the numbers mean.

        `codes` [N, L] count from 0 on every level, without offsets; `level_sizes` [L] bounds them. `info` adds
        entries to sids.info.json, such as a fingerprint.

        Raises:
            ValueError: if the shapes do not match, a token stands twice or a code is out of its level.
        """
        table, sizes = np.asarray(codes), [int(size) for size in level_sizes]
        check_codes(item_tokens, table, sizes)
        lines = [
            f"{json.dumps(str(token), ensure_ascii=False)}: {json.dumps(row)}"
            for token, row in zip(item_tokens, table.tolist())
        ]
        about = {
            "items": len(lines),
            "levels": len(sizes),
            "level_sizes": sizes,
            "codes": "one integer a level, counted from 0 within its level",
            **(info or {}),
        }
        write_atomically(self.path / "sids.info.json", as_json(about))
        return write_atomically(self.sids_path, "{\n" + ",\n".join(lines) + "\n}\n")

    def write_record(self, record: Mapping[str, np.ndarray]) -> Path:
        """Write test_ranks.npz: one row a test user, what paired tests between runs and slices need."""
        path = self.path / "test_ranks.npz"
        write_arrays(path, {name: values.astype(np.int32) for name, values in record.items()})
        return path

    def write_evaluation(self, found: Mapping[str, Any], title: str) -> Path:
        """Write where the hits on the test come from: evaluation.json, and evaluation.md to read."""
        write_atomically(self.path / "evaluation.md", render(found, title))
        return write_atomically(self.path / "evaluation.json", as_json(found))

    def write_metrics(self, metrics: Mapping[str, Any]) -> Path:
        """Write metrics.json; a number that is not finite becomes null, as JSON has no other word for it."""
        return write_atomically(self.metrics_path, as_json(metrics))


def _as_yaml(settings: Mapping[str, Any]) -> str:
    return yaml.safe_dump(plain_values(settings), sort_keys=True, allow_unicode=True)
