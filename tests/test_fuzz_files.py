"""Files of every kind, changed at random and signed anew: each is read, or refused in a sentence of ours.

None ends in a traceback, leaves a file outside the folder that it is read in, or opens a connection. A quarter of the
cases is tried; the environment variable RECBOLE_ADASID_FUZZ is the share, 1 for all of them.
"""

from __future__ import annotations

import os
import random
import shutil
import struct
import sys
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from changed_files import change, sign_bundle
from harmless_reading import bounded_memory, passes_or_says_why
from recbole_adasid.bundle import SIDBundle
from recbole_adasid.bundle.folder import DESCRIPTION
from recbole_adasid.features.image_encoders import PixelEncoder
from recbole_adasid.features.images import locate_images
from recbole_adasid.features.vectors import load_feature_file
from recbole_adasid.io.array_file import read_arrays
from recbole_adasid.plugin.patches.quick_start import _tiger_file
from recbole_adasid.plugin.run import run
from recbole_adasid.run_folder.history import read_history
from recbole_adasid.serving.change_items import read_table, read_vectors
from recbole_adasid.serving.recommender import Recommender
from recbole_adasid.settings.reading import read_settings_files
from recbole_adasid.tokenizer.saved import load_tokenizer

TIMES = float(os.environ.get("RECBOLE_ADASID_FUZZ", "0.25"))
ITEMS = [f"i{number}" for number in range(20)]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory, tiny_data: Path) -> Path:
    """A folder of sound files of every kind; they are changed in copies."""
    base = tmp_path_factory.mktemp("sound")
    settings = {"dataset": "tiny", "data_path": str(tiny_data), "tokenizer": "rqkmeans", "codebook_size": 4}
    settings |= {"text_fields": ["title"], "text_width": 4, "MAX_ITEM_LIST_LENGTH": 4, "model_size": "tiny"}
    settings |= {
        "epochs": 1,
        "eval_step": 1,
        "beam_size": 10,
        "show_progress": False,
        "cache_dir": None,
        "report": False,
    }
    settings |= {"d_model": 8, "n_heads": 1, "d_head": 4, "d_ff": 8, "n_encoder_layers": 1, "n_decoder_layers": 1}
    run({**settings, "run_folder": str(base / "run")})
    recommender = Recommender.load(base / "run")
    recommender.add_items(
        ["new0", "new1"], table={"item_id": ["new0", "new1"], "title": ["a red thing", "a blue thing"]}
    )
    recommender.remove_items(["i3"])
    recommender.save()
    bundle = SIDBundle.from_run(base / "run")
    bundle.save(base / "bundle")
    (base / "peers").mkdir()
    bundle.export("letter", base / "peers" / "x.index.json")
    bundle.export("recbole3", base / "peers" / "y.json")
    (base / "features").mkdir()
    vectors = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    np.savez(base / "features" / "f.npz", item_id=np.array(ITEMS), embedding=vectors)
    np.save(base / "features" / "g.npy", vectors)
    (base / "features" / "g.items.txt").write_text("\n".join(ITEMS) + "\n")
    (base / "table").mkdir()
    (base / "table" / "new.item").write_text("item_id:token\ttitle:token\nn1\ta thing\nn2\tanother\n")
    (base / "table" / "new.jsonl").write_text('{"item_id": "n1", "title": "a"}\n{"item_id": "n2", "title": "b"}\n')
    (base / "images").mkdir()
    (base / "images" / "a.png").write_bytes(_png())
    return base


