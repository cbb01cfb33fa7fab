"""Item tables and feature files that cannot be used are refused with one sentence."""

from __future__ import annotations

import re

import numpy as np
import pytest

from bad_input import (
    ITEM,
    ITEMS,
    VECTORS,
    Spoil,
    archive,
    content,
    item,
    refusal,
    saved,
    settings,
    vectors,
    with_value,
)

TWICE = [*ITEMS, "i3"]
REFUSED: dict[str, tuple[Spoil, str]] = {
    # --- the item table ---
    "item: empty": (content("item", b""), r"tiny.item, line 1 is empty"),
    "item: header only": (content("item", ITEM.split("\n")[0] + "\n"), r"tiny.item has no rows after its header"),
    "item: no item column": (item("item_id:", "asin:"), r"no column 'item_id' among asin, title: .*set ITEM_ID_FIELD"),
    "item: no text column": (item("title:", "name:"), r"text_fields names the column 'title'.* did you mean 'name'"),
    "item: a tab in a title": (item("number i4", "number\ti4"), r"tiny.item, line 6: 3 cells for 2 columns"),
    "item: an item twice": (content("item", ITEM + "i3\tmore\n"), r"line 12 repeats item 'i3' of line 5"),
    "item: column twice": (item("title:", "item_id:"), r"names the column 'item_id' twice"),
    "item: Latin-1": (
        content("item", ITEM.replace("i4", "ï4").encode("latin-1")),
        r"tiny.item, line 6: the text is not",
    ),
    "item: no text at all": (
        content("item", re.sub(r"\tthing.*", "\t", ITEM)),
        r"None of the 10 item texts contains a word: check text_fields",
    ),
    "item: no name": (item("i4\t", "\t"), r"tiny.item, line 6 has no item_id"),
    "item: none": (lambda given: (given.home / "tiny.item").unlink(), r"has no .item file .*set item_features_file"),
    # --- feature files ---
    "features: none": (settings(item_features_file="v.npz"), r"no feature file .*v.npz: correct item_features_file"),
    "features: NaN": (vectors(embedding=with_value(np.nan)), r"vector of item 'i3' and 0 more are NaN or infinite"),
    "features: infinite": (vectors(embedding=with_value(np.inf)), r"vector of item 'i3'.* are NaN or infinite"),
    "features: beyond float32": (vectors(embedding=VECTORS.astype(float) * 1e300), r"'i0' and 9 more are NaN or inf"),
    "features: huge": (vectors(embedding=VECTORS * 1e20), r"too large to square in float32: divide all by a constant"),
    "features: an item missing": (
        vectors(item_id=np.array(ITEMS[:-1]), embedding=VECTORS[:-1]),
        r"no vector for 1 of 10 items, first 'i9': add them",
    ),
    "features: an item twice": (
        vectors(item_id=np.array(TWICE), embedding=VECTORS[[*range(10), 3]]),
        r"names item 'i3' more than once: keep one",
    ),
    "features: fewer names": (vectors(item_id=np.array(ITEMS[:-1])), r"shape \(10, 4\) for 9 item names"),
    "features: one dimension": (
        vectors(embedding=VECTORS[:, 0]),
        r"shape \(10,\) for 10 item names: .*one row per item",
    ),
    "features: three dimensions": (vectors(embedding=VECTORS[:, :, None]), r"shape \(10, 4, 1\)"),
    "features: no column": (vectors(embedding=VECTORS[:, :0]), r"shape \(10, 0\): it needs at least one column"),
    "features: no row": (vectors(item_id=np.array([], str), embedding=VECTORS[:0]), r"no vector for 10 of 10 items"),
    "features: integers": (vectors(embedding=VECTORS.astype(int)), r"has type int64: save float16, float32 or float64"),
    "features: text": (vectors(embedding=VECTORS.astype(str)), r"has type <U\d+: save float16"),
    "features: complex": (vectors(embedding=VECTORS.astype(complex)), r"has type complex128: save float16"),
    "features: objects": (
        vectors(embedding=VECTORS.astype(object)),
        r"Python objects, which are not loaded for safety",
    ),
    "features: names as floats": (vectors(item_id=np.arange(10.0)), r"item_id has .* the type float64: save one text"),
    "features: names in a table": (vectors(item_id=np.array(ITEMS)[:, None]), r"item_id has the shape \(10, 1\)"),
    "features: names in Latin-1": (
        vectors(item_id=np.array([b"\xff"] * 10)),
        r"item_id holds bytes that are not UTF-8",
    ),
    "features: no array of that name": (vectors(archive(item_id=np.array(ITEMS))), r"it also needs 'embedding'"),
    "features: empty file": (vectors(b""), r"v.npz is not a .npz file: save it with numpy.savez"),
    "features: something else": (vectors(b"hello" * 9), r"v.npz is not a .npz file"),
    "features: truncated": (
        vectors(archive(embedding=VECTORS)[:-30]),
        r"cannot be read .*truncated or damaged; save it",
    ),
    "features: a bit changed": (
        vectors(archive(item_id=np.array(ITEMS), embedding=VECTORS).replace(b"9\0\0\0", b"8\0\0\0")),
        r"cannot be read \(Bad CRC-32.*truncated or damaged",
    ),
    "features: an .npy as .npz": (vectors(saved(VECTORS)), r"is not a .npz file"),
    "features: an .npz as .npy": (vectors(archive(a=VECTORS), "v.npy", "i0\n"), r"v.npy is not a .npy file: save"),
    "features: .npy truncated": (vectors(saved(VECTORS)[:150], "v.npy", "i0\n"), r"v.npy cannot be read .*truncated"),
    "features: .npy without names": (vectors(saved(VECTORS), "v.npy"), r"put one token per line in v.items.txt"),
    "features: .npy with few names": (vectors(saved(VECTORS), "v.npy", "i0\n"), r"shape \(10, 4\) for 1 item names"),
    "features: names not UTF-8": (vectors(saved(VECTORS), "v.npy", b"\xff\n"), r"v.items.txt is not UTF-8 .*: save it"),
    "features: CSV": (vectors(b"i0,1", "v.csv"), r"features must be .npz or .npy, not '.csv': convert"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_items_are_refused_in_one_sentence(name, tmp_path, capfd):
    spoil, message = REFUSED[name]
    said = refusal(spoil, tmp_path, capfd)
    assert said.startswith("error: ") and re.search(message, said), said
