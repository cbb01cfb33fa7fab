"""Bad input of every kind, through the command line: one sentence that says where and what to do, or a repair."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from recbole_adasid.cli.train import main

ITEMS = [f"i{number}" for number in range(10)]
# Fourteen users who walk round ten items.
ROWS = [(f"u{user}", f"i{(user + step) % 10}", str(1000 + step)) for user in range(14) for step in range(5)]
HEADER = "user_id:token\titem_id:token\ttimestamp:float\n"
INTER = HEADER + "".join("\t".join(row) + "\n" for row in ROWS)
ITEM = "item_id:token\ttitle:token\n" + "".join(f"{item}\tthing number {item}\n" for item in ITEMS)
VECTORS = np.random.default_rng(0).normal(size=(len(ITEMS), 4)).astype(np.float32)
SMALL = {
    "dataset": "tiny",
    "tokenizer": "rqkmeans",
    "codebook_size": "4",
    "text_fields": "[title]",
    "text_width": "4",
    "model_size": "tiny",
    **{"n_encoder_layers": "1", "n_decoder_layers": "1", "d_model": "16", "d_ff": "32"},
    **{"tokenizer_steps": "5", "encoder_hidden": "[8]", "code_dim": "4", "lookup_dim": "4"},
    **{"epochs": "1", "beam_size": "10", "show_progress": "false", "cache_dir": "~"},
}


class Given:
    """A folder with a sound dataset and settings, for a case to spoil."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder, folder / "data" / "tiny"
        self.home.mkdir(parents=True)
        self.settings = {**SMALL, "data_path": str(self.home.parent), "run_root": str(folder / "runs")}
        self.write("inter", INTER)
        self.write("item", ITEM)

    def write(self, suffix: str, content: str | bytes) -> None:
        data = content if isinstance(content, bytes) else content.encode()
        (self.home / f"tiny.{suffix}").write_bytes(data)

    def run(self) -> int:
        return main([f"--{key}={value}" for key, value in self.settings.items()])


Spoil = Callable[[Given], object]


def inter(old: str, new: str) -> Spoil:
    """Replace text in tiny.inter; line 6 is u0's last, `u0 i4 1004`."""
    assert old in INTER
    return lambda given: given.write("inter", INTER.replace(old, new))


def item(old: str, new: str) -> Spoil:
    assert old in ITEM
    return lambda given: given.write("item", ITEM.replace(old, new))


def content(suffix: str, data: str | bytes) -> Spoil:
    return lambda given: given.write(suffix, data)


def settings(**changes: str) -> Spoil:
    return lambda given: given.settings.update(changes)


def rows(*chosen: tuple[str, str, str], **changes: str) -> Spoil:
    def spoil(given: Given) -> None:
        given.write("inter", HEADER + "".join("\t".join(row) + "\n" for row in chosen))
        given.settings.update(changes)

    return spoil


def rated(**changes: str) -> Spoil:
    """Give every interaction but each user's last a rating, and load them."""

    def spoil(given: Given) -> None:
        lines = [f"{line}\t{'' if line.endswith('1004') else 3}\n" for line in INTER.splitlines()[1:]]
        given.write("inter", HEADER.replace("stamp:float", "stamp:float\trating:float") + "".join(lines))
        given.settings.update(load_col="{inter: [user_id, item_id, timestamp, rating]}", **changes)

    return spoil


def adasid(**changes: str) -> Spoil:
    return settings(tokenizer="adasid", **changes)


def archive(**arrays: object) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def vectors(data: bytes | None = None, name: str = "v.npz", listing: str | bytes = "", **arrays: object) -> Spoil:
    """Give item features in a file: its bytes, or arrays that replace sound ones."""

    def spoil(given: Given) -> None:
        whole = archive(**{"item_id": np.array(ITEMS), "embedding": VECTORS, **arrays})
        (given.home / name).write_bytes(whole if data is None else data)
        if listing:
            text = listing if isinstance(listing, bytes) else listing.encode()
            (given.home / name).with_suffix(".items.txt").write_bytes(text)
        given.settings["item_features_file"] = name

    return spoil


