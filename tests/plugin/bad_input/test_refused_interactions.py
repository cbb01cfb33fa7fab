"""Interactions that cannot be used are refused with one sentence that says where and what to do."""

from __future__ import annotations

import re

import pytest

from bad_input import HEADER, INTER, Spoil, content, inter, refusal, rows, settings

REFUSED: dict[str, tuple[Spoil, str]] = {
    # --- atomic files: the header ---
    "inter: empty": (content("inter", b""), r"tiny.inter, line 1 is empty: it must name the columns"),
    "inter: blank lines": (content("inter", "\n\n"), r"line 1 is empty"),
    "inter: header only": (content("inter", HEADER), r"tiny.inter has no rows after its header: add rows"),
    "inter: header without line end": (content("inter", HEADER[:-1]), r"no rows after its header"),
    "inter: no time column": (
        inter("timestamp:", "time:"),
        r"no column 'timestamp' .*rename 'time', or set TIME_FIELD",
    ),
    "inter: no user column": (inter("user_id:", "member:"), r"no column 'user_id' .*add it, or set USER_ID_FIELD"),
    "inter: no item column": (inter("item_id:", "asin:"), r"no column 'item_id' .*, or set ITEM_ID_FIELD"),
    "inter: column without type": (inter("timestamp:float", "timestamp"), r"'timestamp' is not of the form name:type"),
    "inter: two types": (inter("stamp:float", "stamp:float:x"), r"'timestamp:float:x' is not of the form"),
    "inter: unknown type": (inter("stamp:float", "stamp:date"), r"type 'date'; valid: token, token_seq, float"),
    "inter: column twice": (inter("user_id:", "item_id:"), r"line 1 names the column 'item_id' twice: keep one"),
    "inter: time as text": (inter("stamp:float", "stamp:token"), r"must be float: write timestamp:float"),
    "inter: user as number": (inter("user_id:token", "user_id:float"), r"must be token: write user_id:token"),
    "inter: user as sequence": (inter("user_id:token", "user_id:token_seq"), r"write user_id:token"),
    "inter: commas": (inter("\t", ","), r"separated by ',', set field_separator"),
    "inter: spaces": (inter("\t", " "), r"separated by a space, set field_separator"),
    "inter: quoted header": (inter("user_id:token", '"user_id:token"'), r"type 'token\"'; valid"),
    "inter: other separator set": (settings(field_separator=","), r"separated by a tab, set field_separator"),
    "inter: a listed column is missing": (
        settings(load_col="{inter: [user_id, item_id, timestamp, rating]}"),
        r"no column 'rating' among .*set load_col",
    ),
    # --- atomic files: lines ---
    "inter: a cell too many": (inter("u0\ti4\t1004", "u0\ti4\t1004\tx"), r"line 6: 4 cells for 3 columns"),
    "inter: a cell too few": (inter("u0\ti4\t1004", "u0\ti4"), r"line 6: 2 cells for 3 columns"),
    "inter: every line too long": (inter("\n", "\t\n"), r"line 1: the column '' is not of the form"),
    "inter: first line too long": (inter("u0\ti0\t1000", "u0\ti0\t1000\t1"), r"line 2: 4 cells for 3 columns"),
    "inter: a line of spaces": (inter("u0\ti4\t1004", "   "), r"line 6: 1 cells for 3 columns"),
    "inter: no user": (inter("u0\ti4\t", "\ti4\t"), r"line 6 has no user_id: fill it in, or remove the line"),
    "inter: no item": (inter("u0\ti4\t", "u0\t\t"), r"line 6 has no item_id"),
    "inter: no time": (inter("u0\ti4\t1004", "u0\ti4\t"), r"line 6 has no timestamp"),
    "inter: no time at all": (content("inter", re.sub(r"\t100\d\n", "\t\n", INTER)), r"line 2 has no timestamp"),
    "inter: words as time": (inter("u0\ti4\t1004", "u0\ti4\tnoon"), r"line 6: the timestamp 'noon' is not a finite"),
    "inter: a date as time": (
        inter("u0\ti4\t1004", "u0\ti4\t2020-01-01"),
        r"line 6: the timestamp '2020-01-01' is not a f",
    ),
    "inter: NaN as time": (inter("u0\ti4\t1004", "u0\ti4\tnan"), r"line 6: the timestamp 'nan' is not a finite"),
    "inter: NA as time": (inter("u0\ti4\t1004", "u0\ti4\tNA"), r"line 6: the timestamp 'NA' is not a finite"),
    "inter: infinite time": (inter("u0\ti4\t1004", "u0\ti4\tinf"), r"line 6: the timestamp is inf"),
    "inter: a time beyond float64": (
        inter("u0\ti4\t1004", "u0\ti4\t1e999"),
        r"line 6: the timestamp ('1e999' is not a finite|is inf)",  # pandas 3 reads it as infinite
    ),
    "inter: bad line after an empty one": (inter("u0\ti4\t1004", "\nu0\ti4\tx"), r"line 7: the timestamp 'x'"),
    "inter: bad line after CR LF": (
        content("inter", INTER.replace("u0\ti4\t1004", "u0\ti4").replace("\n", "\r\n")),
        r"line 6: 2 cells for 3 columns",
    ),
    "inter: Latin-1": (
        content("inter", INTER.replace("u3", "ü3").encode("latin-1")),
        r"line 17: the text is not UTF-8",
    ),
    "inter: UTF-16": (content("inter", INTER.encode("utf-16")), r"line 1: .*set encoding to its own, such as utf-16"),
    "inter: UTF-16 without a mark": (content("inter", INTER.encode("utf-16-le")), r"line 1 holds a NUL byte"),
    "inter: cut within a character": (content("inter", INTER.encode() + b"\xc3"), r"not UTF-8 \(unexpected end"),
    "inter: a NUL": (inter("u0\ti4", "u\x000\ti4"), r"line 6 holds a NUL byte, .*save the file again"),
    "inter: old Mac line ends": (inter("\n", "\r"), r"line 1 holds a carriage return that does not end the line"),
    "inter: a carriage return within": (inter("u0\ti4", "u\r0\ti4"), r"line 6 holds a carriage return"),
    "inter: another encoding set": (settings(encoding="utf-16"), r"line 1: the text is not UTF-16"),
    # --- catalogues ---
    "users of one interaction only": (rows(*[(f"u{n}", "i1", "1") for n in range(9)]), r"leaves no training example"),
    "filters that leave nothing": (
        settings(user_inter_num_interval="[50,inf)"),
        r"filters leave nothing of .*loosen user_inter_num_interval=\[50,inf\)",
    ),
    "one item, among sampled ones": (
        rows(
            *[(f"u{n}", "i1", str(time)) for n in range(3) for time in range(5)],
            eval_args="{split: {LS: valid_and_test}, order: TO, group_by: user, mode: {valid: full, test: uni5}}",
        ),
        r"mode is uni5, but the dataset '\w+' has 1 item, .*set mode to full",
    ),
    "one item under two subspaces": (
        rows(*[(f"u{n}", "i1", str(time)) for n in range(3) for time in range(5)], tokenizer="rqopq"),
        r"opq_subspaces is 2, but the features have 1 columns: lower it",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_interactions_are_refused_in_one_sentence(name, tmp_path, capfd):
    spoil, message = REFUSED[name]
    said = refusal(spoil, tmp_path, capfd)
    assert said.startswith("error: ") and re.search(message, said), said
