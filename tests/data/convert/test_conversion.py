from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from recbole_adasid.data.convert.conversion import convert
from recbole_adasid.data.convert.counting import LineCount
from recbole_adasid.data.convert.rows import ITEM, TEXTS, TIME, USER, Rows
from recbole_adasid.data.convert.tally import Statistics
from recbole_adasid.io.atomic import CannotWrite


def interactions(n_users: int, n_items: int, number: int) -> Rows:
    rows = ((f"u{row % n_users}", f"i{row % n_items}", str(row)) for row in range(number))
    return Rows((USER, ITEM, TIME), rows, LineCount(Path("reviews")))


def items(*names: str, then: Exception | None = None) -> Rows:
    def rows():
        for name in names:
            yield (name, *[name.upper()] * len(TEXTS))
        if then is not None:
            raise then

    return Rows((ITEM, *TEXTS), rows(), LineCount(Path("meta")))


def test_the_report_has_the_sizes_of_everything_and_of_the_core(tmp_path):
    pairs = [(user, item) for user in "abcde" for item in "vwxyz"] + [("f", "v"), ("a", "w"), ("g", "q")]
    rows = Rows((USER, ITEM, TIME), ((*pair, "1") for pair in pairs), LineCount(Path("reviews"), read=28))
    report = convert(rows, items("v", "v", "n"), tmp_path / "toys")
    assert (report.everything, report.core) == (Statistics(7, 6, 28), Statistics(5, 5, 26))
    lines = report.text().splitlines()
    assert lines[0].split() == ["users", "items", "interactions", "density", "per", "user", "per", "item"]
    assert lines[1].split() == ["all", "7", "6", "28", "66.6667%", "4.00", "4.67"]
    assert lines[2].split() == ["5-core", "5", "5", "26", "104.0000%", "5.20", "5.20"]
    assert "1 repeat an earlier one" in report.text()
    assert "5 without metadata, 1 without interactions, 1 repeated lines" in report.text()
    assert lines[-1] == f"written to {tmp_path / 'toys'}"


def test_files_are_replaced_only_when_asked(tmp_path):
    home = tmp_path / "toys"
    convert(interactions(2, 2, 4), items("i0"), home)
    before = {path.name: path.read_bytes() for path in home.iterdir()}
    with pytest.raises(FileExistsError, match=r"toys.inter already exists: .* --overwrite=true"):
        convert(interactions(3, 3, 9), None, home)
    assert {path.name: path.read_bytes() for path in home.iterdir()} == before
    (home / "toys.inter").unlink()
    with pytest.raises(FileExistsError, match=r"toys.item already exists: .* --overwrite=true"):
        convert(interactions(2, 2, 4), items("i0"), home)
    convert(interactions(2, 2, 4), None, home)
    assert {path.name: path.read_bytes() for path in home.iterdir()} == before
    convert(interactions(3, 3, 9), items("i0"), home, overwrite=True)
    assert (home / "toys.inter").read_text().count("\n") == 10


@pytest.mark.parametrize("error", [ValueError("meta.gz is cut off"), KeyboardInterrupt()])
def test_a_conversion_that_ends_early_leaves_nothing_behind(tmp_path, error):
    with pytest.raises(type(error)):
        convert(interactions(2, 2, 4), items("i0", then=error), tmp_path / "toys")
    assert not list((tmp_path / "toys").iterdir())


def test_no_interaction_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="No line has a usable interaction. reviews: 0 lines read, all used."):
        convert(interactions(1, 1, 0), None, tmp_path / "toys")


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CannotWrite, match=r"cannot write .*toys.inter"):
        convert(interactions(1, 1, 1), None, tmp_path / "file" / "toys")


def test_memory_does_not_grow_with_the_interactions(tmp_path, monkeypatch):
    monkeypatch.setattr("recbole_adasid.data.convert.tally._SORTED", 1 << 12)
    monkeypatch.setattr("recbole_adasid.data.convert.tally._CHUNK", 1 << 12)
    monkeypatch.setattr("recbole_adasid.data.convert.tally._BUFFERED", 1 << 12)

    def peak(number: int) -> int:
        tracemalloc.start()
        try:
            convert(interactions(97, 89, number), items("i0"), tmp_path / "toys", overwrite=True)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(120_000) < 1.1 * peak(12_000)
