"""RecBole's Config with this package's defaults and checks for TIGER."""

from __future__ import annotations

import codecs
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from recbole_adasid.data.atomic_text import AtomicText
from recbole_adasid.features.image_encoders import PIXELS
from recbole_adasid.model.names import TIGER
from recbole_adasid.plugin.datasets.item_columns import settled_columns
from recbole_adasid.plugin.datasets.preset_features import without_absent_features
from recbole_adasid.plugin.peers.names import model_defaults, own_class, peer_class, peer_names
from recbole_adasid.plugin.peers.settings import check_peer, known_peer_settings, peer_defaults, refuse_foreign_keys
from recbole_adasid.plugin.registration import OURS
from recbole_adasid.settings.errors import refuse_unknown_keys, unknown_name
from recbole_adasid.settings.harmless import OF_THE_COMMAND, PRETRAINED
from recbole_adasid.settings.presets import known_keys, plugin_defaults, read_defaults, without_replaced_presets
from recbole_adasid.settings.reading import Paths, check_yaml_file, listed_paths, read_settings_files
from recbole_adasid.settings.value_intervals import with_interval_texts

logger = logging.getLogger(__name__)

MODELS = tuple(OURS)
# Keys that RecBole reads but no YAML file of it sets.
_UNLISTED_KEYS = (
    *("model", "dataset", "config_files", "config_file", "encoding", "reg_weight", "valid_metric_bigger"),
    *("local_rank", "nproc", "world_size", "offset", "ip", "port"),
    *("sid_level_sizes", "content_width"),
)


def build_config(settings: Mapping[str, Any], config_files: Paths = (), *, peers: bool = False) -> Any:
    """Return the RecBole Config of a run: defaults < `config_files` < `settings`; `sys.argv` is ignored.

    Args:
        settings: by name.
        config_files: one or more YAML settings files.
        peers: whether `model` may be another RecBole recommender than TIGER.

    Raises:
        SettingsError: for an unknown key, name or preset, or a value of the wrong kind; or if this is one of several
            processes that do not work together.
    """
    from recbole_adasid.plugin.config.distributed import refuse_being_many

    refuse_being_many()
    from recbole.config import Config

    class PlainConfig(Config):
        """A Config whose values are used as is, neither evaluated nor read from the program's arguments."""

        def _load_config_files(self, file_list: list[str] | None) -> dict[str, Any]:
            return settings_of_files(file_list or [], settings)

        def _load_variable_config_dict(self, config_dict: dict[str, Any] | None) -> dict[str, Any]:
            return dict(config_dict or {})

        def _load_cmd_line(self) -> dict[str, Any]:
            return {}

        def _init_device(self) -> None:
            _obey_use_gpu(self)
            super()._init_device()

        def _load_internal_config_dict(self, model: str, model_class: type, dataset: str) -> None:
            super()._load_internal_config_dict(model, model_class, dataset)
            if model not in MODELS:
                _apply_peer_defaults(self, model, dataset)

    files = listed_paths(config_files)
    given = {"model": TIGER, "dataset": "ml-100k", **read_settings_files(files), **settings}
    models = (*MODELS, *peer_names()) if peers else MODELS
    if given["model"] not in models:
        raise unknown_name("model", given["model"], models)
    # Pass the class itself: RecBole's lookup by name imports every model.
    found = own_class if given["model"] in OURS else peer_class
    return PlainConfig(found(given["model"]), str(given["dataset"]), files, dict(settings))


