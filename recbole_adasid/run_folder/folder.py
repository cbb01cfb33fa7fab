"""The folder of a run: its settings, Semantic IDs, metrics and model.

Files are written atomically: under another name, flushed to disk, then renamed.
Letters: N items, L levels.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Optional

import numpy as np
import yaml
from numpy.typing import ArrayLike

from recbole_adasid.evaluation.breakdown_page import render
from recbole_adasid.io.array_file import write_arrays
from recbole_adasid.io.atomic import CannotWrite, stamp_of, write_atomically
from recbole_adasid.io.json_file import as_json, entry_a_line, plain_values
from recbole_adasid.io.links import check_inside
from recbole_adasid.io.locks import InUse, held
from recbole_adasid.model.settings import as_before
from recbole_adasid.tokenizer.codes import check_codes

_LOCK, _CHANGES, _CHANGES_LOG = ".lock", "new-items.safetensors", "new-items.jsonl"
_WRITTEN_LATER = (_LOCK, _CHANGES, _CHANGES_LOG)
_OF_THE_LOCKED = frozenset(
    (
        *("config.yaml", "about.json", "sids.json", "sids.info.json", "reserved-sids.json", "items.json"),
        *("features.safetensors", "model.safetensors", "training.safetensors", "tracking.json", "model.pth"),
        *("test_ranks.npz", "evaluation.json", "evaluation.md", "examples.json", "history.json", "metrics.json"),
        *("item_vectors.npz", _CHANGES),
    )
)
"""Files that are only written while the folder is locked; a page, for one, is also written without."""
_LEFT_AFTER = 3600.0
"""Seconds without a change after which any other unfinished file counts as left by a killed process."""
Stamps = tuple[Optional[tuple[int, int, int]], ...]
"""Stamps of some files, each as :func:`~recbole_adasid.io.atomic.stamp_of` returns it."""


class RunFolder:
    """The folder of one run: settings, Semantic IDs, metrics and their underlying data, and the model."""

    def __init__(self, path: str | Path) -> None:
        """Create the folder, with its parents if necessary.

        Raises:
            NotADirectoryError: if a file of that name is in the way.
            CannotWrite: if it cannot be created.
        """
        self.path = Path(path)
        if self.path.exists() and not self.path.is_dir():
            raise NotADirectoryError(f"The run folder {self.path} is a file: choose another name or move it.")
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CannotWrite(
                f"cannot create the run folder {self.path} ({error.strerror}): choose another run_folder or run_root"
            ) from error
        self.config_path = self.path / "config.yaml"  # the settings
        self.metrics_path = self.path / "metrics.json"  # the last file that a run writes before the report
        self.sids_path = self.path / "sids.json"  # Semantic IDs, in the order of the model's items
        # Semantic IDs kept for items that the run's bundle has and its data lacks, if any.
        self.reserved_path = self.path / "reserved-sids.json"
        self.labels_path = self.path / "items.json"  # titles and categories: recbole_adasid.data.item_labels
        self.tokenizer_path = self.path / "tokenizer"  # the trained tokenizer, or its bundle's, if there is one
        # The item features' learned words and directions, if any: new items need them.
        self.fitted_path = self.path / "features.safetensors"
        self.changes_path = self.path / _CHANGES  # later changes of items: recbole_adasid.run_folder.catalogue_log
        self.changes_log_path = self.path / _CHANGES_LOG  # the log of added and removed items
        self.model_path = self.path / "model.safetensors"  # the run's best model
        self.training_path = self.path / "training.safetensors"  # state between two epochs, until the run ends
        self.history_path = self.path / "history.json"  # over time: recbole_adasid.run_folder.history
        self.report_path = self.path / "report.html"  # see recbole_adasid.report

    @classmethod
    def existing(cls, path: str | Path, *, with_semantic_ids: bool = False, needs: str | None = None) -> RunFolder:
        """Return the folder of an earlier run, optionally requiring Semantic IDs, or a file by its name.

        Raises:
            FileNotFoundError: if there is none, its recommender has no Semantic IDs, or it lacks the file.
            ValueError: if a file that is written later is a link out of the folder, which someone else may have packed.
        """
        if not Path(path).is_dir():
            raise FileNotFoundError(f"There is no run folder {path}: give the folder that a run reported.")
        folder = cls(path)
        check_inside(folder.path, _WRITTEN_LATER)
        if with_semantic_ids and folder.metrics_path.is_file() and not folder.sids_path.is_file():
            raise FileNotFoundError(
                f"The run in {path} trained a recommender without Semantic IDs: give the folder of a TIGER run."
            )
        if needs is not None and not (folder.path / needs).is_file():
            runs = sorted(run.parent for run in folder.path.glob("*/config.yaml") if (run.parent / needs).is_file())
            example = f", such as {runs[-1]}" if runs else ""
            raise FileNotFoundError(f"{path} has no {needs}: give the folder of a finished run{example}")
        return folder

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Lock the folder against other processes for the duration of the block.

        Raises:
            InUse: if another process is using it.
            ValueError: if its lock is a link out of the folder.
        """
        check_inside(self.path, [_LOCK])
        with held(self.path / _LOCK, f"the run folder {self.path}", wait=False):
            _remove_leftovers(self.path)
            yield

    def stamps(self) -> Stamps:
        """Return stamps of the model and the Semantic IDs, which change when the run is trained again."""
        return stamp_of(self.model_path), stamp_of(self.sids_path)

    def check_same_run(self, stamps: Stamps, then: str) -> None:
        """Check that the run was not trained again since a recommender was loaded.

        Args:
            stamps: the :meth:`stamps` of that time.
            then: what to do once it is loaded again, for the message.

        Raises:
            InUse: if it was.
        """
        if self.stamps() != stamps:
            raise InUse(f"{self.path} has been retrained since this recommender was loaded: load it again and {then}")

    def write_config(self, settings: Mapping[str, Any]) -> Path:
        """Write the resolved settings to config.yaml, which can be passed as --config_files."""
        return write_atomically(self.config_path, _as_yaml(settings))

    def has_config(self, settings: Mapping[str, Any]) -> bool:
        """Tell whether :meth:`write_config` wrote exactly these settings here, or an older version the same ones."""
        written = (_as_yaml(given).encode("utf-8") for given in (settings, as_before(settings)))
        return self.config_path.is_file() and self.config_path.read_bytes() in written

    def write_about(self, about: Mapping[str, Any]) -> Path:
        """Write about.json: versions, machine, dataset statistics, and non-default settings."""
        return write_atomically(self.path / "about.json", as_json(about))

    def write_examples(self, examples: Mapping[str, Any]) -> Path:
        """Write examples.json, for people: items with their neighbours and users with their history."""
        return write_atomically(self.path / "examples.json", as_json(examples))

    def write_sids(
        self,
        item_tokens: Sequence[str],
        codes: ArrayLike,
        *,
        level_sizes: Sequence[int],
        info: Mapping[str, Any] | None = None,
    ) -> Path:
        """Write sids.json, `{item token: [code of level 1, …]}`, and sids.info.json, which describes the numbers.

        `codes` [N, L] count from 0 on every level, without offsets; `level_sizes` [L] bounds them. `info` adds
        entries to sids.info.json, such as a fingerprint.

        Raises:
            ValueError: if the shapes do not match, a token occurs twice or a code exceeds its level.
        """
        table, sizes = np.asarray(codes), [int(size) for size in level_sizes]
        check_codes(item_tokens, table, sizes)
        about = {
            "items": len(table),
            "levels": len(sizes),
            "level_sizes": sizes,
            "codes": "one integer per level, counted from 0 within its level",
            **(info or {}),
        }
        write_atomically(self.path / "sids.info.json", as_json(about))
        return write_atomically(self.sids_path, entry_a_line(zip(item_tokens, table.tolist())))

    def write_reserved(self, item_tokens: Sequence[str], codes: ArrayLike) -> Path:
        """Write reserved-sids.json, of the same form as sids.json: `codes` [R, S] of items that the run does not have.

        No other item may get them, and the items get them back when they return.
        """
        return write_atomically(self.reserved_path, entry_a_line(zip(item_tokens, np.asarray(codes).tolist())))

    def write_record(self, record: Mapping[str, np.ndarray]) -> Path:
        """Write test_ranks.npz: one row per held-out item of the test, for paired tests between runs and for slices."""
        path = self.path / "test_ranks.npz"
        write_arrays(path, {name: values.astype(np.int32) for name, values in record.items()})
        return path

    def write_evaluation(self, found: Mapping[str, Any], title: str, *, sampled: str, beam: bool) -> Path:
        """Write the breakdown of test hits: evaluation.json, and evaluation.md to read, for which ``sampled`` and
        ``beam`` say what is ranked.
        """
        write_atomically(self.path / "evaluation.md", render(found, title, sampled=sampled, beam=beam))
        return write_atomically(self.path / "evaluation.json", as_json(found))

    def write_metrics(self, metrics: Mapping[str, Any]) -> Path:
        """Write metrics.json; non-finite numbers become null, since JSON has none."""
        return write_atomically(self.metrics_path, as_json(metrics))


def _remove_leftovers(folder: Path) -> None:
    """Remove unfinished files that killed processes left, but not those that others write without the lock.

    Call it only with the lock.
    """
    for begun in folder.glob(".*.tmp"):
        name = begun.name[1:].rsplit(".", 2)[0]  # without the number of the process
        with suppress(OSError):  # such as an export's folder, which may still be being written
            if name in _OF_THE_LOCKED or time.time() - begun.lstat().st_mtime > _LEFT_AFTER:
                begun.unlink()


def _as_yaml(settings: Mapping[str, Any]) -> str:
    return yaml.safe_dump(plain_values(settings), sort_keys=True, allow_unicode=True)
