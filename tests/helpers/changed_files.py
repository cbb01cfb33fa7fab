"""Files changed at random by an attacker who knows their format and recomputes their checksums."""

from __future__ import annotations

import io
import json
import random
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from recbole_adasid.bundle.folder import DESCRIPTION, _digest
from recbole_adasid.io.digests import file_digest
from recbole_adasid.io.json_file import read_json
from recbole_adasid.io.tensor_file import read_tensors, write_tensors

KINDS = {
    "model.safetensors": "tiger-model",
    "new-items.safetensors": "catalogue-changes",
    "features.safetensors": "item-features",
    "tokenizer.safetensors": "tokenizer",
    "sids.safetensors": "sid-bundle",
}

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
    """Return plain values, with one of them replaced, removed, duplicated, renamed or swapped."""
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
    """Return the content with some bytes replaced, inserted or cut."""
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
    """Return tensors, one of which has other values, shape, type or name, or is missing."""
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
    """Change a file like an attacker who knows its format, and recompute its checksum."""
    if luck.random() < 0.1:
        path.write_bytes(changed_bytes(path.read_bytes(), luck))
    elif path.suffix == ".safetensors":
        tensors, about = read_tensors(path, KINDS[path.name])
        if "texts" in tensors and luck.random() < 0.7:  # as older files have them
            about |= json.loads(tensors.pop("texts").numpy().tobytes())
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
    """Change the header of a safetensors file; its checksum only covers the tensors."""
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = changed(json.loads(data[8 : 8 + size]), luck)
    text = json.dumps(header).encode("utf-8", "surrogatepass")
    path.write_bytes(struct.pack("<Q", luck.choice([len(text), len(text), 10**12])) + text + data[8 + size :])


def _change_archive(path: Path, luck: random.Random) -> None:
    """Change the headers or the data of the arrays in an .npz."""
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
    """Update the checksums in a bundle's description."""
    with_digest = read_json(folder / DESCRIPTION)
    with_digest.pop("digest", None)
    if isinstance(with_digest.get("files"), dict):
        with_digest["files"] = {
            name: file_digest(folder / name) for name in with_digest["files"] if (folder / name).is_file()
        }
    (folder / DESCRIPTION).write_text(json.dumps({**with_digest, "digest": _digest(with_digest)}), encoding="utf-8")
