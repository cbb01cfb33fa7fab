"""RecBole's `quick_start` without ray, and its `load_data_and_model` for TIGER's files, and for those of other models
without free unpickling."""

from __future__ import annotations

import importlib.util
import logging
import pickle
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from recbole_adasid.host.model_file import SUFFIX, is_pickled, read_model
from recbole_adasid.host.registration import replace_function
from recbole_adasid.storage import DamagedFile

logger = logging.getLogger(__name__)


class _NoTune:
    """Stands for `ray.tune` where ray is not installed; RecBole reports to it at the end of its tuning jobs alone."""

    def __getattr__(self, name: str) -> Any:
        raise ImportError(
            f"ray.tune.{name} is needed, but ray is not installed: pip install ray, or tune by python -m "
            "recbole_adasid.tune"
        )


@contextmanager
def without_ray() -> Iterator[None]:
    """Within, `from ray import tune` works where ray is not installed: there is no ray 2.6.3 for Python 3.12."""
    if importlib.util.find_spec("ray") is not None:
        yield
        return
    stand_in = ModuleType("ray")
    stand_in.tune = _NoTune()  # type: ignore[attr-defined]
    sys.modules["ray"] = stand_in
    try:
        yield
    finally:
        del sys.modules["ray"]


def mend_quick_start(module: ModuleType) -> None:
    """Put :func:`load_data_and_model` in the place of RecBole's."""
    replace_function(module, "load_data_and_model", load_data_and_model)


def load_data_and_model(model_file: str | Path) -> tuple[Any, ...]:
    """Return config, model, dataset and the training, validation and test data of a saved model, as RecBole does.

    Args:
        model_file: TIGER's model.safetensors, or the .pth of another RecBole model.

    Raises:
        FileNotFoundError: if there is no such file.
        DamagedFile: if the file is damaged, does not fit its dataset, or would have to be unpickled freely.
    """
    from recbole.data import create_dataset, data_preparation
    from recbole.utils import get_model, init_logger, init_seed

    path = Path(model_file)
    of_torch = is_pickled(path) and path.suffix != SUFFIX
    config, fill = _recbole_file(path) if of_torch else _tiger_file(path)
    init_seed(config["seed"], config["reproducibility"])
    init_logger(config)
    logger.info(config)
    dataset = create_dataset(config)
    logger.info(dataset)
    train, valid, test = data_preparation(config, dataset)
    init_seed(config["seed"], config["reproducibility"])
    model = get_model(config["model"])(config, train._dataset).to(config["device"])
    fill(model)
    return config, model, dataset, train, valid, test


def _tiger_file(path: Path) -> tuple[Any, Callable[[Any], None]]:
    saved = read_model(path)
    return saved.config(), saved.fill


def _recbole_file(path: Path) -> tuple[Any, Callable[[Any], None]]:
    """Return the configuration in a file of torch.save, and what gives a model its weights."""
    import torch

    if _is_earlier_tiger(path):
        read_model(path)  # refuses it, with the reason
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        reason = str(error).splitlines()[0]
        raise DamagedFile(
            f"{path} holds more than weights and plain settings, or is damaged ({reason}): train the model again with "
            "recbole_adasid imported, or load the file where it is not"
        ) from None

    def fill(model: Any) -> None:
        model.load_state_dict(checkpoint["state_dict"])
        model.load_other_parameter(checkpoint.get("other_parameter"))

    return checkpoint["config"], fill


def _is_earlier_tiger(path: Path) -> bool:
    """Tell whether a file of torch.save has a setting that only TIGER has, without unpickling it."""
    try:
        with zipfile.ZipFile(path) as archive:
            pickles = [name for name in archive.namelist() if name.endswith("/data.pkl")]
            return any(b"sid_level_sizes" in archive.read(name) for name in pickles)
    except zipfile.BadZipFile:
        return False
