"""One error for what users can fix, and errors for unknown names that suggest the nearest valid ones."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from typing import Any


class SettingsError(ValueError):
    """A setting or file that the user can fix; the message says how."""


# Names of settings in other programs.
_ELSEWHERE = {
    "device": "use_gpu=false trains on the CPU, gpu_id chooses GPUs",
    **dict.fromkeys(("cuda", "gpu", "no_cuda"), "use_gpu=false trains on the CPU, gpu_id chooses GPUs"),
    **dict.fromkeys(("lr", "max_lr"), "the setting is learning_rate"),
    **dict.fromkeys(("batch_size", "bs"), "the settings are train_batch_size and eval_batch_size"),
    **dict.fromkeys(("num_epochs", "n_epochs", "max_epochs"), "the setting is epochs"),
    **dict.fromkeys(("patience", "early_stop"), "the setting is stopping_step"),
    **dict.fromkeys(("output_dir", "out", "save_dir", "log_dir"), "the settings are run_folder and run_root"),
    **dict.fromkeys(
        ("config", "config_file", "config_files", "config_file_list"),
        "settings files are named by --config_files on the command line, and by an argument of the function in Python",
    ),
    **dict.fromkeys(("max_len", "maxlen", "max_seq_length", "max_seq_len"), "the setting is MAX_ITEM_LIST_LENGTH"),
    **dict.fromkeys(("random_seed", "random_state"), "the setting is seed"),
    **dict.fromkeys(("num_workers", "n_workers"), "the setting is worker"),
    **dict.fromkeys(("data_dir", "data_root", "data_folder"), "the setting is data_path"),
    **dict.fromkeys(("num_beams", "n_beams"), "the setting is beam_size"),
}


def unknown_name(what: str, value: object, valid: Iterable[str]) -> SettingsError:
    """Return the error for an unknown name; it shows the nearest valid names, then all of them."""
    names = sorted(valid)
    return SettingsError(f"Unknown {what} {value!r}{_nearest(value, names)} Valid are: {', '.join(names)}.")


def check_name(what: str, value: object, valid: Collection[str]) -> None:
    """Check that a name is one of the valid ones.

    Raises:
        SettingsError: if not, see :func:`unknown_name`.
    """
    if value not in valid:
        raise unknown_name(what, value, valid)


def refuse_unknown_keys(keys: Iterable[str], known: Iterable[str], *, source: str) -> None:
    """Check that every key is known.

    Raises:
        SettingsError: for the first unknown key, with the nearest known ones.
    """
    names = sorted(known)
    for key in keys:
        if key in names:
            continue
        hint = f": {_ELSEWHERE[key.lower()]}." if key.lower() in _ELSEWHERE else _nearest(key, names)
        raise SettingsError(f"Unknown setting {key!r} in {source}{hint} `--help` lists the settings.")


def check_types(given: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
    """Check by the type of the defaults that switches are switches, numbers are numbers and text is text.

    Raises:
        SettingsError: for a value of another type, naming the default.
    """
    for key, value in given.items():
        default = defaults.get(key)
        if isinstance(default, bool):
            fits, wanted = isinstance(value, bool), "true or false"
        elif isinstance(default, int):
            fits, wanted = isinstance(value, int) and not isinstance(value, bool), "a whole number"
        elif isinstance(default, float):
            fits, wanted = isinstance(value, (int, float)) and not isinstance(value, bool), "a number"
        elif isinstance(default, str):
            fits, wanted = isinstance(value, str), "text"
        else:
            continue
        if not fits:
            raise SettingsError(f"The setting {key}={value!r} has to be {wanted} (default: {default}).")


def _nearest(value: object, names: list[str]) -> str:
    same = [name for name in names if name.lower() == str(value).lower()]  # except for case
    near = same or difflib.get_close_matches(str(value), names, n=3, cutoff=0.5)
    return f": did you mean {' or '.join(near)}?" if near else "."
