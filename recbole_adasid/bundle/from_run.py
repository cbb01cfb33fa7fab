"""The content of a bundle from the folder of a finished run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from recbole_adasid.artefacts import RunFolder, read_json
from recbole_adasid.bundle.content import BundleContent
from recbole_adasid.bundle.item_sids import ItemSIDs, as_item_sids
from recbole_adasid.host.model_file import tokens_digest
from recbole_adasid.host.settings import read_settings_files
from recbole_adasid.item_labels import read_labels
from recbole_adasid.storage import DamagedFile
from recbole_adasid.tokenizer.base import PARAMETERS_FILE
from recbole_adasid.tokenizer.saved import load_tokenizer


def content_of_run(run_folder: str | Path) -> BundleContent:
    """Return what a run learnt.

    Raises:
        FileNotFoundError: if the folder or its Semantic IDs are not there.
        DamagedFile: if a file is damaged, or of another run.
    """
    folder = RunFolder.existing(run_folder)
    info = read_json(folder.sids_path.with_name("sids.info.json"))
    sids = _sids(folder, info)
    has_tokenizer = (folder.tokenizer_path / PARAMETERS_FILE).is_file()  # not where the run was given its Semantic IDs
    tokenizer, described = load_tokenizer(folder.tokenizer_path) if has_tokenizer else (None, {})
    fingerprints = {
        "semantic_ids": info.get("fingerprint"),
        **{key: described.get(key) for key in ("features", "pairs")},
    }
    about = {
        "source": {"kind": "run", "given": info.get("given")},
        "dataset": {
            "name": read_settings_files([folder.path / "config.yaml"]).get("dataset"),
            "items": tokens_digest([list(sids.tokens)]),
            "training_interactions": info.get("training_interactions"),
        },
        "settings": described.get("tokenizer"),
        "fingerprints": fingerprints,
        "quality": info.get("quality", {}),
    }
    return BundleContent(sids, tokenizer, read_labels(folder.labels_path), about)


def _sids(folder: RunFolder, info: dict[str, Any]) -> ItemSIDs:
    """Return the Semantic IDs, with the suffix that the run gave its items apart from the codes."""
    rows = read_json(folder.sids_path)
    try:
        sizes, with_suffix = list(info["level_sizes"]), info["collision"] == "suffix"
        table = np.array(list(rows.values()), dtype=np.int64)
        if not with_suffix:
            return as_item_sids(list(rows), table, sizes)
        return as_item_sids(list(rows), table[:, :-1], sizes[:-1], table[:, -1])
    except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
        raise DamagedFile(
            f"{folder.sids_path} and sids.info.json do not go together ({type(error).__name__}: {error}): bring back "
            "the run's own"
        ) from None
