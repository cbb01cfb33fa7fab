"""What RecBole 1.2.1 needs on numpy 2, pandas 3, scipy 1.14 and torch ≥ 2.6; each function mends a module in place."""

from __future__ import annotations

import csv
import functools
import io
from collections.abc import Iterator, Sized
from contextlib import contextmanager
from contextvars import ContextVar
from types import ModuleType
from typing import Any

_AS_WRITTEN: ContextVar[bool] = ContextVar("as_written", default=False)

# Names that RecBole (and ray.tune, for it) uses, and what they stood for before numpy 2 took them away.
_NUMPY_NAMES = {
    "bool": "bool_",
    "bool8": "bool_",
    "int": "int_",
    "float": "float64",
    "float_": "float64",
    "complex": "complex128",
    "complex_": "complex128",
    "object": "object_",
    "str": "str_",
    "unicode": "str_",
    "unicode_": "str_",
    "long": "int_",
}


def restore_numpy_names(_recbole: ModuleType) -> None:
    """Give numpy the names back that RecBole expects; names that numpy has are left alone."""
    import numpy

    for name, stood_for in _NUMPY_NAMES.items():
        if name not in vars(numpy):
            setattr(numpy, name, getattr(numpy, stood_for))


def mend_dataset(module: ModuleType) -> None:
    """Undo what pandas 3 changed under RecBole's `Dataset`, chained in-place `fillna` and `Series.agg(len)`, and let it
    read vectors."""
    import pandas

    from recbole_adasid.host.vector_columns import discretize_by_position

    dataset_class = module.Dataset  # type: ignore[attr-defined]
    module.pd = _PandasForRecBole(pandas)  # type: ignore[attr-defined]
    dataset_class._fill_nan = fill_missing_values
    dataset_class._discretization = discretize_by_position(dataset_class._discretization)
    module.len = elementwise_length  # type: ignore[attr-defined]


def mend_sequential_dataset(module: ModuleType) -> None:
    """Undo the change of `Series.agg(len)` under RecBole's `SequentialDataset`."""
    module.len = elementwise_length  # type: ignore[attr-defined]


def restore_dok_update(_models: ModuleType) -> None:
    """Give scipy's `dok_matrix` the method back by which LightGCN and others fill one; scipy 1.14 took it away."""
    from scipy.sparse import dok_matrix

    if not hasattr(dok_matrix, "_update"):
        dok_matrix._update = lambda matrix, entries: matrix._dict.update(entries)


def end_anomaly_detection(_sine: ModuleType) -> None:
    """Switch torch's anomaly detection off again.

    RecBole's SINE switches it on when imported, and looking up a model by name imports SINE: every model would then
    record a traceback for each operation.
    """
    import torch

    torch.autograd.set_detect_anomaly(False)


def mend_utils(module: ModuleType) -> None:
    """Let several processes make one folder: RecBole asks whether it is there, and another may be faster then."""
    import os

    from recbole_adasid.host.registration import replace_function

    replace_function(module, "ensure_dir", lambda path: os.makedirs(path, exist_ok=True))


def mend_trainer(module: ModuleType) -> None:
    """Let every RecBole trainer save checkpoints that torch ≥ 2.6 loads, and log beside the run's other files."""
    from recbole_adasid.host.checkpoint import save_checkpoint
    from recbole_adasid.host.logs import tensorboard_writer

    module.Trainer._save_checkpoint = save_checkpoint  # type: ignore[attr-defined]
    module.get_tensorboard = tensorboard_writer  # type: ignore[attr-defined]


def fill_missing_values(dataset: Any) -> None:
    """Fill gaps in a RecBole dataset's tables: padding (0) for tokens, the mean for floats, nothing for sequences.

    RecBole fills through `frame[field].fillna(..., inplace=True)`, which pandas 3 applies to a copy: item 0 would
    turn into the smallest integer without a word.
    """
    import numpy

    for name in dataset.feat_name_list:
        frame = getattr(dataset, name)
        for field in frame:
            kind = dataset.field2type[field].value
            if kind == "token":
                frame[field] = frame[field].fillna(0)
            elif kind == "float":
                frame[field] = frame[field].fillna(frame[field].mean())
            else:
                empty = numpy.array([], dtype=numpy.int64 if kind == "token_seq" else numpy.float64)
                frame[field] = [empty if isinstance(value, float) else value for value in frame[field]]


def elementwise_length(value: Sized) -> Any:
    """Return the length, or for a pandas Series the length of each of its elements.

    RecBole asks for the latter by `series.agg(len)`; pandas 3 hands the whole series to the function instead.
    """
    import pandas

    if isinstance(value, pandas.Series):
        return [len(element) for element in value]
    return len(value)


@contextmanager
def cells_as_written() -> Iterator[None]:
    """Within, RecBole reads a cell as the text between two separators: quotes are characters and "NA" is a name."""
    token = _AS_WRITTEN.set(True)
    try:
        yield
    finally:
        _AS_WRITTEN.reset(token)


def _plain_options(kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the options of `read_csv` that take cells as they are written; only numbers can be missing.

    Tokens become categories, so that each is one object in memory and not one a row: while they are read, or after
    that where pandas would make numbers of them.
    """
    numbers = {name: [""] for name, kind in kwargs["dtype"].items() if kind is not str}
    token = str if _guesses_categories() else "category"
    kinds = {name: token if name.endswith(":token") else kind for name, kind in kwargs["dtype"].items()}
    options = {"quoting": csv.QUOTE_NONE, "keep_default_na": False, "na_values": numbers, "dtype": kinds}
    # pandas skips a byte order mark by itself, and reads the encoding it knows best much faster.
    return {**options, "encoding": "utf-8"} if kwargs["encoding"] == "utf-8-sig" else options


@functools.cache
def _guesses_categories() -> bool:
    """Tell whether pandas reads the categories 07 and 7 as one number, as it does from version 3.1 on."""
    import pandas

    return len(pandas.read_csv(io.StringIO("a\n07\n7\n"), dtype="category")["a"].cat.categories) == 1


class _PandasForRecBole(ModuleType):
    """pandas with a fast `read_csv` whose text columns are as pandas 2 read them and whose sequences have no gaps."""

    def __init__(self, pandas: ModuleType) -> None:
        super().__init__("pandas")
        self._pandas = pandas

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pandas, name)

    def read_csv(self, *args: Any, **kwargs: Any) -> Any:
        """Read a RecBole atomic file, whose columns are still called `name:type` here."""
        if kwargs.get("engine") == "python" and len(kwargs.get("delimiter") or "") == 1:
            # pandas' own parser is several times faster; its default rounds floats otherwise than Python does.
            kwargs |= {"engine": "c", "float_precision": "round_trip", "low_memory": False}
        if _AS_WRITTEN.get():
            kwargs |= _plain_options(kwargs)
        frame = self._pandas.read_csv(*args, **kwargs)
        for column in frame.columns:
            if _AS_WRITTEN.get() and column.endswith(":token"):
                frame[column] = frame[column].astype("category")
            if not column.endswith(":float") and frame[column].dtype != "category":
                frame[column] = frame[column].astype(object)
            if column.endswith("_seq"):
                frame[column] = frame[column].fillna("")
        return frame