def settings_of_files(paths: Paths, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what settings files say, later ones winning, without what they only repeat of presets that are replaced.

    Args:
        paths: one or more YAML settings files.
        settings: those that override the files', and may name other presets than they do.

    Raises:
        SettingsError: if a file does not exist or is invalid.
    """
    found: dict[str, Any] = {}
    later = dict(settings)
    for read in reversed([read_settings_files(path) for path in listed_paths(paths)]):
        found = {**settings_below(read, later), **found}
        later = {**read, **later}
    return found


def settings_below(given: dict[str, Any], later: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of one file without what they only repeat of presets that later settings replace."""
    return without_replaced_presets(given, later, _recboles_own(given.get("dataset")))


def given_settings(config: Any) -> dict[str, Any]:
    """Return the settings of a Config that are no defaults, from files and otherwise, and its dataset."""
    return {"dataset": config["dataset"], **config.external_config_dict}


def _obey_use_gpu(config: Any) -> None:
    """Make `use_gpu: false` work as documented: RecBole only looks at `gpu_id`."""
    if config.final_config_dict["use_gpu"] is False:
        config.final_config_dict["gpu_id"] = config.external_config_dict["gpu_id"] = ""


def extend_configurator(module: ModuleType) -> None:
    """Give RecBole's Config this package's defaults and checks, and make it storable as plain values."""
    from recbole_adasid.plugin.config_values import allow_config, reduce_config

    config_class = module.Config  # type: ignore[attr-defined]
    config_class._init_device = _with_ranks(config_class._init_device)
    config_class._load_config_files = _with_bounds(config_class._load_config_files)
    config_class._load_internal_config_dict = _with_plugin_defaults(config_class._load_internal_config_dict)
    config_class.__reduce__ = reduce_config
    allow_config()


def known_settings(model: str = TIGER) -> set[str]:
    """Return every settings key valid for a model: RecBole's and this package's."""
    recboles = _recbole_keys().union(_UNLISTED_KEYS)
    if model not in OURS:
        return known_peer_settings(model, recboles)
    return recboles | known_keys(without=[other for other in OURS if other not in (model, TIGER)])


def _with_plugin_defaults(load: Callable[..., None]) -> Callable[..., None]:
    def load_with_plugin_defaults(config: Any, model: str, model_class: type, dataset: str) -> None:
        load(config, model, model_class, dataset)
        if model in MODELS:
            _check_keys(config)
            _apply_defaults(config, dataset)

    return load_with_plugin_defaults


def _with_bounds(load: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def load_bounded(config: Any, file_list: list[str] | None) -> dict[str, Any]:
        for path in file_list or []:
            check_yaml_file(path)
        return load(config, file_list)

    return load_bounded


def _with_ranks(init: Callable[[Any], None]) -> Callable[[Any], None]:
    def init_device(config: Any) -> None:
        if config.model not in MODELS:
            init(config)
            return
        _obey_use_gpu(config)
        from recbole_adasid.plugin.config.distributed import choose_device, join_where_launched

        join_where_launched(config.final_config_dict)
        choose_device(config, init)

    return init_device


def _check_keys(config: Any) -> None:
    known = known_settings(config.model)
    settable = known.difference(OF_THE_COMMAND)
    refuse_unknown_keys(config.file_config_dict, settable, source="the settings files")
    refuse_unknown_keys(config.variable_config_dict, settable, source="the command line or config_dict")
    # RecBole may see the arguments of the user's own program.
    for key in [key for key in config.cmd_config_dict if key not in known]:
        logger.warning("Ignored the argument --%s: not a setting of RecBole or recbole-adasid.", key)


def _apply_peer_defaults(config: Any, model: str, dataset: str) -> None:
    """Give a Config of another model TIGER's data and evaluation, and check what the user set."""
    from recbole_adasid.plugin.config.combinations import check_shared
    from recbole_adasid.plugin.config.constraints import check_values
    from recbole_adasid.plugin.peers.rules import PEER_RULES, check_own_values

    known, given = known_settings(model).difference(OF_THE_COMMAND), config.external_config_dict
    refuse_foreign_keys(config.file_config_dict, model, known, source="the settings files")
    refuse_foreign_keys(config.variable_config_dict, model, known, source="the command line or config_dict")
    check_values({"dataset": dataset}, {})  # presets are looked up by it
    kind, own = config.internal_config_dict["MODEL_TYPE"].name, model_defaults(model)
    config.internal_config_dict.update(peer_defaults(model, kind, dataset, given))
    check_own_values({key: value for key, value in given.items() if key in own}, own)
    others = {key: value for key, value in given.items() if key not in own}
    check_values(others, config.internal_config_dict, PEER_RULES)
    given.update(with_interval_texts(given))
    merged = {**config.internal_config_dict, **given}
    _complete(config, merged, merged.get("selected_features") or ())
    check_peer(model, kind, merged)
    check_shared(merged)


def _apply_defaults(config: Any, dataset: str) -> None:
    # Their tables name tokenizer and network parts, which need torch: loaded by now.
    from recbole_adasid.plugin.config.combinations import check_combinations
    from recbole_adasid.plugin.config.constraints import check_values

    check_values({"dataset": dataset}, {})  # presets are looked up by it
    defaults = plugin_defaults(config.external_config_dict, dataset, config.model)
    data_path = {**config.internal_config_dict, **defaults, **config.external_config_dict}["data_path"]
    check_values(config.external_config_dict, {**config.internal_config_dict, **defaults})
    config.external_config_dict.update(with_interval_texts(config.external_config_dict))
    config.internal_config_dict.update(without_absent_features(defaults, Path(data_path) / dataset))
    merged = {**config.internal_config_dict, **config.external_config_dict, "model": config.model}
    _complete(config, merged)
    if merged["interactions_files"]:  # a saved model's settings may be read from any folder
        config.external_config_dict["interactions_files"] = str(Path(merged["interactions_files"]).resolve())
    config.external_config_dict.update(_placed_models(merged))
    table = AtomicText(Path(data_path) / dataset / f"{dataset}.item", merged["field_separator"], merged["encoding"])
    settled = settled_columns(merged, config.external_config_dict, defaults, table)
    config.internal_config_dict.update(settled)
    check_combinations({**merged, **settled})


def _placed_models(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that name folders of pretrained models, absolute: elsewhere they would be the hub's."""
    placed: dict[str, Any] = {
        key: os.path.abspath(settings[key])
        for key in PRETRAINED
        if isinstance(settings.get(key), str) and settings[key] != PIXELS and os.path.isdir(settings[key])
    }
    if settings.get("modalities"):
        placed["modalities"] = [{**one, **_placed_models(one)} for one in settings["modalities"]]
    return placed


def _complete(config: Any, merged: dict[str, Any], item_columns: Sequence[str] = ()) -> None:
    """Resolve dependent settings in a Config and its `merged` settings: columns to load, and byte order marks.

    Args:
        config: RecBole config.
        merged: its defaults and the user's settings.
        item_columns: item columns that the model reads.
    """
    if merged["load_col"] is None:
        columns = {"inter": [merged[key] for key in ("USER_ID_FIELD", "ITEM_ID_FIELD", "TIME_FIELD")]}
        if item_columns:
            columns["item"] = [merged["ITEM_ID_FIELD"], *item_columns]
        config.external_config_dict["load_col"] = merged["load_col"] = columns
    if codecs.lookup(merged["encoding"]).name == "utf-8":
        # RecBole would read a byte order mark as part of the first column's name.
        config.external_config_dict["encoding"] = "utf-8-sig"


def _recboles_own(dataset: Any) -> dict[str, Any]:
    """Return RecBole's settings of a dataset, which are other ones for ml-100k."""
    import recbole

    folder = Path(recbole.__path__[0]) / "properties" / "dataset"
    path = folder / f"{dataset}.yaml"
    return read_defaults(path if path.is_file() else folder / "sample.yaml")


def _recbole_keys() -> set[str]:
    import recbole
    from recbole.utils import argument_list

    lists = (value for value in vars(argument_list).values() if isinstance(value, list))
    keys = {key for names in lists for key in names}
    folder = Path(recbole.__path__[0]) / "properties"
    for relative in ("overall.yaml", "dataset/sample.yaml", "quick_start_config/sequential.yaml"):
        keys.update(read_defaults(folder / relative))
    return keys
