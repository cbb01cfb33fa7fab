"""A bundle on disk: one folder of safetensors and JSON, versioned, with the checksum of every file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from recbole_adasid.bundle.content import ABOUT, BundleContent
from recbole_adasid.bundle.item_sids import LARGEST_LEVEL, ItemSIDs
from recbole_adasid.data.item_labels import ItemLabel, read_labels, write_labels
from recbole_adasid.features.fitted_state import read_fitted, write_fitted
from recbole_adasid.io.atomic import write_atomically
from recbole_adasid.io.checked_values import anything, list_of, mapping_of, optional, record, text, whole
from recbole_adasid.io.digests import file_digest
from recbole_adasid.io.json_file import as_json, read_json
from recbole_adasid.io.tensor_file import DamagedFile, check_about, check_fit, read_tensors, write_tensors
from recbole_adasid.tokenizer.base import DESCRIPTION_FILE, PARAMETERS_FILE, ItemTokenizer
from recbole_adasid.tokenizer.saved import load_tokenizer

KIND = "sid-bundle"
VERSION = 1
DESCRIPTION, SIDS, ITEMS, TOKENIZER = "bundle.json", "sids.safetensors", "items.json", "tokenizer"
FITTED = "features.safetensors"
ALWAYS = (SIDS, ITEMS)
OF_TOKENIZER = tuple(f"{TOKENIZER}/{name}" for name in (PARAMETERS_FILE, DESCRIPTION_FILE))
OPTIONAL = (*OF_TOKENIZER, FITTED)
_REMEDY = "copy the bundle again, or re-create it"


def write_content(content: BundleContent, folder: str | Path) -> Path:
    """Write a bundle; its description comes last, so a folder with one is complete.

    Raises:
        FileExistsError: if the folder is not empty.
        CannotWrite: if the disk is full.
    """
    folder = Path(folder)
    if folder.is_file() or folder.is_dir() and any(folder.iterdir()):
        raise FileExistsError(f"{folder} exists and is not empty: choose another folder for the bundle, or remove it")
    sids = content.sids
    tensors = {"codes": torch.tensor(sids.codes, dtype=torch.int32)}
    if sids.suffix is not None:
        tensors["suffix"] = torch.tensor(sids.suffix, dtype=torch.int32)
    write_tensors(folder / SIDS, KIND, tensors, {"level_sizes": list(sids.level_sizes)})
    write_labels(folder / ITEMS, sids.tokens, [content.labels.get(token, ItemLabel()) for token in sids.tokens])
    names = [*ALWAYS]
    if content.tokenizer is not None:
        content.tokenizer.save(folder / TOKENIZER, tokenizer_description(content.about))
        names += OF_TOKENIZER
        if content.fitted:
            write_fitted(folder / FITTED, content.fitted)
            names.append(FITTED)
    description = {
        "kind": KIND,
        "version": VERSION,
        "items": len(sids.tokens),
        "levels": len(sids.level_sizes),
        "level_sizes": list(sids.level_sizes),
        "codes": "one integer per level, counted from 0 within its level; the suffix is separate",
        "collision": sids.collision,
        **{key: content.about.get(key) for key in ABOUT},
        "files": {name: file_digest(folder / name) for name in names},
    }
    plain = json.loads(as_json(description))
    return write_atomically(folder / DESCRIPTION, as_json({**plain, "digest": _digest(plain)}))


def read_content(folder: str | Path, *, with_tokenizer: bool = True) -> BundleContent:
    """Read a folder of :func:`write_content`; every file is checked against its checksum first.

    Args:
        folder: bundle folder.
        with_tokenizer: False skips the tokenizer and its encoders if only the Semantic IDs are needed.

    Raises:
        FileNotFoundError: if there is no bundle in the folder, or it lacks a file.
        DamagedFile: if a file was changed, or has another version.
    """
    folder = Path(folder)
    description = _read_description(folder)
    names = _check_files(folder, description["files"])
    labels = read_labels(folder / ITEMS)
    sids = _read_sids(folder, list(labels))
    told = [description.get(key) for key in ("items", "level_sizes", "collision")]
    if told != [len(sids.tokens), sids.level_sizes, sids.collision]:
        raise DamagedFile(f"{folder / DESCRIPTION} does not match the Semantic IDs in {SIDS}: {_REMEDY}")
    wanted = with_tokenizer and set(OF_TOKENIZER) <= names
    tokenizer = _read_tokenizer(folder, description, sids) if wanted else None
    fitted = read_fitted(folder / FITTED) if wanted and FITTED in names else {}
    named = {token: label for token, label in labels.items() if any(label)}
    return BundleContent(sids, tokenizer, named, {key: description.get(key) for key in ABOUT}, fitted)


def _read_description(folder: Path) -> dict[str, Any]:
    path = folder / DESCRIPTION
    if not path.is_file():
        raise FileNotFoundError(f"{folder} is not a SID bundle (no {path.name}): give the folder of one")
    description = read_json(path)
    if description.get("kind") != KIND:
        raise DamagedFile(f"{path} does not describe a SID bundle: give the folder of one")
    if description.get("version") != VERSION:
        raise DamagedFile(
            f"{path} has version {description.get('version')}, but this package reads {VERSION}: re-create the bundle, "
            "or install the version of recbole-adasid that wrote it"
        )
    if description.pop("digest", None) != _digest(description) or not isinstance(description.get("files"), dict):
        raise DamagedFile(f"{path} was modified after it was written (checksum mismatch): {_REMEDY}")
    try:
        _DESCRIPTION(description, "the description")
    except ValueError as error:
        raise DamagedFile(f"{path} cannot be used: {error}: {_REMEDY}") from None
    return description


_LATER = ("feature_kind",)
"""Entries that older descriptions lack."""
_OF_ABOUT = dict.fromkeys(ABOUT, optional(mapping_of(anything)))
_DESCRIPTION = record(
    {"files": mapping_of(text), **{key: form for key, form in _OF_ABOUT.items() if key not in _LATER}},
    {key: _OF_ABOUT[key] for key in _LATER},
)


def _check_files(folder: Path, digests: Mapping[str, str]) -> set[str]:
    """Check a bundle's files against their checksums, and return which of the possible files it has."""
    names = {*ALWAYS, *(set(OPTIONAL) & digests.keys())}
    for name in sorted(names):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder} lacks {name}: {_REMEDY}")
        if file_digest(folder / name) != digests.get(name):
            raise DamagedFile(f"{folder / name} was modified after it was written (checksum mismatch): {_REMEDY}")
    return names


