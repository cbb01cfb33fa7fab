"""What a run leaves behind: a folder with its settings, Semantic IDs, metrics and model, and a table to print.

Every file appears whole or not at all: it is written under another name, flushed to disk, then renamed.
Letters: N items, L levels.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import ArrayLike

from recbole_adasid.data.array_file import check_archive
from recbole_adasid.evaluation.report import render
from recbole_adasid.locks import held
from recbole_adasid.writing import CannotWrite, written_whole


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
        """Where titles and categories of the items are, see :mod:`recbole_adasid.item_labels`."""
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
        """Where items are that came or went after the run, see :mod:`recbole_adasid.catalogue_changes`."""
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
        """Where losses, weights and metrics over time are, see :mod:`recbole_adasid.history`."""
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


def results_table(
    valid: Mapping[str, float],
    test: Mapping[str, float],
    intervals: Mapping[str, tuple[float, float]] | None = None,
    by_semantic_ids: Mapping[str, float] | None = None,
    slices: Mapping[str, Mapping[str, float]] | None = None,
) -> str:
    """Return the metrics of both splits as plain text, one a line, in the order of `valid`, then of `test`.

    `intervals` of test metrics stand beside them, what they would be if a hit on the Semantic ID were enough, and what
    they are for `slices` of the users by name.
    """
    names = list(dict.fromkeys([*valid, *test]))
    width = max(map(len, [*names, "metric"]))
    head = f"{'metric':<{width}}  {'valid':>8}  {'test':>8}"
    head += ("  test, 95% interval" if intervals else "") + ("  by Semantic ID" if by_semantic_ids else "")
    head += "".join(f"  {slice_:>10}" for slice_ in slices or ())
    lines = [head, "-" * len(head)]
    for name in names:
        line = f"{name:<{width}}  {_cell(valid.get(name))}  {_cell(test.get(name))}"
        if intervals:
            line += f"  {_interval(intervals.get(name)):>18}"
        if by_semantic_ids:
            line += f"  {_cell(by_semantic_ids.get(name)):>14}"
        line += "".join(f"  {_cell(found.get(name)):>10}" for found in (slices or {}).values())
        lines.append(line.rstrip())
    return "\n".join(lines)


def write_atomically(path: Path, content: str) -> Path:
    """Write UTF-8 text so that a reader, or a crash, sees the old file or the new one and never a part."""
    with written_whole(path) as waiting:
        waiting.write_bytes(content.encode("utf-8"))
    return path


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write ``arrays`` to an .npz, for other programs to read, that appears under its name when it is complete."""
    with written_whole(path) as waiting, waiting.open("wb") as stream:
        np.savez(stream, **arrays)  # type: ignore[arg-type]


def read_arrays(path: Path, *names: str) -> dict[str, np.ndarray]:
    """Return the arrays ``names``, or all, of an .npz that :func:`write_arrays` wrote; nothing in it is unpickled.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no .npz, damaged, lacks an array or holds Python objects.
    """
    try:
        check_archive(path)
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in names or stored.files}
        if not all(isinstance(values, np.ndarray) for values in arrays.values()):
            raise ValueError("it holds other files than arrays")
    except FileNotFoundError:
        raise
    except Exception as error:  # of a damaged file numpy, zipfile, zlib and ast each raise their own
        reason = " ".join(str(error).split()) or type(error).__name__
        wanted = ", ".join(names) or "plain arrays"
        raise ValueError(f"{path} is no .npz of {wanted} ({reason}): make it again") from None
    return arrays


def read_json(path: Path) -> dict[str, Any]:
    """Return what a JSON file of a run holds.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not JSON, or holds something else than names and values.
    """
    try:
        found = parse_json(path.read_text(encoding="utf-8"))
    except ValueError as error:  # UnicodeDecodeError is one of these
        raise ValueError(f"{path} is no JSON ({error}): bring back the file as it was written") from None
    if not isinstance(found, dict):
        raise ValueError(f"{path} holds no names and values: bring back the file as it was written")
    return found


def parse_json(text: str, **options: Any) -> Any:
    """Return what a JSON text holds; ``options`` are those of `json.loads`.

    Raises:
        ValueError: if it is no JSON, nested too deeply, or has half of a surrogate pair, which cannot be written again.
    """
    try:
        found = json.loads(text, **options)
        if _HALF.search(text):
            json.dumps(found, ensure_ascii=False).encode("utf-8")
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return found


_HALF = re.compile(r"\\u[dD][89a-fA-F]")


def check_codes(item_tokens: Sequence[str], codes: np.ndarray, sizes: Sequence[int]) -> None:
    """Check that ``codes`` [N, L] are those of N different items, each within its level's size.

    Raises:
        ValueError: if the shapes do not match, a token stands twice or a code is out of its level.
    """
    if codes.shape != (len(item_tokens), len(sizes)):
        raise ValueError(
            f"The codes have the shape {codes.shape} for {len(item_tokens)} items on {len(sizes)} levels: "
            "pass one row an item and one column a level."
        )
    if len(set(item_tokens)) < len(item_tokens):
        raise ValueError(f"{len(item_tokens) - len(set(item_tokens))} item tokens repeat: pass each item once.")
    wrong = np.argwhere((codes < 0) | (codes >= np.array(sizes)))
    if len(wrong):
        row, level = wrong[0]
        raise ValueError(
            f"Item '{item_tokens[row]}' has the code {codes[row, level]} on level {level + 1}, which has "
            f"{sizes[level]} codewords: pass codes without level offsets."
        )


def as_json(value: Mapping[str, Any]) -> str:
    """Return names and values as JSON; a number that is not finite becomes null, as JSON has no other word for it."""
    return json.dumps(_plain(value, finite=True), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _as_yaml(settings: Mapping[str, Any]) -> str:
    return yaml.safe_dump(_plain(settings), sort_keys=True, allow_unicode=True)


def _plain(value: Any, *, finite: bool = False) -> Any:
    """Reduce a setting or metric to what YAML and JSON know: mappings, lists, text, numbers, null."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and finite and not math.isfinite(value):
        return None
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(entry, finite=finite) for key, entry in value.items()}
    if isinstance(value, (set, frozenset)):
        value = sorted(value, key=str)
    if isinstance(value, Iterable):
        return [_plain(entry, finite=finite) for entry in value]
    return str(value)


def _interval(bounds: tuple[float, float] | None) -> str:
    return "" if bounds is None else f"{bounds[0]:.4f} to {bounds[1]:.4f}"


def _cell(value: float | None) -> str:
    return f"{'-':>8}" if value is None or math.isnan(value) else f"{value:8.4f}"
