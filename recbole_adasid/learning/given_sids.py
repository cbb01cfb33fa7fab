"""Semantic IDs from a bundle: kept as they are, and its tokenizer with its feature encoders for items it does not know.

Letters: N items, L levels, S codes and suffix, d feature width.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from recbole_adasid.bundle.content import BundleContent
from recbole_adasid.bundle.folder import tokenizer_description
from recbole_adasid.bundle.given_sids import check_known, given_content, remaining
from recbole_adasid.bundle.item_sids import LARGEST_LEVEL, ItemSIDs
from recbole_adasid.features.feature_kind import different_settings, feature_kind
from recbole_adasid.features.fitted_state import Fitted
from recbole_adasid.features.item_features import item_features
from recbole_adasid.features.item_source import ItemSource
from recbole_adasid.features.vectors import ItemFeatures
from recbole_adasid.io.digests import array_digest
from recbole_adasid.io.stage_cache import StageCache
from recbole_adasid.io.tensor_file import DamagedFile
from recbole_adasid.learning.placement import place
from recbole_adasid.model.catalogue import collision_ranks
from recbole_adasid.settings.lookup import Settings
from recbole_adasid.tokenizer.base import ItemTokenizer

logger = logging.getLogger(__name__)

_ITEMS_AT_ONCE = 65_536
_ITEMS_CHECKED = 10_000
_NO_NEW_ITEMS = "so this run cannot take new items"


class Encoders(NamedTuple):
    """What turns items into codes, reused from a bundle."""

    tokenizer: ItemTokenizer
    description: dict[str, Any]
    """What the tokenizer was learned from."""
    fitted: Fitted
    """What the encoders of its features learned from the items."""


@dataclass(frozen=True)
class GivenSIDs:
    """The Semantic IDs of a dataset's items, and what else a run takes from a bundle."""

    codes: NDArray[np.int64]
    """[N, L]."""
    level_sizes: list[int]
    suffix: NDArray[np.int64] | None
    """[N], kept from the bundle; None: to be numbered in item order, if at all."""
    reserved: ItemSIDs | None
    """Of the bundle's other items."""
    features: ItemFeatures | None
    encoders: Encoders | None
    """None: the run cannot encode items."""

    def described(self) -> dict[str, Any]:
        """Return all that determines the Semantic IDs and a model on them, as plain values for a fingerprint."""
        told: dict[str, Any] = {"codes": array_digest(self.codes), "level_sizes": self.level_sizes}
        if self.suffix is not None:
            known = collision_ranks(torch.from_numpy(self.codes)).numpy()
            n_suffixes = max(int(self.suffix.max()) + 1, self.reserved.sequence_sizes[-1] if self.reserved else 0)
            # Numbered in item order, they are what earlier versions made of the codes, and so is their fingerprint.
            if n_suffixes > known.max() + 1 or not np.array_equal(known, self.suffix):
                told |= {"suffix": array_digest(self.suffix), "suffixes": n_suffixes}
        if self.encoders is not None and self.encoders.fitted:
            fitted = self.encoders.fitted
            told["fitted"] = array_digest(*(fitted[name] for name in sorted(fitted)))
        return told


def given_semantic_ids(config: Settings, dataset: ItemSource, cache: StageCache, progress: bool = False) -> GivenSIDs:
    """Return the Semantic IDs of ``sids_file`` for the items of a dataset.

    If the bundle has its tokenizer and the state of its feature encoders, and the run's features are of the kind that
    they encode, the features are made with that state, and items that the bundle lacks get their Semantic ID from the
    tokenizer, like new items.

    Args:
        config: settings.
        dataset: names its items.
        cache: stores features.
        progress: show progress bars.

    Raises:
        FileNotFoundError, DamagedFile: if there is no bundle, or a damaged one.
        ValueError: if it lacks an item that cannot be encoded.
    """
    folder, tokens = config["sids_file"], dataset.item_tokens()
    content, rows = given_content(folder, tokens)
    described = has_features(config, dataset)
    encoders = _encoders(config, content, described)
    if encoders is None:
        check_known(folder, tokens, rows)
    fitted = None if encoders is None else encoders.fitted
    try:
        features = item_features(config, dataset, cache, progress, fitted=fitted) if described else None
    except KeyError as error:
        raise DamagedFile(f"features.safetensors of {folder} lacks {error}: restore the original file") from None
    if encoders is not None and features is not None and features.values.shape[1] != encoders.tokenizer.width:
        logger.warning(
            "The item features have %d columns, but the tokenizer of %s reads %d: it is not reused, %s.",
            *(features.values.shape[1], folder, encoders.tokenizer.width, _NO_NEW_ITEMS),
        )
        check_known(folder, tokens, rows)
        encoders = None
    values = None if features is None else torch.from_numpy(features.values)
    codes, suffix = _settled(config, content.sids, rows, encoders, values)
    if encoders is not None and values is not None:
        _report_agreement(encoders.tokenizer, values, codes, rows, folder)
    with_suffix = config["collision"] == "suffix"
    keeps = not with_suffix or suffix is not None
    reserved = remaining(content.sids, rows, with_suffix=with_suffix) if keeps else None
    return GivenSIDs(codes, list(content.sids.level_sizes), suffix, reserved, features, encoders)


