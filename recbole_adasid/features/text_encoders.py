"""Text encoders: item texts in, one vector per item out.

Letters: N items, d width.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.io.extras import imports_for
from recbole_adasid.settings.errors import check_name
from recbole_adasid.settings.harmless import loading_pretrained

logger = logging.getLogger(__name__)

DEFAULT_MODEL = "sentence-transformers/sentence-t5-xxl"
_BATCH_SIZE = 32


class TfidfSvdEncoder:
    """Latent semantic analysis: TF-IDF weights reduced to `width` columns by a truncated SVD.

    Needs no download and no training beyond the texts themselves, and is deterministic in `seed`. An item without text
    gets the zero vector. Words and directions are those of the texts given to :meth:`encode`; :meth:`fitted` returns
    them, and :meth:`transform` maps further texts into the same space.
    """

    def __init__(self, *, width: int, seed: int) -> None:
        """Store the width d and the seed of the randomised SVD.

        Raises:
            ValueError: if the width is below 1.
        """
        if width < 1:
            raise ValueError(f"text_width is {width}: pass 1 or more columns.")
        self.width, self.seed = width, seed
        self._words: Any = None
        self._directions: Any = None

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors [N, d], d clipped (with a warning) to what N texts and their words can span.

        Raises:
            ValueError: if no text contains a word.
        """
        from sklearn.decomposition import TruncatedSVD
        from sklearn.feature_extraction.text import TfidfVectorizer

        self._words = TfidfVectorizer(**_TFIDF)
        try:
            weights = self._words.fit_transform(texts)
        except ValueError as error:
            raise ValueError(
                f"None of the {len(texts)} item texts contains a word: check text_fields, or use a feature file."
            ) from error
        width = min(self.width, *weights.shape)
        if width < self.width:
            logger.warning(
                "text_width=%d exceeds what %d texts of %d words can fill: using %d",
                self.width,
                *weights.shape,
                width,
            )
        if weights.shape[1] == 1:  # nothing for an SVD to reduce, and scikit-learn's refuses
            self._directions = np.ones((1, 1))
            return _unit_rows(weights.toarray())
        svd = TruncatedSVD(n_components=width, algorithm="randomized", random_state=self.seed)
        vectors = svd.fit_transform(weights)
        self._directions = svd.components_
        return _unit_rows(vectors)

    def fitted(self) -> dict[str, NDArray[Any]]:
        """Return the state fitted by :meth:`encode`: words, their idf [V] and the directions [d, V]."""
        words = sorted(self._words.vocabulary_, key=self._words.vocabulary_.__getitem__)
        return {
            "words": np.frombuffer("\n".join(words).encode("utf-8"), dtype=np.uint8),
            "idf": self._words.idf_,
            "directions": self._directions.astype(np.float32),
        }

    def transform(self, texts: Sequence[str], fitted: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
        """Return the vectors [N, d] of further texts in a fitted space; unknown words are skipped.

        Raises:
            ValueError: if the fitted state is inconsistent.
        """
        from sklearn.feature_extraction.text import TfidfVectorizer

        words, idf, directions = _learnt_space(fitted)
        vectorizer = TfidfVectorizer(**_TFIDF, vocabulary=words)
        vectorizer.idf_ = idf
        weights = vectorizer.transform(texts)
        return _unit_rows(weights @ directions.T)


def _learnt_space(fitted: Mapping[str, NDArray[Any]]) -> tuple[list[str], NDArray, NDArray]:
    """Return the words [V], their idf [V] and the directions [d, V] of a fitted encoder.

    Raises:
        ValueError: if one is missing, not numeric or of the wrong length: they come from a file.
    """
    lacking = [name for name in ("words", "idf", "directions") if name not in fitted]
    if lacking:
        raise ValueError(f"the saved text encoder lacks {lacking[0]}: restore the run's features.safetensors")
    idf, directions = (np.asarray(fitted[name], dtype=np.float64) for name in ("idf", "directions"))
    try:
        words = bytes(np.asarray(fitted["words"], dtype=np.uint8)).decode("utf-8").split("\n")
    except UnicodeDecodeError:
        words = []
    fit = idf.shape == (len(words),) and directions.shape[1:] == (len(words),) and len(directions)
    if not fit or len(set(words)) < len(words) or not (np.isfinite(idf).all() and np.isfinite(directions).all()):
        raise ValueError(
            f"the saved text encoder is inconsistent: {len(words)} words, idf {list(idf.shape)}, "
            f"directions {list(directions.shape)}, or non-numeric: restore the run's features.safetensors"
        )
    return words, idf, directions


_TFIDF: dict[str, Any] = {"sublinear_tf": True, "dtype": np.float64}


def _unit_rows(vectors: Any) -> NDArray[np.float32]:
    from sklearn.preprocessing import normalize

    return np.ascontiguousarray(normalize(vectors), dtype=np.float32)


class SentenceTransformerEncoder:
    """Any sentence-transformers model, by name or folder; the paper's is Sentence-T5-XXL (768 columns).

    A text's vector depends on that text alone, so that texts can be encoded in chunks.
    """

    def __init__(self, *, name: str = DEFAULT_MODEL, bf16: bool = False) -> None:
        """Store the model's name, loaded on first use, and whether its matrix products run in bfloat16."""
        self.name, self.bf16 = name, bf16
        self._model: Any = None

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the model's own vectors, normalised: [N, d], with the model's d.

        Raises:
            ImportError: if sentence-transformers is not installed.
            ValueError: if there is no such model, or it cannot be downloaded.
        """
        import torch

        self._model = self._model or self._loaded()
        options = {"batch_size": _BATCH_SIZE, "normalize_embeddings": True, "convert_to_numpy": True}
        with torch.autocast(torch.device(_device()).type, dtype=torch.bfloat16, enabled=self.bf16):
            vectors = self._model.encode(list(texts), **options, show_progress_bar=False)
        return np.ascontiguousarray(vectors, dtype=np.float32)

    def _loaded(self) -> Any:
        with imports_for("text_encoder 'sentence-transformers'", "text", "set text_encoder to 'tfidf'"):
            from sentence_transformers import SentenceTransformer
        remedy = "name a folder or a downloadable model"
        with loading_pretrained(self.name, "text_encoder_model", remedy) as options:
            return SentenceTransformer(self.name, device=_device(), **options)


ENCODERS: dict[str, Callable[[int, str, int, bool], TfidfSvdEncoder | SentenceTransformerEncoder]] = {
    "tfidf": lambda width, model_name, seed, bf16: TfidfSvdEncoder(width=width, seed=seed),
    "sentence-transformers": lambda width, model_name, seed, bf16: SentenceTransformerEncoder(
        name=model_name, bf16=bf16
    ),
}


def build_encoder(
    *, encoder: str, width: int, model_name: str = DEFAULT_MODEL, seed: int = 0, bf16: bool = False
) -> TfidfSvdEncoder | SentenceTransformerEncoder:
    """Return the encoder with that name.

    `width` and `seed` apply to tfidf, `model_name` and `bf16` to sentence-transformers.

    Raises:
        ValueError: for an unknown encoder.
    """
    check_name("text_encoder", encoder, ENCODERS)
    return ENCODERS[encoder](width, model_name, seed, bf16)


def describe_encoder(
    *, encoder: str, width: int, model_name: str = DEFAULT_MODEL, seed: int = 0, bf16: bool = False
) -> dict[str, object]:
    """Return the settings that affect an encoder's vectors as plain values, for a fingerprint."""
    if encoder == "tfidf":
        return {"width": width, "seed": seed}
    return {"model": model_name, **({"bf16": True} if bf16 else {})}


def describe_encoding(texts: Sequence[str], *, encoder: str, **settings: Any) -> dict[str, object]:
    """Return everything that determines the vectors of some texts as plain values, for a fingerprint."""
    digest = hashlib.sha256("\0".join(texts).encode("utf-8")).hexdigest()
    acting = describe_encoder(encoder=encoder, **settings)
    return {"kind": "text", "encoder": encoder, "items": len(texts), "sha256": digest, **acting}


def can_use_bfloat16() -> bool:
    """Tell whether the encoders' device computes in bfloat16 fast."""
    import torch

    from recbole_adasid.compute.precision import has_bfloat16

    return has_bfloat16(torch.device(_device()))


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
