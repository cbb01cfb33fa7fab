"""The table of export and import formats for Semantic IDs, with their options."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from recbole_adasid.bundle.about_file import OPTIONS
from recbole_adasid.bundle.content import BundleContent
from recbole_adasid.bundle.item_file import write_item_file
from recbole_adasid.bundle.item_sids import ItemSIDs
from recbole_adasid.bundle.letter_index import read_letter, write_letter
from recbole_adasid.bundle.recbole3 import read_recbole3, write_recbole3
from recbole_adasid.bundle.tables import write_csv, write_parquet
from recbole_adasid.io.digests import array_digest, file_digest
from recbole_adasid.settings.errors import SettingsError, unknown_name
from recbole_adasid.tokenizer.quality import sid_quality


class Format(NamedTuple):
    """A function that writes or reads a format, and its option names."""

    run: Callable[..., Any]
    options: tuple[str, ...] = ()


EXPORTS = {
    "letter": Format(write_letter, ("suffix", "offset", "item2id")),
    "recbole3": Format(write_recbole3, ("suffix", "offset", "item2id")),
    "csv": Format(write_csv),
    "parquet": Format(write_parquet),
    "item": Format(write_item_file, ("extra_columns_from", "item_field", "vector")),
}
IMPORTS = {
    "letter": Format(read_letter, ("item2id", *OPTIONS)),
    "recbole3": Format(read_recbole3, ("item2id", *OPTIONS)),
}


def export_sids(sids: ItemSIDs, kind: str, path: str | Path, options: Mapping[str, Any]) -> Path:
    """Write Semantic IDs in a format.

    Raises:
        SettingsError: for an unknown format or option.
        ValueError: for content that the format cannot hold.
        CannotWrite: if the disk is full.
    """
    chosen = _chosen("export", kind, EXPORTS, options)
    return chosen.run(Path(path), sids, **options)


def imported_content(kind: str, path: str | Path, options: Mapping[str, Any]) -> BundleContent:
    """Return the content of a bundle from a file of another package; it has no tokenizer.

    Raises:
        SettingsError: for an unknown format or option, or a missing required one.
        FileNotFoundError: if there is no such file.
        ValueError: if the file is damaged or contradicts the options.
    """
    chosen = _chosen("import", kind, IMPORTS, options)
    sids: ItemSIDs = chosen.run(Path(path), **options)
    about = {
        "source": {"kind": "import", "format": kind, "file": Path(path).name, "sha256": file_digest(Path(path))},
        "fingerprints": {"semantic_ids": array_digest(sids.codes)},
        "quality": sid_quality(sids.codes, sids.level_sizes),
    }
    return BundleContent(sids, about=about)


def _chosen(what: str, kind: str, table: Mapping[str, Format], options: Iterable[str]) -> Format:
    if kind not in table:
        raise unknown_name(f"format of an {what}", kind, table)
    for name in options:
        if name not in table[kind].options:
            valid = ", ".join(table[kind].options) or "none"
            raise SettingsError(f"{name} is not an option of an {what} as {kind}; valid: {valid}.")
    return table[kind]
