from __future__ import annotations

from pathlib import Path

import pytest
import torch

from recbole_adasid.data.item_labels import ItemLabel
from recbole_adasid.io.tensor_file import DamagedFile, MismatchedFile, write_tensors
from recbole_adasid.run_folder.catalogue_log import KIND, CatalogueChanges, read_changes, write_changes


def test_changes_are_read_as_they_were_written(tmp_path: Path) -> None:
    sids = torch.tensor([[1, 2, 0], [3, 4, 1]])
    changes = CatalogueChanges(["ü", "b"], sids, [ItemLabel("Über", "x"), ItemLabel()], frozenset({"b", "old"}), ["{}"])
    write_changes(tmp_path / "file", changes, "digest")
    found = read_changes(tmp_path / "file", "digest", 3)
    assert (found.tokens, found.labels, found.removed) == (changes.tokens, changes.labels, changes.removed)
    assert torch.equal(found.sids, sids) and found.to_log == ["{}"]


@pytest.mark.parametrize("label", [ItemLabel("red\0thing"), ItemLabel("x", 7), ItemLabel("\ud800")])  # type: ignore[arg-type]
def test_what_could_not_be_read_again_is_not_written(label: ItemLabel, tmp_path: Path) -> None:
    changes = CatalogueChanges(["a"], torch.tensor([[1, 2]]), [label])
    with pytest.raises(ValueError, match=r"could not be read back: the change.labels\[0\]\[[01]\] is "):
        write_changes(tmp_path / "file", changes, "digest")
    assert not (tmp_path / "file").exists()


def test_no_file_means_no_changes(tmp_path: Path) -> None:
    found = read_changes(tmp_path / "file", "digest", 3)
    assert found.sids.shape == (0, 3) and not found.tokens and not found.removed


def test_changes_of_another_catalogue_or_of_another_shape_are_refused(tmp_path: Path) -> None:
    write_changes(tmp_path / "file", CatalogueChanges(["a"], torch.tensor([[1, 2]]), [ItemLabel()]), "digest")
    with pytest.raises(MismatchedFile, match="another run's catalogue"):
        read_changes(tmp_path / "file", "other", 2)
    with pytest.raises(DamagedFile, match=r"shape \[1, 2\] for 1 items"):
        read_changes(tmp_path / "file", "digest", 3)


def test_a_file_of_before_with_its_texts_as_metadata_is_read(tmp_path: Path) -> None:
    about = {"catalogue": "digest", "tokens": ["ü"], "labels": [["Über", "x"]], "removed": ["old"], "to_log": ["{}"]}
    write_tensors(tmp_path / "file", KIND, {"sids": torch.tensor([[1, 2]])}, about)
    found = read_changes(tmp_path / "file", "digest", 2)
    assert (found.tokens, found.labels, found.removed) == (["ü"], [ItemLabel("Über", "x")], {"old"})
    assert found.to_log == ["{}"] and found.sids.tolist() == [[1, 2]]


def test_the_size_of_the_header_does_not_grow_with_the_items(tmp_path: Path) -> None:
    labels = [ItemLabel("書" * 100, "x")] * 500
    changes = CatalogueChanges([str(row) for row in range(500)], torch.zeros(500, 2, dtype=torch.int64), labels)
    write_changes(tmp_path / "file", changes, "digest")
    assert int.from_bytes((tmp_path / "file").read_bytes()[:8], "little") < 1000  # safetensors refuses 100 MB
    assert read_changes(tmp_path / "file", "digest", 2).labels == labels


@pytest.mark.parametrize(
    "packed",
    [
        *(
            torch.frombuffer(bytearray(text), dtype=torch.uint8)
            for text in (b"{", b"[1]", b"\xff", b'"\\ud800"', b"{}")
        ),
        *(torch.zeros(0, dtype=torch.uint8), torch.tensor(7), torch.ones(3, dtype=torch.bfloat16)),
    ],
)
def test_texts_that_are_no_json_of_items_are_refused(packed: torch.Tensor, tmp_path: Path) -> None:
    tensors = {"sids": torch.empty(0, 2, dtype=torch.int64), "texts": packed}
    write_tensors(tmp_path / "file", KIND, tensors, {"catalogue": "digest"})
    with pytest.raises(DamagedFile, match="in `texts`|its metadata lacks tokens"):
        read_changes(tmp_path / "file", "digest", 2)


def test_a_file_of_before_has_nothing_to_log_and_what_is_no_line_of_text_is_refused(tmp_path: Path) -> None:
    about = {"catalogue": "digest", "tokens": [], "labels": [], "removed": []}
    sids = {"sids": torch.empty(0, 2, dtype=torch.int64)}
    write_tensors(tmp_path / "file", KIND, sids, about)
    assert read_changes(tmp_path / "file", "digest", 2).to_log == []
    for forged in ("line", [1], ["two\nlines"], None):
        write_tensors(tmp_path / "file", KIND, sids, {**about, "to_log": forged})
        with pytest.raises(DamagedFile, match="to_log|log entries of more than one line"):
            read_changes(tmp_path / "file", "digest", 2)
