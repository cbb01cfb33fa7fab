"""Bad input on the command line: a valid dataset and settings, ways to spoil them, and the resulting error."""

from __future__ import annotations

import io
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
    **{"epochs": "1", "beam_size": "10", "show_progress": "false", "report": "false", "cache_dir": "~"},
}


class Given:
    """A folder with a valid dataset and settings, to be spoiled."""

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
    """Give item features in a file: its bytes, or arrays that replace valid ones."""

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


def refusal(spoil: Spoil, folder: Path, capfd: pytest.CaptureFixture[str]) -> str:
    """Spoil a valid job and return the last line of its error message, before any traceback."""
    given = Given(folder)
    spoil(given)
    assert given.run() == 2
    error = capfd.readouterr().err
    assert "Traceback" not in error
    return error.rstrip().splitlines()[-1]
