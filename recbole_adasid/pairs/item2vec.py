"""item2vec by factorisation: items used in similar contexts (arXiv 1603.04259).

Skip-gram with negative sampling implicitly factorises the matrix of shifted pointwise mutual information (Levy and
Goldberg, 2014). A truncated SVD of its positive part does so in one deterministic step, without training.

Letters: I interactions, N items, d width.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from recbole_adasid.pairs.cooccurrence import cooccurrence_counts
from recbole_adasid.pairs.item_pairs import ItemPairs, blocks, sorted_pairs

# Negative samples are drawn by frequency to the power of this, as in word2vec.
_CONTEXT_POWER = 0.75
# A cosine up to this is 0 except for rounding.
_NOTHING = 1e-6


def item2vec_pairs(
    users: ArrayLike,
    items: ArrayLike,
    n_items: int,
    *,
    width: int = 128,
    negatives: int = 5,
    window: int | None = None,
    top_k: int = 50,
    max_user_items: int | None = 1000,
) -> ItemPairs:
    """Pair each item with its `top_k` nearest items by cosine of item vectors, which is the weight; above 0 only.

    Pass *training* interactions only, each user's in chronological order. Pairs are ordered by trigger, then weight
    (descending), then target. An item that co-occurs with no other more often than chance has none.

    Args:
        users: [I].
        items: item rows 0 … N−1, [I].
        n_items: N.
        width: d, columns of the item vectors.
        negatives: k, negative samples per positive one: the shift is log k.
        window: see :func:`~recbole_adasid.pairs.cooccurrence.cooccurrence_pairs`, as for `max_user_items`.
        top_k: targets kept per trigger (ties: the smaller row).

    Raises:
        ValueError: if users and items differ in number or an item row is outside 0 … N−1.
    """
    upper, _ = cooccurrence_counts(users, items, n_items, window=window, max_user_items=max_user_items)
    information = shifted_information((upper + upper.T).tocoo(), negatives)
    if not information.nnz:
        nothing = np.zeros(0)
        return sorted_pairs(nothing, nothing, nothing, None)
    return _nearest(of_unit_length(left_factor(information, width)), top_k)


def shifted_information(counts: sparse.coo_matrix, negatives: int) -> sparse.csr_matrix:
    """Return max(0, PMI(i,j) − log k) of symmetric `counts` [N, N], P(j) smoothed with the power 0.75."""
    totals = np.asarray(counts.sum(axis=1)).ravel()
    context = totals**_CONTEXT_POWER
    context /= max(context.sum(), 1e-300)
    shifted = np.log(counts.data / totals[counts.row] / context[counts.col]) - np.log(negatives)
    kept = shifted > 0
    return sparse.csr_matrix((shifted[kept], (counts.row[kept], counts.col[kept])), shape=counts.shape)


def left_factor(information: sparse.csr_matrix, width: int) -> NDArray[np.float64]:
    """Return U √Σ [N, d] of the truncated SVD U Σ Vᵀ of the information [N, N]; rows without information are 0.

    The solver starts from fixed numbers and each column's sign is normalised, so the result is deterministic.
    """
    from sklearn.utils.extmath import randomized_svd

    left, values, _ = randomized_svd(
        information, n_components=min(width, information.shape[0]), n_iter=7, random_state=0
    )
    vectors = left * np.sqrt(values)
    vectors[np.diff(information.indptr) == 0] = 0  # only rounding errors
    return vectors


def of_unit_length(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return vectors [N, d] of length 1, or 0."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0)


def _nearest(vectors: NDArray[np.float64], top_k: int) -> ItemPairs:
    """Return the pairs of each unit vector [N, d] with the `top_k` greatest cosines above 0."""
    n_items, parts = len(vectors), []
    k = min(top_k, n_items)
    for rows in blocks(np.full(n_items, n_items)):
        cosine = (vectors[rows] @ vectors.T).astype(np.float32)
        cosine[np.arange(len(cosine)), np.arange(rows.start, rows.stop)] = 0  # the item itself
        smallest = np.partition(cosine, n_items - k, axis=1)[:, n_items - k, None]
        trigger, target = np.nonzero((cosine >= smallest) & (cosine > _NOTHING))
        parts.append((trigger + rows.start, target, cosine[trigger, target]))
    trigger, target, weight = (np.concatenate(part) for part in zip(*parts))
    return sorted_pairs(trigger, target, weight, top_k)
