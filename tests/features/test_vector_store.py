from __future__ import annotations

import logging

import numpy as np
import pytest
import torch

from recbole_adasid.features import vector_store
from recbole_adasid.features.vector_store import KIND, VectorStore, content_digest
from recbole_adasid.io.tensor_file import write_tensors

TEXTS = ["ccc", "a", "bb", "a", "dddd"]


class Encoder:
    """Encodes a text as its length and first letter, and remembers what it was asked for."""

    def __init__(self, texts):
        self.texts, self.asked = texts, []

    def __call__(self, places):
        self.asked.append([self.texts[place] for place in places])
        return np.array([[len(self.texts[p]), ord(self.texts[p][0])] for p in places], dtype=np.float64)

    def vectors(self, store):
        return store.vectors([content_digest(t) for t in self.texts], self, sizes=[len(t) for t in self.texts])


def expected(texts):
    return [[len(text), ord(text[0])] for text in texts]


@pytest.fixture(autouse=True)
def small_portions(monkeypatch):
    monkeypatch.setattr(vector_store, "PORTION", 2)


def test_contents_are_encoded_once_the_largest_first_and_returned_in_order(tmp_path):
    encoder = Encoder(TEXTS)
    found = encoder.vectors(VectorStore(tmp_path, {"model": "x"}))
    assert found.tolist() == expected(TEXTS) and found.dtype == np.float32
    assert encoder.asked == [["dddd", "ccc"], ["bb", "a"]]


def test_new_items_cost_only_themselves(tmp_path):
    Encoder(TEXTS).vectors(VectorStore(tmp_path, {"model": "x"}))
    later = Encoder(["new", *TEXTS[::-1]])
    assert later.vectors(VectorStore(tmp_path, {"model": "x"})).tolist() == expected(later.texts)
    assert later.asked == [["new"]]


def test_another_encoder_shares_nothing(tmp_path):
    Encoder(TEXTS).vectors(VectorStore(tmp_path, {"model": "x"}))
    other = Encoder(TEXTS)
    other.vectors(VectorStore(tmp_path, {"model": "y"}))
    assert len(other.asked) == 2


def test_a_killed_call_loses_its_portion_alone(tmp_path):
    stopping = Encoder(TEXTS)

    def encode(places):
        if stopping.asked:
            raise KeyboardInterrupt
        return stopping(places)

    digests, sizes = [content_digest(text) for text in TEXTS], [len(text) for text in TEXTS]
    with pytest.raises(KeyboardInterrupt):
        VectorStore(tmp_path, {}).vectors(digests, encode, sizes=sizes)
    again = Encoder(TEXTS)
    assert again.vectors(VectorStore(tmp_path, {})).tolist() == expected(TEXTS)
    assert again.asked == [["bb", "a"]]


def test_a_damaged_portion_is_encoded_again_with_a_warning(tmp_path, caplog):
    Encoder(TEXTS).vectors(VectorStore(tmp_path, {}))
    damaged = sorted(tmp_path.rglob("*.safetensors"))[0]
    damaged.write_bytes(damaged.read_bytes()[:-3])
    again = Encoder(TEXTS)
    with caplog.at_level(logging.WARNING):
        assert again.vectors(VectorStore(tmp_path, {})).tolist() == expected(TEXTS)
    assert len(again.asked) == 1 and "Encoding the contents of" in caplog.text
    last = Encoder(TEXTS)
    last.vectors(VectorStore(tmp_path, {}))
    assert last.asked == []


def test_a_file_of_another_encoder_is_not_believed(tmp_path):
    first, second = VectorStore(tmp_path, {"model": "x"}), VectorStore(tmp_path, {"model": "y"})
    Encoder(TEXTS).vectors(first)
    second.folder.mkdir()
    for file in first.folder.glob("*.safetensors"):
        file.rename(second.folder / file.name)
    encoder = Encoder(TEXTS)
    encoder.vectors(second)
    assert len(encoder.asked) == 2


def test_without_a_folder_and_on_a_disk_that_takes_no_more_vectors_are_returned_all_the_same(tmp_path, caplog):
    assert Encoder(TEXTS).vectors(VectorStore(None, {})).tolist() == expected(TEXTS)
    (tmp_path / "file").write_text("")
    assert Encoder(TEXTS).vectors(VectorStore(tmp_path / "file", {})).tolist() == expected(TEXTS)
    assert "2 vectors could not be stored: cannot write" in caplog.text


def test_a_digest_tells_how_contents_are_divided():
    assert content_digest("ab", "c") != content_digest("a", "bc")
    assert content_digest("ab") == content_digest(b"ab")


class Reader(Encoder):
    """Cannot read some texts."""

    unreadable: tuple[str, ...] = ()

    def __call__(self, places):
        found = super().__call__(places)
        found[[self.texts[place] in self.unreadable for place in places]] = np.nan
        return found


def test_what_could_not_be_read_is_tried_again(tmp_path):
    store, reader = VectorStore(tmp_path, {"model": "x"}), Reader(TEXTS)
    reader.unreadable = ("a", "bb", "ccc")
    found = reader.vectors(store)
    assert np.isnan(found[[0, 1, 2, 3]]).all() and found[4].tolist() == expected(TEXTS)[4]
    assert len(list(store.folder.iterdir())) == 1  # nothing of the second portion, all NaN
    later = Reader(TEXTS)
    assert later.vectors(store).tolist() == expected(TEXTS) and later.asked == [["ccc", "bb"], ["a"]]


def test_stores_of_earlier_versions_that_hold_unreadable_contents_heal(tmp_path):
    store = VectorStore(tmp_path, {"model": "x"})
    digests = [content_digest(text) for text in TEXTS[:2]]
    vectors = torch.tensor([[float("nan")] * 2, [1.0, 97.0]])
    about = {"encoder": store.encoder, "digests": digests}
    write_tensors(store.folder / "old.safetensors", KIND, {"vectors": vectors}, about)
    later = Encoder(TEXTS[:2])
    assert later.vectors(store).tolist() == expected(TEXTS[:2]) and later.asked == [["ccc"]]
