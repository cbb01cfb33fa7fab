"""Files of every kind, changed at random and signed anew: each is read, or refused in a sentence of ours.

None ends in a traceback, leaves a file outside the folder that it is read in, or opens a connection. The environment
variable RECBOLE_ADASID_FUZZ multiplies the cases.
"""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import struct
import sys
import traceback
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

import recbole_adasid
from recbole_adasid.bundle import SIDBundle
from recbole_adasid.bundle.folder import DESCRIPTION, _digest
from recbole_adasid.features.image_encoders import PixelEncoder
from recbole_adasid.features.images import locate_images
from recbole_adasid.features.vectors import load_feature_file
from recbole_adasid.io.array_file import read_arrays
from recbole_adasid.io.digests import file_digest
from recbole_adasid.io.json_file import read_json
from recbole_adasid.io.tensor_file import read_tensors, write_tensors
from recbole_adasid.plugin.patches.quick_start import _tiger_file
from recbole_adasid.plugin.run import run
from recbole_adasid.run_folder.history import read_history
from recbole_adasid.serving.change_items import read_table, read_vectors
from recbole_adasid.serving.recommender import Recommender
from recbole_adasid.settings.reading import read_settings_files
from recbole_adasid.tokenizer.saved import load_tokenizer

PACKAGE = str(Path(recbole_adasid.__file__).parent)
TIMES = float(os.environ.get("RECBOLE_ADASID_FUZZ", "1"))
MEMORY = 4 << 30
"""Bytes that a case may ask for beyond what there was before."""
KINDS = {
    "model.safetensors": "tiger-model",
    "new-items.safetensors": "catalogue-changes",
    "features.safetensors": "item-features",
    "tokenizer.safetensors": "tokenizer",
    "sids.safetensors": "sid-bundle",
}

# --- what must not happen ---

