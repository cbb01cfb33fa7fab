from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recbole_adasid.bundle.formats import EXPORTS, IMPORTS, export_sids, imported_content
from recbole_adasid.bundle.item_sids import ItemSIDs
from recbole_adasid.cli.bundle import EXPORT_OPTIONS, IMPORT_OPTIONS
from recbole_adasid.io.digests import file_digest
from recbole_adasid.settings.errors import SettingsError
from recbole_adasid.tokenizer.quality import sid_quality


@pytest.mark.parametrize("kind", IMPORTS)
def test_what_was_imported_is_known_and_scored(kind: str, sids: ItemSIDs, tmp_path: Path) -> None:
    path = export_sids(sids, kind, tmp_path / "x.json", {})
    content = imported_content(kind, path, {})
    assert np.array_equal(content.sids.codes, sids.codes) and content.tokenizer is None
    expected = {"kind": "import", "format": kind, "file": "x.json", "sha256": file_digest(path)}
    assert content.about["source"] == expected
    assert content.about["quality"] == sid_quality(sids.codes, sids.level_sizes)


@pytest.mark.parametrize("kind", [kind for kind in EXPORTS if kind != "parquet"])
def test_every_format_writes_the_file_it_was_asked_for(kind: str, sids: ItemSIDs, tmp_path: Path) -> None:
    assert export_sids(sids, kind, str(tmp_path / "sub" / "x"), {}) == tmp_path / "sub" / "x"
    assert (tmp_path / "sub" / "x").is_file()


def test_unknown_formats_and_options_list_the_valid_ones(sids: ItemSIDs, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="format of an export 'leter': did you mean letter"):
        export_sids(sids, "leter", tmp_path / "x", {})
    with pytest.raises(SettingsError, match="format of an import 'csv'.*letter, recbole3"):
        imported_content("csv", tmp_path / "x", {})
    with pytest.raises(SettingsError, match="offset is not an option of an export as csv; valid: none"):
        export_sids(sids, "csv", tmp_path / "x", {"offset": True})
    with pytest.raises(SettingsError, match="k is not an option of an import as letter; valid: item2id, offset"):
        imported_content("letter", tmp_path / "x", {"k": 1})


def test_the_command_line_knows_every_option() -> None:
    assert {one.name for one in EXPORT_OPTIONS} == {name for one in EXPORTS.values() for name in one.options}
    assert {one.name for one in IMPORT_OPTIONS} == {name for one in IMPORTS.values() for name in one.options}
