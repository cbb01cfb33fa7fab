"""Which links lead out of a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from recbole_adasid.io.links import check_inside


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "folder" / "part").mkdir(parents=True)
    (tmp_path / "folder" / "part" / "file").touch()
    return tmp_path / "folder"


def test_files_links_within_loops_and_missing_files_pass(folder: Path, tmp_path: Path) -> None:
    (folder / "within").symlink_to("part/file")
    (folder / "loop").symlink_to("loop")
    (tmp_path / "also").symlink_to(folder)
    for top in (folder, tmp_path / "also"):
        check_inside(top, ["part/file", "within", "loop", "missing", "part"])


@pytest.mark.parametrize("target", ["/etc/hosts", "../missing", "part/../../folder-2/file"])
def test_links_out_are_refused_whether_their_target_exists_or_not(target: str, folder: Path) -> None:
    (folder / "name").symlink_to(target)
    (folder / "through").symlink_to("name")
    for name in ("name", "through"):
        with pytest.raises(ValueError, match=f"{name} is a link to .*, outside its folder"):
            check_inside(folder, ["part/file", name])
