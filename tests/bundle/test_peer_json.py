"""What the formats keyed by item numbers have in common: maps, damage, repetition."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from recbole_adasid.bundle.item_sids import ItemSIDs, as_item_sids
from recbole_adasid.bundle.letter_index import read_letter, write_letter
from recbole_adasid.bundle.recbole3 import write_recbole3
from recbole_adasid.settings.errors import SettingsError


@pytest.fixture
def path(sids: ItemSIDs, tmp_path: Path) -> Path:
    return write_letter(tmp_path / "Toys.index.json", sids)


@pytest.mark.parametrize("as_text", [True, False])
def test_a_map_gives_the_numbers_and_chooses_the_items(as_text: bool, sids: ItemSIDs, tmp_path: Path) -> None:
    numbers = tmp_path / "theirs.item2id"
    numbers.write_text("item 7\t12\nitem 3\t5\n")
    path = write_letter(tmp_path / "x.index.json", sids, item2id=str(numbers) if as_text else numbers)
    assert list(json.loads(path.read_text())) == ["5", "12"]
    again = read_letter(path)
    assert again.tokens == ["item 3", "item 7"] and again.codes.tolist() == sids.codes[[3, 7]].tolist()


def test_a_map_of_unknown_items_is_refused(sids: ItemSIDs, tmp_path: Path) -> None:
    (tmp_path / "m").write_text("item 3\t0\nnobody\t1\n")
    with pytest.raises(ValueError, match="names 1 items without a Semantic ID, first 'nobody'"):
        write_letter(tmp_path / "x.index.json", sids, item2id=tmp_path / "m")
    with pytest.raises(FileNotFoundError):
        write_letter(tmp_path / "x.index.json", sids, item2id=tmp_path / "absent")


def test_somebody_else_s_item_map_is_not_overwritten(sids: ItemSIDs, tmp_path: Path) -> None:
    theirs = "item 1\t0\nitem 0\t1\n"
    (tmp_path / "Toys.item2id").write_text(theirs)
    with pytest.raises(ValueError, match="Toys.item2id exists and numbers items differently"):
        write_letter(tmp_path / "Toys.index.json", sids)
    assert [file.name for file in tmp_path.iterdir()] == ["Toys.item2id"]
    write_letter(tmp_path / "Toys.index.json", sids, item2id=tmp_path / "Toys.item2id")
    assert read_letter(tmp_path / "Toys.index.json").tokens == ["item 1", "item 0"]


def test_a_map_that_is_used_beside_the_file_stays_as_it_is(sids: ItemSIDs, tmp_path: Path) -> None:
    theirs = "item 3\t5\r\nitem 1\t2\r\n"
    (tmp_path / "Toys.item2id").write_bytes(theirs.encode())
    path = write_letter(tmp_path / "Toys.index.json", sids, item2id=tmp_path / "Toys.item2id")
    assert (tmp_path / "Toys.item2id").read_bytes() == theirs.encode()
    assert read_letter(path).tokens == ["item 1", "item 3"]


def test_an_export_may_replace_an_earlier_one_of_fewer_items(sids: ItemSIDs, path: Path) -> None:
    more = as_item_sids([*sids.tokens, "new"], [*sids.codes.tolist(), [0, 0, 0]], sids.level_sizes)
    write_letter(path, more)
    assert list(read_letter(path).tokens) == list(more.tokens)


def test_two_formats_lie_side_by_side_under_one_name(sids: ItemSIDs, path: Path) -> None:
    write_recbole3(path.with_name("Toys.json"), sids)
    assert list(read_letter(path).tokens) == list(sids.tokens)


def test_keys_can_be_item_tokens(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('{"B01": ["<a_0>"], "B02": ["<a_1>"]}')
    assert read_letter(path, item2id="tokens").tokens == ["B01", "B02"]


def test_files_without_a_map_are_refused(path: Path) -> None:
    path.with_name("Toys.item2id").unlink()
    with pytest.raises(SettingsError, match="no item map .*Toys.item2id: set item2id"):
        read_letter(path)


def test_a_map_of_other_items_is_refused(path: Path) -> None:
    other = path.with_name("other.item2id")
    other.write_text("".join(f"item {row}\t{row + 1}\n" for row in range(40)))
    with pytest.raises(ValueError, match="has 1 item numbers that .* lacks, first '40'.* from 0 or from 1"):
        read_letter(path, item2id=other)
    other.write_text("item 0\t0\n")
    with pytest.raises(ValueError, match="Toys.index.json has 39 item numbers that .*other.item2id lacks, first '1'"):
        read_letter(path, item2id=other)


def test_a_map_that_was_swapped_is_found_out(path: Path) -> None:
    item_map = path.with_name("Toys.item2id")
    lines = item_map.read_text().splitlines()
    swapped = [f"{one.split(chr(9))[0]}\t{row}" for row, one in enumerate(reversed(lines))]
    item_map.write_text("\n".join(swapped))
    with pytest.raises(ValueError, match="not the item map that .* was written with"):
        read_letter(path)
    assert read_letter(path, item2id=item_map).tokens[0] == "item 39"  # who names it means it


def test_a_changed_file_is_found_out(path: Path) -> None:
    path.write_text(path.read_text().replace("<a_0>", "<a_1>"))
    with pytest.raises(ValueError, match="about.json does not match"):
        read_letter(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not JSON of Semantic IDs"),
        (b'{"0": ["<a_0>"]', "not JSON of Semantic IDs"),
        (b'{"0": ["<a_0>"], "0": ["<a_1>"]}', "the item '0' occurs twice"),
        (b"[]", "holds no Semantic IDs by item"),
        (b"{}", "holds no Semantic IDs by item"),
        (b"\xff\xfe", "not JSON of Semantic IDs"),
        (b"[" * 100_000, "not JSON of Semantic IDs"),
        (b'{"0": ' + b"9" * 10_000 + b"}", "not JSON|cannot be read"),
        (b'{"0": {"0": []}}', "item '0' cannot be read: not a list"),
    ],
)
def test_what_is_no_such_json_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "x.index.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_letter(path, item2id="tokens")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="absent.json"):
        read_letter(tmp_path / "absent.json")


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(b'\xef\xbb\xbf{"a": ["<a_0>"]}')
    assert read_letter(path, item2id="tokens").tokens == ["a"]