def _png() -> bytes:
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(bytes(25 * 8))),
        (b"IEND", b""),
    )
    parts = (struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def recommend(folder: Path) -> None:
    """Load a run, recommend with it and add an item; what it says are numbers."""
    recommender = Recommender.load(folder)
    found = recommender.recommend([recommender.tokens[0]], 3, exclude_seen=False)
    assert found and all(np.isfinite(one.score) for one in found)
    recommender.add_items(["z"], table={"item_id": ["z"], "title": ["a red thing"]}, bad_items="skip")


def use_bundle(folder: Path) -> None:
    bundle = SIDBundle.load(folder)
    if bundle.tokenizer is not None:
        assert np.isfinite(bundle.vectors).all()
    assert bundle.nearest(bundle.tokens[0], 3) and bundle.items(()) and bundle.decode(bundle.codes[:1])
    bundle.encode(np.zeros((1, bundle.tokenizer.width), dtype=np.float32)) if bundle.tokenizer else None


def make_bundle(folder: Path) -> None:
    bundle = SIDBundle.from_run(folder)
    assert bundle.codes_of(bundle.tokens[:1]).min() >= 0


def read_run_s_files(folder: Path) -> None:
    for read in (
        lambda: read_history(folder / "history.json"),
        lambda: read_arrays(folder / "test_ranks.npz"),
        lambda: read_settings_files([folder / "config.yaml"]),
    ):
        read()


def locate(folder: Path) -> None:
    cells = (folder / "cells.txt").read_bytes().decode("utf-8", "replace").split("\n")
    found = locate_images(cells, folder, download=False)
    assert all(file is None or file.resolve().is_relative_to(folder.resolve()) for file in found)
    if files := [file for file in found if file]:
        PixelEncoder().encode([file.read_bytes() for file in files])


def letter(folder: Path) -> None:
    SIDBundle.imported("letter", folder / "x.index.json")


def recbole3(folder: Path) -> None:
    SIDBundle.imported("recbole3", folder / "y.json")


Reader = tuple[str, tuple[str, ...], Callable[[Path], Any], int]
READERS: dict[str, Reader] = {
    "a model at work": ("run", ("model.safetensors",), recommend, 200),
    "a model's settings": ("run", ("model.safetensors",), lambda f: _tiger_file(f / "model.safetensors", False), 200),
    "a run at work": ("run", ("sids.json", "items.json", "tokenizer/tokenizer.safetensors"), recommend, 120),
    "new items": ("run", ("new-items.safetensors",), recommend, 160),
    "learnt features": ("run", ("features.safetensors",), recommend, 100),
    "a bundle of a run": (
        "run",
        (
            "sids.json",
            "sids.info.json",
            "items.json",
            "config.yaml",
            "tokenizer/tokenizer.json",
            "new-items.safetensors",
        ),
        make_bundle,
        160,
    ),
    "a run's other files": ("run", ("history.json", "test_ranks.npz", "config.yaml"), read_run_s_files, 100),
    "a tokenizer": ("run/tokenizer", ("tokenizer.safetensors", "tokenizer.json"), load_tokenizer, 220),
    "a bundle": (
        "bundle",
        (
            "bundle.json",
            "sids.safetensors",
            "items.json",
            "tokenizer/tokenizer.safetensors",
            "tokenizer/tokenizer.json",
        ),
        use_bundle,
        200,
    ),
    "LETTER's JSON": ("peers", ("x.index.json", "x.item2id", "x.index.json.about.json"), letter, 150),
    "RecBole 3's JSON": ("peers", ("y.json", "y.item2id", "y.json.about.json"), recbole3, 150),
    "features, npz": ("features", ("f.npz",), lambda f: load_feature_file(f / "f.npz", ITEMS), 140),
    "features, npy": ("features", ("g.npy", "g.items.txt"), lambda f: load_feature_file(f / "g.npy", ITEMS), 60),
    "vectors of new items": ("features", ("f.npz",), lambda f: read_vectors(f / "f.npz", ITEMS), 40),
    "a table of new items": ("table", ("new.item",), lambda f: read_table(f / "new.item", {}), 40),
    "records of new items": ("table", ("new.jsonl",), lambda f: read_table(f / "new.jsonl", {}), 40),
    "images": ("images", ("a.png", "cells.txt"), locate, 120),
}


def test_there_are_two_thousand_cases() -> None:
    assert sum(count for *_, count in READERS.values()) >= 2000


@pytest.mark.parametrize("name", READERS)
def test_a_changed_file_is_read_or_refused(
    name: str, sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    source, files, load, count = READERS[name]
    if name == "images":
        pytest.importorskip("PIL")
    monkeypatch.setattr(sys, "argv", ["program"])
    monkeypatch.chdir(tmp_path)
    folder = Path(shutil.copytree(sound / source, tmp_path / "read"))
    (folder / "cells.txt").write_text("a.png\n../a.png\nhttp://127.0.0.1:9/a.png\n")
    assert passes_or_says_why(folder, lambda: load(folder), f"{name}, sound: ")
    luck = random.Random(name)
    refused, cases = 0, int(count * TIMES)
    with bounded_memory():
        for case in range(cases):
            path = folder / luck.choice(files)
            before = {file: file.read_bytes() for file in (path, folder / DESCRIPTION) if file.is_file()}
            change(path, luck)
            if source == "bundle":
                with suppress(ValueError):  # it may be no JSON any more
                    sign_bundle(folder)
            refused += not passes_or_says_why(folder, lambda: load(folder), f"{name}, case {case}, {path.name}: ")
            for file, content in before.items():
                file.write_bytes(content)
        caplog.clear()
    assert refused > cases // 10 or name == "images"  # or else the changes are none; a broken image is missing