def has_features(config: Settings, dataset: ItemSource) -> bool:
    """Tell whether there is a source of item features: given Semantic IDs need none."""
    if config["modalities"] or config["item_features_file"]:
        return True
    return bool(config["text_fields"] or config["text_template"]) and dataset.item_table() is not None


def _encoders(config: Settings, content: BundleContent, described: bool) -> Encoders | None:
    """Return the bundle's encoders if they fit the run's features; otherwise warn why not."""
    folder, kind = config["sids_file"], content.about.get("feature_kind")
    if content.tokenizer is None:
        logger.info("%s has no tokenizer, %s.", folder, _NO_NEW_ITEMS)
        return None
    if not kind:
        reason = "lacks the state of its feature encoders: re-create the bundle with this version"
    elif not described:
        reason = f"encodes item features of {_in_words(kind, kind)}, but this run has none: use the same settings"
    elif different := different_settings(own := feature_kind(config), kind):
        reason = f"encodes item features of {_in_words(kind, different)}, but this run's are of "
        reason += f"{_in_words(own, different)}: use the same settings"
    else:
        return Encoders(content.tokenizer, tokenizer_description(content.about), content.fitted)
    logger.warning("The tokenizer of %s is not reused, %s. It %s.", folder, _NO_NEW_ITEMS, reason)
    return None


def _in_words(kind: dict[str, Any], keys: Sequence[str]) -> str:
    return ", ".join(f"{key}={kind.get(key)}" for key in keys)


def _settled(
    config: Settings, sids: ItemSIDs, rows: NDArray[np.int64], encoders: Encoders | None, values: torch.Tensor | None
) -> tuple[NDArray[np.int64], NDArray[np.int64] | None]:
    """Return the codes [N, L] and the suffixes [N] of a dataset's items; None: they are to be numbered.

    Those in the bundle keep theirs; the others follow the bundle's items, like items that come after training.
    """
    keeps = config["collision"] == "suffix" and sids.suffix is not None
    if keeps and int(sids.sequence_sizes[-1]) > LARGEST_LEVEL:
        logger.warning(
            "%s has suffixes up to %d, more than a level can have (%d): items with equal codes are renumbered.",
            *(config["sids_file"], sids.sequence_sizes[-1] - 1, LARGEST_LEVEL),
        )
        keeps = False
    present = sids.sequences if keeps else sids.codes
    table, new = present[rows], np.flatnonzero(rows < 0)  # the rows of new items are replaced
    if len(new):
        assert encoders is not None and values is not None
        logger.warning(
            "%d of %d items are not in %s: its tokenizer encodes them as new items.",
            *(len(new), len(rows), config["sids_file"]),
        )
        codes = _encode(encoders.tokenizer, values[torch.from_numpy(new)])
        placed = place(codes, torch.from_numpy(present.copy()), LARGEST_LEVEL if keeps else None, _nowhere_else)
        table[new] = placed.tokens.numpy()
    levels = len(sids.level_sizes)
    return np.ascontiguousarray(table[:, :levels]), np.ascontiguousarray(table[:, levels]) if keeps else None


def _nowhere_else(rows: torch.Tensor) -> torch.Tensor:
    """Refuse to move items to other codes: a model yet to be trained can learn any number of suffixes."""
    raise ValueError(f"more than {LARGEST_LEVEL:,} items share one Semantic ID: use collision=shared")


def _encode(tokenizer: ItemTokenizer, values: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return torch.cat([tokenizer.encode(part) for part in values.split(_ITEMS_AT_ONCE)])


def _report_agreement(
    tokenizer: ItemTokenizer,
    values: torch.Tensor,
    codes: NDArray[np.int64],
    rows: NDArray[np.int64],
    folder: str | Path,
) -> None:
    """Log how many of the bundle's items get the same codes from the run's features."""
    known = np.flatnonzero(rows >= 0)[:_ITEMS_CHECKED]
    again = _encode(tokenizer, values[torch.from_numpy(known)]).numpy()
    same = float((again == codes[known]).all(axis=1).mean())
    logger.info(
        "%.0f%% of %d items get the same codes as in %s from the features of this run.",
        *(100 * same, len(known), folder),
    )
    if same < 0.5:
        logger.warning(
            "Only %.0f%% of %d items get the same codes as in %s: are these the features that its tokenizer was "
            "trained on? The codes of new items would not match.",
            *(100 * same, len(known), folder),
        )
