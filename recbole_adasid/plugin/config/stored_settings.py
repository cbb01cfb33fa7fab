"""Check the settings of a saved model before building a dataset and a model from them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from recbole_adasid.io.tensor_file import DamagedFile
from recbole_adasid.plugin.registration import OURS
from recbole_adasid.plugin.saved_data import refuse_unpickling
from recbole_adasid.settings.errors import SettingsError
from recbole_adasid.settings.harmless import harmless
from recbole_adasid.settings.presets import tokenizer_keys

# Derived by RecBole, some in a form that it does not accept itself.
_DERIVED = ("train_neg_sample_args", "sid_level_sizes", "content_width")
# Settings that occur in file names of a dataset's folder.
_FILE_NAMES = ("benchmark_filename", "additional_feat_suffix")


def check_stored(config: Any, path: Path) -> None:
    """Check the settings in TIGER's model file like a command's, except the unused tokenizer settings.

    Raises:
        SettingsError: for an invalid value.
        DamagedFile: for an invalid name.
    """
    from recbole.utils.enum_type import EvaluatorType, InputType, ModelType

    from recbole_adasid.plugin.config.constraints import check_values

    settings = config.final_config_dict
    _check_name("dataset", settings, path)
    unused = {*(tokenizer_keys() - {"tokenizer"}), *_DERIVED}
    try:
        check_values({key: value for key, value in settings.items() if key not in unused}, {})
    except SettingsError as error:
        raise SettingsError(f"{path}: {error}") from None
    settings |= {"MODEL_TYPE": ModelType.SEQUENTIAL, "MODEL_INPUT_TYPE": InputType.POINTWISE}
    settings["eval_type"] = EvaluatorType.RANKING


def tame_recbole(config: Any, path: Path) -> None:
    """Strip another model's checkpoint settings to those that describe the model and its data, without side effects.

    Raises:
        SettingsError: for anything that RecBole would execute.
        DamagedFile: if they are not settings of a RecBole model.
        FileNotFoundError: if the dataset is missing: RecBole would download it.
    """
    settings, folder = config.final_config_dict, Path(os.path.abspath(path)).parent
    for key in ("model", "dataset"):
        _check_name(key, settings, path)
    kind = _model_type(settings["model"], path)
    try:
        refuse_unpickling(settings, folder)
        here = {key: settings[key] for key in ("device", "local_rank", "single_spec")}  # as on this machine
        config.final_config_dict = settings = {**harmless(settings, folder), **here, "MODEL_TYPE": kind}
    except SettingsError as error:
        raise SettingsError(f"{path}: {error}.") from None
    except ValueError as error:
        raise DamagedFile(f"{path}: {error}") from None
    for key in _FILE_NAMES:
        names = settings.get(key) or []
        if not isinstance(names, list) or not all(_is_name(name) for name in names):
            raise DamagedFile(f"{path} has {key}={str(names)[:80]!r}, not usable in file names")
    home = Path(str(settings.get("data_path")))
    if not home.is_dir():
        raise FileNotFoundError(
            f"there is no folder {home}, where {path} expects its dataset: put it there, or load the file with "
            "trusted=True if it is your own, so that RecBole may download it"
        )


def _model_type(name: str, path: Path) -> Any:
    """Return the model type of RecBole's class of this name."""
    from recbole.utils import get_model

    try:
        if name not in OURS:  # which are never in such a file
            return get_model(name).type
    except (ValueError, AttributeError, ImportError):
        pass
    raise DamagedFile(f"{path} names the model {name!r}, which RecBole lacks or does not store in such a file")


def _check_name(key: str, settings: Mapping[str, Any], path: Path) -> None:
    if not _is_name(settings.get(key)) or key == "model" and not re.fullmatch(r"[A-Za-z]\w*", settings[key]):
        raise DamagedFile(f"{path} has {key}={str(settings.get(key))[:80]!r}, which is not a name")


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"(?!\.)[^/\\:\0\n]{1,200}", value) is not None