_WATCHED: list[Any] = []
_SEEN: list[str] = []
_CONNECTING = ("socket.connect", "socket.getaddrinfo", "socket.bind", "subprocess.Popen", "os.system", "os.exec")
_WRITING = ("os.mkdir", "os.rename", "os.remove", "os.link", "os.symlink", "shutil.rmtree")


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    """Note what leaves the folder of a case."""
    if not _WATCHED or event not in ("open", *_CONNECTING, *_WRITING):
        return
    if event in _CONNECTING:
        _SEEN.append(f"{event} {arguments}")
        return
    if event == "open" and (
        not isinstance(arguments[0], (str, bytes, os.PathLike))
        or not (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    ):
        return
    path = os.path.realpath(os.fsdecode(arguments[0]))
    if not path.startswith(_WATCHED[0]) and not path.startswith(os.devnull):
        _SEEN.append(f"{event} {path}")


sys.addaudithook(_watch)


@contextmanager
def bounded_memory() -> Iterator[None]:
    """Let a large allocation fail, where the system knows how."""
    resource = pytest.importorskip("resource")
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if Path("/proc/self/statm").exists() else 1 << 40
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def passes_or_says_why(folder: Path, load: Callable[[], Any], case: str) -> bool:
    """Return whether a file was read, after checking that it was refused in one sentence of ours if not."""
    _SEEN.clear()
    _WATCHED.append(os.path.realpath(folder))
    try:
        load()
        return True
    except (ValueError, FileNotFoundError) as error:
        raised_by = traceback.extract_tb(error.__traceback__)[-1]
        where = case + "".join(traceback.format_exception(type(error), error, error.__traceback__))
        assert raised_by.filename.startswith(PACKAGE), where
        assert len(str(error)) > 20 and "\n" not in str(error).strip(), where
        return False
    except Exception as error:
        raise AssertionError(
            case + "".join(traceback.format_exception(type(error), error, error.__traceback__))
        ) from None
    finally:
        _WATCHED.clear()
        assert not _SEEN, f"{case}: {_SEEN}"


# --- changes ---

DEEP: Any = 0
for _ in range(300):
    DEEP = [DEEP]
VALUES: list[Any] = [
    *(None, True, False, 0, 1, -1, 2, 7, 2**31, -(2**63), 10**12, 10**30, 0.5, -0.0, 1e308, float("nan"), float("inf")),
    *("", "x", "../../x", "/etc/passwd", "\0", "\ud800", "a\nb", "0", "http://127.0.0.1:9/x", "1e9", "x" * 5000),
    *([], {}, [[]], [0], [-1], ["a"], {"a": 1}, [10**12] * 3, {"__enum__": ["__builtins__", "exec"]}, DEEP),
    *({"__tuple__": 3}, {"__enum__": 1}, [1.5, "a", None], [True] * 4),
]


def places(value: Any, depth: int = 0) -> Iterator[tuple[Any, Any]]:
    """Yield every container below a value, and the keys of its entries."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, entry in list(entries):
        yield value, key
        if depth < 6:
            yield from places(entry, depth + 1)


def changed(value: Any, luck: random.Random) -> Any:
    """Return plain values of which one is replaced, removed, doubled, renamed or exchanged with another."""
    found = list(places(value))
    if not found or luck.random() < 0.02:
        return luck.choice(VALUES)
    container, key = luck.choice(found)
    how = luck.randrange(8)
    if how < 5:
        container[key] = luck.choice(VALUES)
    elif how == 5:
        del container[key]
    elif how == 6 and isinstance(container, list):
        container.insert(key, container[key])
    elif how == 6:
        container[luck.choice(["x", "", "model", "../x"])] = container.pop(key)
    else:
        other, place = luck.choice(found)
        container[key] = json.loads(json.dumps(other[place])) if place in other or isinstance(other, list) else 0
    return value


def changed_bytes(data: bytes, luck: random.Random) -> bytes:
    """Return a content with some bytes replaced, inserted or cut."""
    pieces = [
        b"",
        b"\0",
        b"\xff",
        b"\n",
        b"\t",
        b'"',
        b"{",
        b"]",
        b"-1",
        b"9" * 12,
        b"1e999",
        b"nan",
        b"\xed\xa0\x80",
        b"\\",
    ]
    for _ in range(luck.choice([1, 1, 2, 4])):
        start = luck.randrange(len(data) + 1)
        data = data[:start] + luck.choice(pieces) + data[start + luck.choice([0, 1, 2, 9, 60]) :]
    return data


def changed_tensors(tensors: dict[str, torch.Tensor], luck: random.Random) -> dict[str, torch.Tensor]:
    """Return tensors of which one has other values, another shape, type or name, or is not there."""
    name = luck.choice(sorted(tensors))
    own, how = tensors[name].clone(), luck.randrange(8)
    if how == 0:
        del tensors[name]
        return tensors
    if how == 1:
        return {**{key: value for key, value in tensors.items() if key != name}, luck.choice(["x", "", "a/b/c"]): own}
    if how == 2:
        return {**tensors, name: own[: len(own) // 2] if own.ndim else own[None]}
    if how == 3:
        return {**tensors, name: own.to(luck.choice([torch.float64, torch.int8, torch.bool, torch.float16]))}
    if how == 4:
        return {**tensors, "optimizer/99/x/y": own}
    if own.numel():
        worst = [2**31 - 1, -1, 7] if not own.is_floating_point() else [float("nan"), float("inf"), 1e38, -1.0]
        own.view(-1)[luck.randrange(own.numel())] = luck.choice(worst) if own.dtype != torch.uint8 else 255
    return {**tensors, name: own}


def change(path: Path, luck: random.Random) -> None:
    """Change a file as somebody would who knows its format, and signs it."""
    if luck.random() < 0.1:
        path.write_bytes(changed_bytes(path.read_bytes(), luck))
    elif path.suffix == ".safetensors":
        tensors, about = read_tensors(path, KINDS[path.name])
        if about and luck.random() < 0.7:
            about = changed(about, luck)
        else:
            tensors = changed_tensors(tensors, luck)
        write_tensors(path, KINDS[path.name], tensors, about)
        if luck.random() < 0.1:
            _change_header(path, luck)
    elif path.suffix == ".json":
        path.write_text(json.dumps(changed(json.loads(path.read_text()), luck)), encoding="utf-8")
    elif path.suffix == ".yaml":
        path.write_text(yaml.safe_dump(changed(yaml.safe_load(path.read_text()), luck)), encoding="utf-8")
    elif path.suffix == ".npz":
        _change_archive(path, luck)
    else:
        path.write_bytes(changed_bytes(path.read_bytes(), luck))


def _change_header(path: Path, luck: random.Random) -> None:
    """Change what a safetensors file says of its tensors; its checksum is over what they are."""
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = changed(json.loads(data[8 : 8 + size]), luck)
    text = json.dumps(header).encode("utf-8", "surrogatepass")
    path.write_bytes(struct.pack("<Q", luck.choice([len(text), len(text), 10**12])) + text + data[8 + size :])


def _change_archive(path: Path, luck: random.Random) -> None:
    """Change what the arrays of an .npz state of themselves, or what they are."""
    with np.load(path) as stored:
        arrays = dict(stored)
    name = luck.choice(sorted(arrays))
    if luck.random() < 0.5:
        shapes = [(10**12,), (-1, 3), (5, 10**9), (), (0, 0), (2**40, 2**40)]
        kinds = ["<f4", "<U999999999", "|O", "<i8", "|V1000000"]
        header = {"descr": luck.choice(kinds), "fortran_order": False, "shape": luck.choice(shapes)}
        stream = io.BytesIO()
        np.lib.format.write_array_header_1_0(stream, header)
        with zipfile.ZipFile(path, "w", luck.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])) as archive:
            for key, array in arrays.items():
                whole = io.BytesIO()
                np.save(whole, array)
                archive.writestr(f"{key}.npy", stream.getvalue() + bytes(40) if key == name else whole.getvalue())
        return
    own = arrays[name]
    others: list[Any] = [
        own[:0],
        own[:1],
        own.astype("S"),
        np.zeros(3),
        np.array(1),
        own[..., None],
        np.full(5, np.nan),
    ]
    np.savez(path, **{**arrays, name: luck.choice(others)})


def sign_bundle(folder: Path) -> None:
    """Let a bundle's description have the checksums that its files now have."""
    with_digest = read_json(folder / DESCRIPTION)
    with_digest.pop("digest", None)
    if isinstance(with_digest.get("files"), dict):
        with_digest["files"] = {
            name: file_digest(folder / name) for name in with_digest["files"] if (folder / name).is_file()
        }
    (folder / DESCRIPTION).write_text(json.dumps({**with_digest, "digest": _digest(with_digest)}), encoding="utf-8")


# --- sound files ---

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


# --- readers ---


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
    refused = 0
    with bounded_memory():
        for case in range(int(count * TIMES)):
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
    assert refused > count // 10 or name == "images"  # or else the changes are none; a broken image is missing
