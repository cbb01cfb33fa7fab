"""RecBole's `quick_start` without ray, and its `load_data_and_model` for TIGER's files, and for other models' files
without unrestricted unpickling."""

from __future__ import annotations

import importlib.util
import logging
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from recbole_adasid.io.one_line import typed_line
from recbole_adasid.io.tensor_file import DamagedFile
from recbole_adasid.plugin.config.stored_settings import check_stored, tame_recbole
from recbole_adasid.plugin.config_values import config_of
from recbole_adasid.plugin.registration import replace_function
from recbole_adasid.run_folder.model_file import SUFFIX, describe_data, is_pickled, read_model

logger = logging.getLogger(__name__)

_LARGEST_PICKLE = 1 << 24


class _NoTune:
    """Stub for `ray.tune` without ray; RecBole only reports to it at the end of its tuning jobs."""

    def __getattr__(self, name: str) -> Any:
        raise ImportError(
            f"ray.tune.{name} is needed, but ray is not installed: pip install ray, or use recbole-adasid tune"
        )


@contextmanager
def without_ray() -> Iterator[None]:
    """Within, `from ray import tune` works without ray: there is no ray 2.6.3 for Python 3.12."""
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
    """Replace RecBole's function by :func:`load_data_and_model`."""
    replace_function(module, "load_data_and_model", load_data_and_model)


def load_data_and_model(model_file: str | Path, *, trusted: bool = False) -> tuple[Any, ...]:
    """Return config, model, dataset and the training, validation and test data of a saved model, as RecBole does.

    Settings come from the file, except that those that fetch, write or reach other machines are disabled, and any that
    would be executed are refused. The dataset is read from the folder in the settings.

    Args:
        model_file: TIGER's model.safetensors, or the .pth of another RecBole model.
        trusted: the file is your own: use all its settings unchanged. Weights never use unrestricted unpickling.

    Raises:
        FileNotFoundError: if the file or its dataset is missing.
        DamagedFile: if the file is damaged, does not fit its dataset, or would need unrestricted unpickling.
        SettingsError: for a setting that is invalid, or would be executed.
    """
    from recbole.data import create_dataset, data_preparation
    from recbole.utils import get_model, init_logger, init_seed

    path = Path(model_file)
    of_torch = is_pickled(path) and path.suffix != SUFFIX
    saved = _recbole_file(path, trusted) if of_torch else _tiger_file(path, trusted)
    config = saved.config
    init_seed(config["seed"], config["reproducibility"])
    init_logger(config)
    logger.info(config)
    with saved.problems():
        dataset = create_dataset(config)
        saved.check_data(dataset)
        logger.info(dataset)
        train, valid, test = data_preparation(config, dataset)
        init_seed(config["seed"], config["reproducibility"])
        model = get_model(config["model"])(config, train._dataset).to(config["device"])
        saved.fill(model)
    return config, model, dataset, train, valid, test


class _Saved(NamedTuple):
    """A file of plain content."""

    config: Any
    fill: Callable[[Any], None]
    """Loads the weights into a model."""
    check_data: Callable[[Any], None]
    """Refuses a dataset that the model was not trained on, as far as the file shows."""
    problems: Callable[[], AbstractContextManager[None]]
    """Turns errors within into one sentence."""


def _tiger_file(path: Path, trusted: bool) -> _Saved:
    saved = read_model(path, trusted=trusted)
    config = config_of(saved)
    if not trusted:
        check_stored(config, path)

    def check_data(dataset: Any) -> None:
        saved.check_data(describe_data(dataset, with_users=config["n_user_tokens"] > 0))

    return _Saved(config, saved.fill, check_data, nullcontext)


def _recbole_file(path: Path, trusted: bool) -> _Saved:
    """Return the content of a torch.save file without executing anything in it."""
    checkpoint = _unpickled(path)
    config = checkpoint["config"]
    if not trusted:
        tame_recbole(config, path)

    def fill(model: Any) -> None:
        model.load_state_dict(checkpoint["state_dict"])
        model.load_other_parameter(checkpoint.get("other_parameter"))

    @contextmanager
    def problems() -> Iterator[None]:
        try:
            yield
        except (ImportError, OSError, MemoryError, ValueError):
            raise
        except Exception as error:  # RecBole checks no settings
            raise DamagedFile(
                f"{path} does not match its own settings or the dataset ({typed_line(error, 300)})"
            ) from error

    return _Saved(config, fill, lambda dataset: None, problems)


def _unpickled(path: Path) -> dict[str, Any]:
    """Return a checkpoint of weights and plain values.

    Raises:
        DamagedFile: if it holds anything else.
    """
    import torch
    from recbole.config import Config

    if _is_earlier_tiger(path):
        read_model(path)  # raises the precise error
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # anything raised by unpickling or RecBole's Config
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DamagedFile(
            f"{path} holds more than weights and plain settings, or is damaged ({reason}): train the model again with "
            "recbole_adasid imported, or load the file where it is not"
        ) from None
    if not isinstance(found, dict) or not isinstance(found.get("state_dict"), dict):
        raise DamagedFile(f"{path} holds no weights by name: it is not a RecBole checkpoint")
    if not isinstance(found.get("config"), Config):
        raise DamagedFile(f"{path} holds no settings of a RecBole Config: it is not a RecBole checkpoint")
    return found


def _is_earlier_tiger(path: Path) -> bool:
    """Tell whether a torch.save file has a TIGER-only setting, without unpickling it."""
    try:
        with zipfile.ZipFile(path) as archive:
            pickles = [name for name in archive.namelist() if name.endswith("/data.pkl")]
            return any(b"sid_level_sizes" in _beginning(archive, name) for name in pickles)
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError, zlib.error):
        return False


def _beginning(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as stream:  # may claim, and unpack to, any size
        return stream.read(_LARGEST_PICKLE)
