"""k-means and RQ-KMeans."""

from __future__ import annotations

import pytest
import torch
from sklearn.cluster import KMeans

from recbole_adasid.tokenizer.kmeans import kmeans
from recbole_adasid.tokenizer.nearest import nearest_codeword
from recbole_adasid.tokenizer.rq_kmeans import RQKMeansTokenizer
from recbole_adasid.tokenizer.scaling import FeatureScaler


def inertia(points, centroids):
    return float((points - centroids[nearest_codeword(points, centroids)]).square().sum())


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_kmeans_is_as_good_as_scikit_learn():
    points = torch.randn(600, 8, generator=generator(1))
    ours = inertia(points, kmeans(points, 12, iterations=100, generator=generator()))
    theirs = KMeans(12, n_init=1, random_state=0).fit(points.numpy()).inertia_
    assert ours < 1.03 * theirs


def test_centroids_are_the_means_of_their_points():
    points = torch.randn(200, 3, generator=generator(1))
    centroids = kmeans(points, 5, iterations=300, generator=generator())
    assignment = nearest_codeword(points, centroids)
    for k in range(5):
        torch.testing.assert_close(centroids[k], points[assignment == k].mean(dim=0), rtol=1e-4, atol=1e-5)


def test_same_seed_gives_the_same_centroids():
    points = torch.randn(100, 3, generator=generator(1))
    first, second = (kmeans(points, 8, iterations=10, generator=generator(7)) for _ in range(2))
    assert torch.equal(first, second)


def test_more_centroids_than_points_represents_every_point():
    points = torch.randn(6, 3, generator=generator(1))
    assert inertia(points, kmeans(points, 10, iterations=10, generator=generator())) < 1e-8


def test_identical_points_are_no_obstacle():
    centroids = kmeans(torch.ones(20, 3), 4, iterations=10, generator=generator())
    torch.testing.assert_close(centroids, torch.ones(4, 3))


@pytest.mark.parametrize(
    ("points", "message"), [(torch.empty(0, 3), "no points"), (torch.full((5, 3), float("nan")), "NaN or infinite")]
)
def test_points_that_cannot_be_clustered_are_refused(points, message):
    with pytest.raises(ValueError, match=message):
        kmeans(points, 2, iterations=5, generator=generator())


def test_rq_kmeans_codes_what_the_levels_before_left_over():
    features = torch.randn(300, 6, generator=generator(1))
    tokenizer = RQKMeansTokenizer(
        scaler=FeatureScaler(width=6, mode="none"), width=6, codebook_sizes=[8, 4, 4], iterations=100, seed=0
    )
    tokenizer.fit(features, None)
    residual, codes, errors = features, tokenizer.encode(features), [float(features.square().sum())]
    for level, codebook in enumerate(tokenizer.codebooks):
        distances = torch.cdist(residual, codebook)
        chosen = distances.gather(1, codes[:, level : level + 1]).squeeze(1)
        torch.testing.assert_close(chosen, distances.min(dim=1).values, rtol=1e-4, atol=1e-4)
        # each codebook is a k-means of the residuals it codes: its codewords are their means
        for k in range(len(codebook)):
            torch.testing.assert_close(codebook[k], residual[codes[:, level] == k].mean(0), rtol=0.05, atol=0.05)
        residual = residual - codebook[codes[:, level]]
        errors.append(float(residual.square().sum()))
    assert errors == sorted(errors, reverse=True)
    assert tokenizer.codebook_sizes == [8, 4, 4]