def with_value(value: float, row: int = 3) -> np.ndarray:
    changed = VECTORS.copy()
    changed[row, 1] = value
    return changed


def saved(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def settings_file(data: str | bytes) -> Spoil:
    def spoil(given: Given) -> None:
        path = given.folder / "mine.yaml"
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        given.settings["config_files"] = str(path)

    return spoil


TWICE = [*ITEMS, "i3"]
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
    # --- settings of the wrong kind or out of range ---
    "epochs is text": (settings(epochs="many"), r"epochs='many' has to be a whole number of 1 or more \(default: 20\)"),
    "epochs is a list": (settings(epochs="[1, 2]"), r"epochs=\[1, 2\] has to be a whole number"),
    "epochs is a fraction": (settings(epochs="1.5"), r"epochs=1.5 has to be a whole number"),
    "epochs is a switch": (settings(epochs="true"), r"epochs=True has to be a whole number"),
    "epochs is null": (settings(epochs="~"), r"epochs=null has to be a whole number"),
    "epochs is zero": (settings(epochs="0"), r"epochs=0 has to be a whole number of 1 or more"),
    "bf16 is a number": (settings(bf16="1"), r"bf16=1 has to be true or false"),
    "seed is negative": (settings(seed="-1"), r"seed=-1 has to be a whole number from 0 to 4294967295"),
    "seed is too large": (settings(seed="4294967296"), r"seed=4294967296 has to be a whole number from 0"),
    "learning_rate is negative": (
        settings(learning_rate="-0.1"),
        r"learning_rate=-0.1 has to be a finite number above 0",
    ),
    "learning_rate is zero": (settings(learning_rate="0"), r"learning_rate=0 has to be a finite number above 0"),
    "learning_rate is NaN": (settings(learning_rate=".nan"), r"learning_rate=nan has to be a finite number above 0"),
    "learning_rate is infinite": (
        settings(learning_rate="inf"),
        r"learning_rate=inf has to be a finite number above 0",
    ),
    "dropout is one": (
        settings(dropout="1.0"),
        r"dropout=1.0 has to be a finite number of at least 0 and at most 0.49",
    ),
    "warmup_fraction above one": (settings(warmup_fraction="1.5"), r"warmup_fraction=1.5 has to be .* at most 1"),
    "weight_decay is negative": (
        settings(weight_decay="-1"),
        r"weight_decay=-1 has to be a finite number of at least 0",
    ),
    "train_batch_size is zero": (settings(train_batch_size="0"), r"train_batch_size=0 has to be a whole number of 1"),
    "eval_batch_size is zero": (settings(eval_batch_size="0"), r"eval_batch_size=0 has to be a whole number of 1"),
    "eval_step is negative": (settings(eval_step="-1"), r"eval_step=-1 has to be a whole number of 0 or more"),
    "stopping_step is negative": (settings(stopping_step="-1"), r"stopping_step=-1 has to be a whole number of 0"),
    "history of no item": (
        settings(MAX_ITEM_LIST_LENGTH="0"),
        r"MAX_ITEM_LIST_LENGTH=0 has to be a whole number from 1",
    ),
    "clip_grad_norm is text": (
        settings(clip_grad_norm="much"),
        r"clip_grad_norm='much' has to be a number of 0 or more",
    ),
    "clip_grad_norm of another key": (settings(clip_grad_norm="{norm: 1}"), r"such as \{max_norm: 1.0\}"),
    "n_heads is zero": (settings(n_heads="0"), r"n_heads=0 has to be a whole number from 1"),
    "d_model is negative": (settings(d_model="-1"), r"d_model=-1 has to be a whole number from 1"),
    "d_ff beyond memory": (
        settings(d_ff="100000000000"),
        r"d_ff=100000000000 has to be a whole number from 1 to 65536",
    ),
    "no decoder": (settings(n_decoder_layers="0"), r"n_decoder_layers=0 has to be a whole number from 1"),
    "sid_length of nine": (settings(sid_length="9"), r"sid_length=9 has to be a whole number from 1 to 8"),
    "codebook of one": (
        settings(codebook_size="1"),
        r"codebook_size=1 has to be a whole number from 2 to 65536, or a li",
    ),
    "codebook of fractions": (settings(codebook_size="[2.5, 4, 4]"), r"codebook_size=\[2.5, 4, 4\] has to be"),
    "tokenizer_steps is zero": (settings(tokenizer_steps="0"), r"tokenizer_steps=0 has to be a whole number of 1"),
    "encoder_hidden is a number": (settings(encoder_hidden="8"), r"encoder_hidden=8 has to be a list"),
    "encoder_hidden holds zero": (
        settings(encoder_hidden="[0]"),
        r"encoder_hidden=\[0\] has to be a list, each entry a",
    ),
    "temperature is zero": (settings(contrastive_temperature="0"), r"contrastive_temperature=0 has to be .* above 0"),
    "thresholds are text": (settings(relaxation_thresholds="[a]"), r"relaxation_thresholds=\['a'\] has to be"),
    "no thresholds": (settings(relaxation_thresholds="[]"), r"relaxation_thresholds=\[\] has to be"),
    "swing_alpha is zero": (settings(swing_alpha="0"), r"swing_alpha=0 has to be a finite number above 0"),
    "swing_top_k is zero": (settings(swing_top_k="0"), r"swing_top_k=0 has to be a whole number of 1 or more, or null"),
    "topk is empty": (settings(topk="[]"), r"topk=\[\] has to be a whole number from 1"),
    "topk is zero": (settings(topk="0"), r"topk=0 has to be"),
    "topk holds a negative": (settings(topk="[5, -1]"), r"topk=\[5, -1\] has to be"),
    "topk is null": (settings(topk="~"), r"topk=null has to be"),
    "no metric": (
        settings(metrics="[]"),
        r"metrics=\[\] has to be one of AveragePopularity, GiniIndex, Hit, ItemCoverage, MAP, MRR",
    ),
    "unknown metric": (
        settings(metrics="[Recal]"),
        r"metrics=\['Recal'\] has to be one of AveragePopularity, GiniIndex, Hit",
    ),
    "metric of scores": (
        settings(metrics="[AUC]"),
        r"metrics=\['AUC'\] has to be one of AveragePopularity, GiniIndex, Hit",
    ),
    "interval without brackets": (settings(user_inter_num_interval="5"), r"has to be an interval such as \[5,inf\)"),
    "interval the wrong way": (
        settings(item_inter_num_interval="[9,3]"),
        r"item_inter_num_interval=\[9, 3\] has to be an interval",
    ),
    "text_fields is text": (settings(text_fields="title"), r"text_fields='title' has to be a list"),
    "gpu_id is text": (settings(gpu_id="all"), r"gpu_id='all' has to be the numbers of GPUs"),
    "data_path is a number": (settings(data_path="3"), r"data_path=3 has to be a path"),
    "two characters between cells": (settings(field_separator="::"), r"field_separator=.* has to be a tab, a space"),
    "unknown encoding": (settings(encoding="utf-9"), r"encoding='utf-9' has to be an encoding of text"),
    "negatives": (
        settings(train_neg_sample_args="{distribution: uniform}"),
        r"has to be null: generation needs no sample",
    ),
    "columns to unload": (
        settings(unload_col="{inter: [x]}"),
        r"unload_col=.* has to be unset: TIGER does not use it",
    ),
    "files split beforehand": (settings(benchmark_filename="[train]"), r"benchmark_filename=.*pre-split files"),
    # --- names that there are not ---
    "unknown setting": (settings(epoch="3"), r"Unknown setting 'epoch' .* did you mean epochs"),
    "unknown tokenizer": (settings(tokenizer="rqva"), r"Unknown tokenizer 'rqva': did you mean rqvae"),
    "unknown dataset": (settings(dataset="tinny"), r"There is no dataset 'tinny'"),
    "unknown model size": (settings(model_size="[small]"), r"Unknown model_size \['small'\]"),
    "unknown quantizer": (settings(quantizer="rotatoin"), r"Unknown quantizer 'rotatoin': did you mean rotation"),
    "unknown regulation": (
        settings(regulation="[a]"),
        r"Unknown regulation \['a'\].* Valid are: adaptive, hamming, none",
    ),
    "unknown collision": (settings(collision="sufix"), r"Unknown collision 'sufix': did you mean suffix"),
    "unknown encoder": (
        settings(text_encoder="bert"),
        r"Unknown text_encoder 'bert'.* Valid are: sentence-transformers",
    ),
    "unknown learner": (settings(learner="lion"), r"learner='lion' has to be one of adamw, adam"),
    "unknown level of logs": (settings(state="loud"), r"state='loud' has to be one of debug, info"),
    # --- settings that do not go together ---
    "beam below k": (settings(beam_size="5"), r"beam_size=5 cannot fill topk=\[3, 5, 10\]: raise it"),
    "valid_metric of another k": (settings(valid_metric="NDCG@7"), r"valid_metric=NDCG@7 is not computed .*NDCG@10"),
    "valid_metric not computed": (settings(valid_metric="MRR@10"), r"valid_metric=MRR@10 is not computed"),
    "thresholds that decrease": (
        adasid(relaxation_thresholds="[0.9, 0.5]"),
        r"thresholds must not decrease with depth",
    ),
    "T_end at T_start": (adasid(rebalancing_start="1.0"), r"rebalancing_end must exceed rebalancing_start"),
    "T_end beyond training": (adasid(rebalancing_end="2.0"), r"rebalancing_end is a fraction .* cannot exceed 1"),
    "f_min above f_max": (adasid(load_f_min="5"), r"0 <= load_f_min <= load_f_max, got 5 and 3.0"),
    "a size too few": (settings(codebook_size="[4, 4]"), r"codebook_size lists 2 sizes for sid_length 3: give one per"),
    "radius of all levels": (
        settings(tokenizer="quasid", hamming_radius="3"),
        r"hamming_radius must lie between 0 and 2",
    ),
    "lookup wider than codes": (
        settings(tokenizer="vqgan", lookup_dim="9"),
        r"lookup_dim must lie between 1 and code_dim, 4",
    ),
    "more groups than columns": (
        settings(tokenizer="grvq", quantizer_groups="9"),
        r"quantizer_groups must lie between 1",
    ),
    "no level for k-means": (
        settings(tokenizer="rqopq", opq_subspaces="3"),
        r"opq_subspaces must lie between 1 and .* 2",
    ),
    "template: unknown column": (settings(text_template="Title: {titel}"), r"text_template .*did you mean 'title'"),
    "template: half a brace": (settings(text_template="Title: {title"), r"text_template='Title: {title'"),
    "modalities: none": (settings(modalities="[]"), r"modalities=.* a list, each entry a mapping"),
    "modalities: unknown setting": (settings(modalities="[{text_field: [title]}]"), r"'text_field': did you mean text"),
    "modalities: no source": (settings(modalities="[{weight: 2}]"), r"modality 1 names no source: name one of"),
    "modalities: two sources": (
        settings(modalities="[{text_fields: [title], item_features_file: v.npz}]"),
        r"modality 1 names item_features_file and text_fields: name one of",
    ),
    "modalities: weight": (settings(modalities="[{text_fields: [title], weight: 0}]"), r"weight 0 of modality 1"),
    "modalities: width": (settings(modalities="[{text_fields: [title], width: 0}]"), r"width 0 of modality 1"),
    "modalities: dataset_features": (
        settings(modalities="[{dataset_features: no}]"),
        r"dataset_features .* of modality 1 has to be true",
    ),
    "modalities: behaviour": (
        settings(modalities="[{behaviour: [a]}]"),
        r"behaviour \['a'\] of modality 1 .* a path",
    ),
    "modalities: no such vectors": (
        settings(modalities="[{behaviour: coocurrence}]"),
        r"no file of item vectors .*coocurrence: name an .npz .* or 'cooccurrence'",
    ),
    "modalities: behaviour and a text": (
        settings(modalities="[{behaviour: cooccurrence, text_fields: [title]}]"),
        r"modality 1 names text_fields and behaviour: name one of",
    ),
    "modalities: nothing beyond chance": (
        settings(modalities="[{behaviour: cooccurrence}]", behaviour_negatives="100000"),
        r"no two items co-occur more often than chance .*: lower behaviour_negatives",
    ),
    "modalities: the dataset has none": (
        settings(modalities="[{dataset_features: true}]", text_fields="[]"),
        r"modality 1 uses the dataset's own features, but there are none: set item_features_file or text_fields",
    ),
    "modalities: value": (settings(modalities="[{text_fields: [title], text_width: 0}]"), r"text_width=0 has to be"),
    "modalities: no column": (settings(modalities="[{text_fields: [titel]}]"), r"did you mean 'title'"),
    "modalities: mean of two widths": (
        settings(modalities="[{text_fields: [title]}, {text_fields: [title], text_width: 2}]", fusion="mean"),
        r"fusion=mean needs modalities of equal width",
    ),
    "pairs: no file named": (adasid(pair_source="file"), r"pair_source=file needs pair_file"),
    "pairs: file not read": (adasid(pair_file="p.tsv"), r"unused with pair_source=swing: set pair_source=file"),
    "pairs: no such file": (adasid(pair_source="file", pair_file="p.tsv"), r"no file of item pairs .*p.tsv"),
    "pairs: unknown source": (adasid(pair_source="item2vek"), r"'item2vek': did you mean item2vec"),
    "neither texts nor vectors": (settings(text_fields="[]"), r"neither item_features_file nor text_fields is set"),
    "two fields of one name": (settings(TIME_FIELD="user_id"), r"USER_ID_FIELD and TIME_FIELD are both 'user_id'"),
    "load_col without times": (
        settings(load_col="{inter: [user_id, item_id]}"),
        r"leaves out timestamp of inter: add it",
    ),
    "filter by an unloaded column": (
        settings(val_interval="{rating: '[4,5]'}"),
        r"val_interval names the column 'rating'",
    ),
    "random order": (
        settings(eval_args="{split: {LS: test_only}, order: RO}"),
        r"order is 'RO', but sequences need .* TO",
    ),
    "unknown split": (
        settings(eval_args="{split: {XS: 1}, order: TO}"),
        r"split is \{'XS': 1\}; write \{LS: valid_and",
    ),
    "unknown way to leave out": (
        settings(eval_args="{split: {LS: last}, order: TO}"),
        r"LS is 'last'; valid: valid_and_t",
    ),
    "ratios of nothing": (
        settings(eval_args="{split: {RS: [1, 0, 0]}, order: TO}"),
        r"RS is .*give three ratios above 0",
    ),
    "unknown mode": (
        settings(eval_args="{split: {LS: test_only}, order: TO, mode: uni}"),
        r"mode is 'uni'; valid: full",
    ),
    "eval_args of another key": (settings(eval_args="{folds: 5}"), r"eval_args has no entry 'folds'; valid: split"),
    "one process of several": (settings(local_rank="0"), r"local_rank is set without nproc, world_size"),
    "an extra that is missing": (
        settings(text_encoder="sentence-transformers", text_encoder_model="/nowhere"),
        r"pip install 'recbole-adasid\[text\]'|text_encoder_model '/nowhere' cannot be loaded",
    ),
    # --- settings files and arguments ---
    "file: none": (settings(config_files="none.yaml"), r"no settings file none.yaml: give --config_files existing"),
    "file: no YAML": (settings_file("epochs: [1"), r"mine.yaml is not valid YAML"),
    "file: a list": (settings_file("- epochs\n"), r"mine.yaml must have lines of the form"),
    "file: not UTF-8": (settings_file(b"epochs: \xff"), r"mine.yaml is not UTF-8 .*: save the settings file as UTF-8"),
    "file: a key twice": (settings_file("epochs: 1\nepochs: 2\n"), r"not valid YAML: 'epochs' stands twice .*line 2"),
    "file: Python objects": (settings_file("epochs: !!python/object:os.system x"), r"mine.yaml is not valid YAML"),
    "file: too deep": (settings_file("epochs: " + "[" * 3000), r"mine.yaml is not valid YAML"),
    "file: no boolean": (settings_file("epochs: !!bool maybe"), r"mine.yaml is not valid YAML"),
    "file: unknown setting": (settings_file("epoch: 1\n"), r"Unknown setting 'epoch' in the settings files"),
    # --- catalogues ---
    "users of one interaction only": (rows(*[(f"u{n}", "i1", "1") for n in range(9)]), r"leaves no training example"),
    "filters that leave nothing": (
        settings(user_inter_num_interval="[50,inf)"),
        r"filters leave nothing of .*loosen user_inter_num_interval=\[50,inf\)",
    ),
    "one item under two subspaces": (
        rows(*[(f"u{n}", "i1", str(time)) for n in range(3) for time in range(5)], tokenizer="rqopq"),
        r"opq_subspaces is 2, but the features have 1 columns: lower it",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_input_is_refused_in_one_sentence(name, tmp_path, capfd):
    spoil, message = REFUSED[name]
    given = Given(tmp_path)
    spoil(given)
    assert given.run() == 2
    error = capfd.readouterr().err
    last = error.rstrip().splitlines()[-1]
    assert re.search(message, last), last
    assert last.startswith("error: ") and "Traceback" not in error


IDENTICAL = "item_id:token\ttitle:token\n" + "".join(f"{name}\tthe same\n" for name in ITEMS)
REPAIRED: dict[str, tuple[Spoil, str]] = {
    "inter: byte order mark": (content("inter", "\ufeff" + INTER), r"tiny.inter starts with a byte order mark"),
    "item: byte order mark": (content("item", "\ufeff" + ITEM), r"tiny.item starts with a byte order mark"),
    "inter: seconds and milliseconds": (
        content("inter", INTER.replace("\t100", "\t150000000").replace("u0\ti4\t1500000004", "u0\ti4\t1500000004000")),
        r"mixes seconds and milliseconds in timestamp, first on line 6",
    ),
    "inter: one time for all": (
        content("inter", re.sub(r"\t100\d\n", "\t1\n", INTER)),
        r"every timestamp is 1, so the file order decides",
    ),
    "inter: gaps in a column that filters": (
        rated(val_interval="{rating: '[1,5]'}"),
        r"val_interval dropped 14 interactions without a rating\.[^\0]*Filters kept 56 of 70 interactions",
    ),
    "inter: gaps in a column that is loaded": (
        rated(),
        r"14 of 70 interactions have no rating; RecBole fills in the mean",
    ),
    "inter: gaps that another filter leaves": (
        rated(val_interval="{timestamp: '[1002,1004]'}"),
        r"14 of 42 interactions have no rating; RecBole fills in the mean",
    ),
    "item: an item twice, loaded by RecBole": (
        lambda given: (
            given.write("item", ITEM + "i3\tmore\n"),
            vectors()(given),
            given.settings.update(load_col="{inter: [user_id, item_id, timestamp], item: [item_id]}"),
        ),
        r"1 lines repeat an earlier item_id, first 'i3': the first line of each is kept",
    ),
    "item: titles without a word": (
        content("item", re.sub(r"\tthing.*", "\t-", ITEM)),
        r"vectors of all 10 items are equal",
    ),
    "item: items without text": (item("i4\tthing number i4\n", ""), r"1 of 10 items have no text, first 'i4'"),
    "item: items without interactions": (
        content("item", ITEM + "zz\tunsold\n"),
        r"1 items of the .item file have no inter",
    ),
    "features: zero vectors": (
        vectors(embedding=VECTORS * (np.arange(10) > 1)[:, None]),
        r"2 of 10 .* zero vector, first 'i0'",
    ),
    "features: all alike": (vectors(embedding=VECTORS * 0 + 1), r"vectors of all 10 items are equal"),
    "features: further items": (
        vectors(item_id=np.array([*ITEMS, "zz"]), embedding=VECTORS[[*range(10), 0]]),
        r"1 items are not in the dataset and are ignored",
    ),
    "users of one interaction": (
        rows(*ROWS, ("x", "i1", "1")),
        r"Skipped 1 users with one interaction",
    ),
    "users of two interactions": (
        rows(*[(f"u{n}", f"i{n + step}", str(step)) for n in range(8) for step in range(2)]),
        r"There is no validation and no test example",
    ),
    "a filter that drops interactions": (
        settings(item_inter_num_interval="[6,inf)"),
        r"Filters kept \d+ of 70 interactions",
    ),
    "one item": (
        rows(*[(f"u{n}", "i1", str(time)) for n in range(3) for time in range(5)]),
        r"With 1 items, metrics at 10",
    ),
    "two items": (
        rows(*[(f"u{n}", f"i{time % 2}", str(time)) for n in range(3) for time in range(5)]),
        r"With 2 items",
    ),
    "no item pairs": (
        rows(
            *[(f"u{n}", f"i{2 * n + time % 2}", str(time)) for n in range(5) for time in range(5)], tokenizer="adasid"
        ),
        r"pair_source=swing finds no item pairs",
    ),
    "more collisions than codewords": (
        content("item", IDENTICAL),
        r"10 items share one Semantic ID, more than a level",
    ),
}


@pytest.mark.parametrize("name", REPAIRED)
def test_what_can_be_repaired_is_said_and_the_job_completes(name, tmp_path, capfd):
    spoil, message = REPAIRED[name]
    given = Given(tmp_path)
    spoil(given)
    assert given.run() == 0
    said = "".join(capfd.readouterr())
    assert re.search(message, said), said
    assert "fills in the mean" in message or "fills in the mean" not in said
    assert "Settings, Semantic IDs, metrics and model are in" in said


def results(folder: Path, spoil: Spoil) -> list[str]:
    given = Given(folder)
    spoil(given)
    assert given.run() == 0
    (run,) = (folder / "runs").iterdir()
    return [(run / name).read_text() for name in ("sids.json", "metrics.json")]


def in_encoding(name: str) -> Spoil:
    def spoil(given: Given) -> None:
        given.settings["encoding"] = name
        for suffix, text in (("inter", INTER), ("item", ITEM)):
            given.write(suffix, text.replace("i4", "ï4").encode(name))

    return spoil


SAME: dict[str, tuple[Spoil, Spoil]] = {
    "CR LF": (
        lambda _: None,
        lambda g: (g.write("inter", INTER.replace("\n", "\r\n")), g.write("item", ITEM.replace("\n", "\r\n"))),
    ),
    "a byte order mark": (
        lambda _: None,
        lambda g: (g.write("inter", "\ufeff" + INTER), g.write("item", "\ufeff" + ITEM)),
    ),
    "milliseconds": (lambda _: None, lambda g: g.write("inter", re.sub(r"\t(100\d)\n", r"\t\g<1>000\n", INTER))),
    "empty lines": (
        lambda _: None,
        lambda g: (g.write("inter", INTER.replace("\nu3", "\n\nu3")), g.write("item", ITEM + "\n\n")),
    ),
    "no last line end": (lambda _: None, lambda g: g.write("inter", INTER[:-1])),
    "commas": (
        lambda _: None,
        lambda g: (
            g.write("inter", INTER.replace("\t", ",")),
            g.write("item", ITEM.replace("\t", ",")),
            g.settings.update(field_separator="','"),
        ),
    ),
    "Latin-1": (in_encoding("utf-8"), in_encoding("latin-1")),
    "UTF-16": (in_encoding("utf-8"), in_encoding("utf-16")),
}


@pytest.mark.parametrize("name", SAME)
def test_another_way_to_write_the_same_gives_the_same(name, tmp_path):
    one, other = SAME[name]
    assert results(tmp_path / "one", one) == results(tmp_path / "other", other)


def test_names_are_taken_as_they_are_written(tmp_path):
    """A quote swallows nothing, and a user called NA is somebody."""
    given = Given(tmp_path)
    strange = ['"i0', "NA", 'say "x"', "null", "'", '""', "nan", " i7", "i8 ", "\ufeffi9"]
    for suffix, text in (("inter", INTER), ("item", ITEM)):
        for plain, name in zip(ITEMS, strange):
            text = re.sub(rf"(^|\t){plain}\t", lambda found, name=name: f"{found[1]}{name}\t", text, flags=re.MULTILINE)
        given.write(suffix, text.replace("u0\t", "None\t").replace("u1\t", '"u1\t'))
    assert given.run() == 0
    (run,) = (tmp_path / "runs").iterdir()
    assert set(json.loads((run / "sids.json").read_text())) == set(strange)


def test_the_tables_hold_what_was_asked_for():
    assert len(REFUSED) >= 150 and len(REPAIRED) >= 15
