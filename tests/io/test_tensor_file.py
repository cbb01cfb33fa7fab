from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch

from recbole_adasid.io.tensor_file import DamagedFile, MismatchedFile, below, check_fit, read_tensors, write_tensors

TENSORS = {
    "weights": torch.randn(3, 4, generator=torch.Generator().manual_seed(0)),
    "turned": torch.arange(6).reshape(2, 3).t(),
    "half": torch.tensor([1.5], dtype=torch.bfloat16),
    "number": torch.tensor(7.0),
    "nothing": torch.empty(0, 2),
}
ABOUT = {"step": 3, "rate": 0.1 + 0.2, "names": ["a", "ü"], "none": None}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_tensors(tmp_path / "new" / "file.safetensors", "thing", TENSORS, ABOUT)
    return tmp_path / "new" / "file.safetensors"


def test_tensors_and_values_come_back_as_they_were(path: Path) -> None:
    tensors, about = read_tensors(path, "thing")
    assert about == ABOUT and tensors.keys() == TENSORS.keys()
    for name, value in TENSORS.items():
        assert tensors[name].dtype == value.dtype and tensors[name].equal(value)
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_others_may_read_it_as_they_may_other_new_files(umask: int, tmp_path: Path) -> None:
    former = os.umask(umask)
    try:
        write_tensors(tmp_path / "file.safetensors", "thing", TENSORS, ABOUT)
    finally:
        os.umask(former)
    assert (tmp_path / "file.safetensors").stat().st_mode & 0o777 == 0o666 & ~umask


def test_a_failed_write_leaves_the_old_file_alone(path: Path) -> None:
    with pytest.raises(TypeError):
        write_tensors(path, "thing", TENSORS, {"not": object()})
    assert read_tensors(path, "thing")[1] == ABOUT


@pytest.mark.parametrize("cut", [0, 5, 100, -1])
def test_a_truncated_file_is_refused(path: Path, cut: int) -> None:
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DamagedFile, match="truncated"):
        read_tensors(path, "thing")


def test_a_changed_file_is_refused(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedFile, match="checksum"):
        read_tensors(path, "thing")


def test_a_file_of_another_kind_or_version_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DamagedFile, match="'thing', expected 'other'"):
        read_tensors(path, "other")
    monkeypatch.setattr("recbole_adasid.io.tensor_file.FORMAT_VERSION", 2)
    with pytest.raises(DamagedFile, match="format 1, this version reads 2"):
        read_tensors(path, "thing")


def test_a_pickle_is_refused_and_not_executed(tmp_path: Path) -> None:
    class Malicious:
        def __reduce__(self) -> tuple[object, tuple[Path]]:
            return Path.touch, (tmp_path / "executed",)

    torch.save({"x": Malicious()}, tmp_path / "evil.safetensors")
    with pytest.raises(DamagedFile):
        read_tensors(tmp_path / "evil.safetensors", "thing")
    assert not (tmp_path / "executed").exists()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.safetensors"):
        read_tensors(tmp_path / "nowhere.safetensors", "thing")


@pytest.mark.parametrize(
    ("stored", "reason"),
    [
        ({"a": torch.zeros(2)}, "lacks the tensor b/c"),
        ({"a": torch.zeros(2), "b/c": torch.zeros(1), "d": torch.zeros(1)}, "has an unexpected tensor d"),
        ({"a": torch.zeros(3), "b/c": torch.zeros(1)}, r"has a as float32 \[3\], expected float32 \[2\]"),
        ({"a": torch.zeros(2).int(), "b/c": torch.zeros(1)}, r"has a as int32 \[2\], expected float32 \[2\]"),
    ],
)
def test_the_first_tensor_that_does_not_fit_is_named(stored: dict[str, torch.Tensor], reason: str) -> None:
    expected = {"a": torch.ones(2), "b/c": torch.ones(1)}
    check_fit(Path("file"), dict(reversed(expected.items())), expected)
    with pytest.raises(MismatchedFile, match=f"^file {reason}$"):
        check_fit(Path("file"), stored, expected)


def test_entries_below_a_prefix_lose_it() -> None:
    assert below("a", {"a/b/c": 1, "ab/c": 2, "a/d": 3}) == {"b/c": 1, "d": 3}


def test_what_a_file_quotes_stays_in_one_line(tmp_path: Path) -> None:
    header = json.dumps({"x": {"dtype": "a\nb", "shape": [1], "data_offsets": [0, 4]}}).encode()
    path = tmp_path / "file.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    with pytest.raises(DamagedFile, match="truncated or not a safetensors file") as refusal:
        read_tensors(path, "thing")
    assert "\n" not in str(refusal.value)
