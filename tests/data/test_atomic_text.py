from __future__ import annotations

import pytest

from recbole_adasid.data import atomic_text
from recbole_adasid.data.atomic_text import AtomicText, Column

NEEDED = [Column("user_id", "USER_ID_FIELD", "token"), Column("rating", "load_col", filled=False)]


def written(folder, text: str, separator: str = "\t", encoding: str = "utf-8") -> AtomicText:
    path = folder / "some.inter"
    path.write_bytes(text.encode(encoding))
    return AtomicText(path, separator, encoding)


def test_the_columns_of_a_sound_file_are_returned_with_their_types(tmp_path):
    text = written(tmp_path, "user_id:token\trating:float\tx:token_seq\nu1\t\ta b\n")
    assert text.check(NEEDED) == {"user_id": "token", "rating": "float", "x": "token_seq"}


def test_rows_are_numbered_as_lines_of_the_file(tmp_path):
    text = written(tmp_path, "user_id:token\n\nu1\r\n\r\nu2\n")
    assert list(text.rows()) == [(1, ["user_id:token"]), (3, ["u1"]), (5, ["u2"])]
    assert [text.line_of(row) for row in (0, 1)] == [3, 5]


@pytest.mark.parametrize("block", [1, 7, 64])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1"])
def test_a_file_is_checked_whole_however_it_is_cut_into_blocks(tmp_path, monkeypatch, block, encoding):
    monkeypatch.setattr(atomic_text, "_BLOCK", block)
    lines = ["user_id:token,rating:float"] + [f"é{number},{number}" for number in range(30)]
    sound = written(tmp_path, "\r\n".join(lines), ",", encoding)
    assert sound.check(NEEDED) and len(list(sound.rows())) == 31
    lines[20] += ",1"
    ragged = written(tmp_path, "\n".join(lines), ",", encoding)
    with pytest.raises(ValueError, match="line 21: 3 cells for 2 columns .*put ',' between cells"):
        ragged.check(NEEDED)


@pytest.mark.parametrize("block", [1, 64])
def test_wrong_bytes_are_found_on_their_line(tmp_path, monkeypatch, block):
    monkeypatch.setattr(atomic_text, "_BLOCK", block)
    text = written(tmp_path, "user_id:token\trating:float\n" + "é\t1\n" * 5)
    text.path.write_bytes(text.path.read_bytes() + b"\xff\t1\n" + "é\t1\n".encode())
    with pytest.raises(ValueError, match="line 7: the text is not UTF-8"):
        text.check(NEEDED)