def _read_tokenizer(folder: Path, description: Mapping[str, Any], sids: ItemSIDs) -> ItemTokenizer:
    """Return the tokenizer, after checking that it matches the Semantic IDs and the description."""
    tokenizer, described = load_tokenizer(folder / TOKENIZER)
    if tokenizer.codebook_sizes != list(sids.level_sizes):
        raise DamagedFile(
            f"{folder / TOKENIZER} has codebooks of {tokenizer.codebook_sizes}, {SIDS} levels of "
            f"{list(sids.level_sizes)}: {_REMEDY}"
        )
    if described["tokenizer"] != description["settings"]:
        raise DamagedFile(f"{folder / DESCRIPTION} does not match the tokenizer's settings: {_REMEDY}")
    return tokenizer


def _read_sids(folder: Path, tokens: list[str]) -> ItemSIDs:
    tensors, about = read_tensors(folder / SIDS, KIND)
    try:
        check_about(folder / SIDS, about, {"level_sizes": list_of(whole(1, LARGEST_LEVEL), least=1)})
        check_fit(folder / SIDS, tensors, _shapes(len(tokens), len(about["level_sizes"]), "suffix" in tensors))
        codes = tensors["codes"].long().numpy()
        suffix = tensors["suffix"].long().numpy() if "suffix" in tensors else None
        return ItemSIDs(tokens, codes, about["level_sizes"], suffix)
    except ValueError as error:
        raise DamagedFile(f"{folder / SIDS} and {ITEMS} do not match ({error}): {_REMEDY}") from None


def _shapes(n_items: int, n_levels: int, with_suffix: bool) -> dict[str, torch.Tensor]:
    shapes = {"codes": (n_items, n_levels), **({"suffix": (n_items,)} if with_suffix else {})}
    return {name: torch.empty(shape, dtype=torch.int32, device="meta") for name, shape in shapes.items()}


def tokenizer_description(about: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is saved with a bundle's tokenizer: its settings, and what it was learned from."""
    fingerprints = about.get("fingerprints") or {}
    return {"tokenizer": about["settings"], **{key: fingerprints.get(key) for key in ("features", "pairs")}}


def _digest(description: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(description, sort_keys=True).encode()).hexdigest()
