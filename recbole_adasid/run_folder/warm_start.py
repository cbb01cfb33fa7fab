"""Begin training with the weights of an earlier run on the same Semantic IDs, instead of random ones.

Letters: N items, S levels of a model's Semantic IDs, d feature width, D model width.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from recbole_adasid.io.digests import file_digest
from recbole_adasid.io.tensor_file import below
from recbole_adasid.model.liger import LIGERModel
from recbole_adasid.model.names import LIGER
from recbole_adasid.model.network.settings import NETWORK_SETTINGS, network_settings
from recbole_adasid.model.tiger import TIGERModel
from recbole_adasid.run_folder.folder import RunFolder
from recbole_adasid.run_folder.model_file import SavedModel, read_model
from recbole_adasid.run_folder.run_items import items_of
from recbole_adasid.settings.errors import SettingsError
from recbole_adasid.settings.lookup import Settings

logger = logging.getLogger(__name__)

_TOKENS, _IDS = "network.vocabulary.embedding.weight", "content.ids.weight"
_OF_THE_DATA = ("catalogue.tokens", "trained", "content.features", "content.trained", "weights")
"""Tensors that follow from a run's own data."""
_OF_TRAINING = ("dropout", "label_smoothing", "n_user_tokens")
_ALIKE = ("model", "collision", *(key for key in NETWORK_SETTINGS if key not in _OF_TRAINING))
_ALIKE_IN_LIGER = ("content_columns", "id_embedding", "repeat_bias")
"""Settings that decide which weights there are, and what they mean."""
_LEAST_KEPT = 0.5  # items that keep their Semantic ID; with fewer, most token embeddings mean something else


def check_warm_start(settings: Settings, run_folder: str | Path, own: str | Path | None = None) -> None:
    """Check, before anything is learned, that a run can begin with the weights of another.

    Args:
        settings: of the run.
        run_folder: of the earlier run.
        own: the run folder that will be written, if one was named.

    Raises:
        FileNotFoundError: if the earlier run has no model.
        DamagedFile: if it is damaged.
        SettingsError: if it has another network, or is the run itself.
    """
    if own and Path(own).resolve() == Path(run_folder).resolve():
        raise SettingsError(f"warm_start={run_folder} is this run's own folder: give the run another run_folder.")
    saved = read_model(_earlier_model(run_folder))
    there = saved.about["config"]["settings"]
    there = {**there, **network_settings(there)}
    for key in _ALIKE + (_ALIKE_IN_LIGER if settings["model"] == LIGER else ()):
        if settings[key] != there.get(key):
            raise SettingsError(
                f"{saved.path} has a different network: its {key} is {there.get(key)}, here it is {settings[key]}. Set "
                f"{key} to the same, or leave warm_start out."
            )


def _earlier_model(run_folder: str | Path) -> Path:
    return RunFolder.existing(run_folder, with_semantic_ids=True, needs="model.safetensors").model_path


def warm_start_digest(run_folder: str | Path) -> str:
    """Return what identifies the weights that a run begins with."""
    return file_digest(_earlier_model(run_folder))


def warm_start(model: TIGERModel, items: Sequence[str], run_folder: str | Path, features: Tensor | None = None) -> None:
    """Give a model the weights of an earlier run.

    Token embeddings are matched by level and code, LIGER's item embeddings by item. What the earlier run does not know
    (new items, codes and suffixes; user tokens) keeps its random start.

    Args:
        model: of the new data.
        items: tokens of its N items.
        run_folder: of the earlier run.
        features: [N, d], what LIGER reads: standardised and reduced as in the earlier run, whose map they go through.

    Raises:
        FileNotFoundError: if there is no such run.
        DamagedFile: if its files are damaged.
        SettingsError: if it has other Semantic IDs or a network of another size.
    """
    saved = read_model(_earlier_model(run_folder))
    rows = _rows(items, items_of(RunFolder(run_folder), saved))
    _check_semantic_ids(model, saved, rows)
    earlier = {name.removeprefix("tiger."): value for name, value in below("model", saved.tensors).items()}
    _check_sizes(model.state_dict(), earlier, saved.path)
    if isinstance(model, LIGERModel) and features is not None and "content.mean" in earlier:
        mean, deviation = earlier["content.mean"], earlier["content.deviation"]
        model.content.restandardise(features, mean, deviation, earlier.get("content.directions"))
    own = model.state_dict()
    taken = {name: value for name, value in earlier.items() if name in own and name not in (*_OF_THE_DATA, _TOKENS)}
    taken[_TOKENS] = _token_rows(own[_TOKENS], earlier[_TOKENS], model.catalogue.level_sizes, _level_sizes(saved))
    if _IDS in taken:
        taken[_IDS] = torch.where((rows > 0)[:, None], earlier[_IDS][rows], own[_IDS])
    model.load_state_dict({**own, **taken})
    logger.info("Warm start from %s, which knows %d of the %d items.", run_folder, int((rows > 0).sum()), len(items))


def _rows(items: Sequence[str], earlier: Sequence[str]) -> Tensor:
    """Return the number of every item, and of padding, in an earlier run, int64 [N + 1]; 0 if it is not there."""
    numbers = {token: number for number, token in enumerate(earlier, start=1)}
    return torch.tensor([0, *(numbers.get(token, 0) for token in items)])


def _level_sizes(saved: SavedModel) -> list[int]:
    return list(saved.about["sid_level_sizes"])


def _check_semantic_ids(model: TIGERModel, saved: SavedModel, rows: Tensor) -> None:
    codes, earlier = model.catalogue.tokens, saved.tensors["model/tiger.catalogue.tokens"]
    known = rows > 0
    same_levels = codes.shape[1] == earlier.shape[1]
    kept = float((codes[known] == earlier[rows[known]]).all(1).float().mean()) if same_levels and known.any() else 0.0
    if kept < _LEAST_KEPT:
        raise SettingsError(
            f"{saved.path} has different Semantic IDs: {int(known.sum())} of its items are in the data, and {kept:.0%} "
            "of these have the same Semantic ID. What it learned about tokens would be meaningless: set sids_file to a "
            "bundle of that run (recbole-adasid bundle make), or leave warm_start out."
        )


def _check_sizes(own: Mapping[str, Tensor], earlier: Mapping[str, Tensor], path: Path) -> None:
    """Check sizes that depend on more than the settings: LIGER's feature columns."""
    for name in sorted(own.keys() & earlier.keys() - set(_OF_THE_DATA)):
        free = 1 if name in (_TOKENS, _IDS) else 0  # tokens and items are matched one by one
        here, there = list(own[name].shape), list(earlier[name].shape)
        if here[free:] != there[free:]:
            raise SettingsError(
                f"{path} has a different network: {name} is {there} there and {here} here. Give the same item "
                "features, or leave warm_start out."
            )


def _token_rows(own: Tensor, earlier: Tensor, sizes: Sequence[int], earlier_sizes: Sequence[int]) -> Tensor:
    """Return the token table [V, D] with the earlier rows of the codes that both have, and of padding."""
    merged, start, earlier_start = own.clone(), 1, 1
    merged[0] = earlier[0]
    for size, earlier_size in zip(sizes, earlier_sizes):
        both = min(size, earlier_size)
        merged[start : start + both] = earlier[earlier_start : earlier_start + both]
        start, earlier_start = start + size, earlier_start + earlier_size
    return merged
