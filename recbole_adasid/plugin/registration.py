"""Register TIGER with RecBole and patch RecBole, both when its modules are first imported."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from types import ModuleType
from typing import Any

from recbole_adasid.model.names import LIGER, TIGER

OURS = {TIGER: "recbole_adasid.plugin.tiger", LIGER: "recbole_adasid.plugin.liger"}
"""This package's models, which use Semantic IDs, and their modules."""
_LOOKED_FOR = {f"recbole.model.sequential_recommender.{name.lower()}": name for name in OURS}
"""Modules where RecBole looks for models → the model."""

# RecBole module → functions of this folder, as "module:name", called with it right after it was executed.
AFTER_IMPORT: dict[str, tuple[str, ...]] = {
    "recbole": ("patches.numpy_names:restore_numpy_names",),
    "recbole.config.configurator": ("config.building:extend_configurator",),
    "recbole.data.dataloader.abstract_dataloader": ("patches.row_numbers:number_rows_lazily",),
    "recbole.data.dataset": ("registration:offer_classes",),
    "recbole.data.dataset.dataset": (
        "patches.read_csv:read_as_pandas_2",
        "patches.missing_values:fill_gaps_in_place",
        "patches.vector_columns:read_vectors",
        "patches.series_length:measure_each_element",
    ),
    "recbole.data.dataset.sequential_dataset": ("patches.series_length:measure_each_element",),
    "recbole.data.utils": ("patches.pickled_data:guard_pickles", "patches.samplers:leave_out_idle_samplers"),
    "recbole.model.general_recommender": ("patches.dok_matrix:restore_dok_update",),
    "recbole.model.sequential_recommender.sasrecf": ("patches.vector_columns:count_features_once",),
    "recbole.model.sequential_recommender.sine": ("patches.anomaly_detection:end_anomaly_detection",),
    "recbole.quick_start.quick_start": ("patches.quick_start:mend_quick_start",),
    "recbole.trainer": ("registration:offer_classes",),
    "recbole.trainer.hyper_tuning": ("patches.exhaustive_search:try_each_point_once",),
    "recbole.trainer.trainer": ("patches.checkpoints:save_plain_checkpoints", "logs:log_beside_the_run"),
    "recbole.utils.utils": ("patches.folders:make_folders_together",),
}
# RecBole module → the context manager, as above, in which it is executed.
WHILE_IMPORTING = {"recbole.quick_start.quick_start": "patches.quick_start:without_ray"}
# RecBole module → the class that it is to offer for each of our models, and ours.
_OFFERED = {
    "recbole.data.dataset": ("TIGERDataset", "recbole_adasid.plugin.datasets.dataset"),
    "recbole.trainer": ("TIGERTrainer", "recbole_adasid.plugin.trainer"),
}


class _ModelLoader(Loader):
    """Fill RecBole's module of a model from this package."""

    def exec_module(self, module: ModuleType) -> None:
        name = _LOOKED_FOR[module.__name__]
        setattr(module, name, getattr(importlib.import_module(OURS[name]), name))


class _RecBoleFinder(MetaPathFinder):
    """Find our models' modules, and hook the import of the RecBole modules that need patching."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname in _LOOKED_FOR:
            return spec_from_loader(fullname, _ModelLoader())
        if fullname not in AFTER_IMPORT:
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(fullname, path, target)
            if spec is not None and spec.loader is not None:
                _follow_up(spec.loader, fullname)
                return spec
        return None


def register() -> None:
    """Register TIGER with RecBole, whether RecBole is already imported or will be later. Idempotent."""
    if any(isinstance(finder, _RecBoleFinder) for finder in sys.meta_path):
        return
    sys.meta_path.insert(0, _RecBoleFinder())
    for name in AFTER_IMPORT:
        if name in sys.modules:
            _after_import(sys.modules[name], name)


def replace_function(module: ModuleType, name: str, replacement: Callable[..., Any]) -> None:
    """Replace a function in a module, and wherever it was already imported by name."""
    original = getattr(module, name)
    for other in list(sys.modules.values()):
        if getattr(other, "__dict__", {}).get(name) is original:
            setattr(other, name, replacement)


def offer_classes(module: ModuleType) -> None:
    """Make `TIGERDataset` or `TIGERTrainer` and its like, which RecBole looks up by name in a module, load ours."""
    name, source = _OFFERED[module.__name__]
    names = [name.replace(TIGER, model) for model in OURS]

    def lookup(wanted: str) -> object:
        if wanted in names:
            return getattr(importlib.import_module(source), name)
        raise AttributeError(f"module {module.__name__!r} has no attribute {wanted!r}")

    module.__getattr__ = lookup  # type: ignore[method-assign]


def _follow_up(loader: Loader, name: str) -> None:
    execute = loader.exec_module

    def execute_and_follow_up(module: ModuleType) -> None:
        with _named(WHILE_IMPORTING[name])() if name in WHILE_IMPORTING else nullcontext():
            execute(module)
        _after_import(module, name)

    loader.exec_module = execute_and_follow_up  # type: ignore[method-assign]


def _after_import(module: ModuleType, name: str) -> None:
    for follow_up in AFTER_IMPORT[name]:
        _named(follow_up)(module)


def _named(path: str) -> Callable[..., Any]:
    source, function = path.split(":")
    return getattr(importlib.import_module(f"{__package__}.{source}"), function)
