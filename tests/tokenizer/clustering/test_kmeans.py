"""k-means and RQ-KMeans."""

from __future__ import annotations

import pytest
import torch
from sklearn.cluster import KMeans

from recbole_adasid.tokenizer.clustering.kmeans import PULLS, SPLIT, _plus_plus_seeds, _pulled, kmeans, refine
from recbole_adasid.tokenizer.clustering.rq_kmeans import RQKMeansTokenizer
from recbole_adasid.tokenizer.nearest import nearest_codeword
from recbole_adasid.tokenizer.quality import sid_quality
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


def embeddings(n_points: int = 3000, width: int = 256) -> torch.Tensor:
    """Vectors like those of texts: some directions matter more than others, and all columns have noise."""
    structure = torch.randn(n_points, width, generator=generator(1)) * torch.logspace(0, -1.5, width)
    return structure @ torch.linalg.qr(torch.randn(width, width, generator=generator(2)))[0]


@pytest.mark.parametrize("seed", range(3))
def test_every_level_s_codewords_are_used_more_evenly_than_those_of_faiss_with_no_more_error(seed):
    faiss = pytest.importorskip("faiss")
    ours = theirs = embeddings()
    for _level in range(3):
        peer = faiss.Kmeans(ours.shape[1], 64, niter=50, seed=seed, min_points_per_centroid=1)
        peer.train(theirs.numpy())
        centroids = kmeans(ours, 64, iterations=50, generator=generator(seed)), torch.from_numpy(peer.centroids)
        codes = [nearest_codeword(points, found) for points, found in zip((ours, theirs), centroids)]
        ours, theirs = (points - found[code] for points, found, code in zip((ours, theirs), centroids, codes))
        perplexity, peer_perplexity = (sid_quality(code[:, None].numpy(), [64])["min_perplexity"] for code in codes)
        assert ours.square().sum() <= 1.003 * theirs.square().sum()
        assert perplexity > peer_perplexity and perplexity > 0.9 * 64


def test_seeds_are_pulled_inwards_only_where_that_represents_the_points_better():
    centres = torch.randn(10, 3, generator=generator(1)).mul_(10)
    clusters = centres.repeat(20, 1) + 0.01 * torch.randn(200, 3, generator=generator(2))
    # Clusters that are far apart keep the seeds of k-means++: no two centroids share one.
    assert inertia(clusters, kmeans(clusters, 10, iterations=0, generator=generator())) < 200 * 3 * 0.04**2
    points = embeddings()
    seeds = kmeans(points, 64, iterations=0, generator=generator())
    from_mean = (seeds - points.mean(0)).norm(dim=1).mean() / (points - points.mean(0)).norm(dim=1).mean()
    assert from_mean < 0.5 * max(PULLS)


@pytest.mark.parametrize("factor", [2.0**-10, 2.0**10])
def test_the_scale_of_the_points_scales_the_centroids_and_changes_nothing_else(factor):
    points = embeddings()[:300]
    centroids, scaled = (kmeans(p, 40, iterations=20, generator=generator()) for p in (points, points * factor))
    torch.testing.assert_close(scaled / factor, centroids)


@pytest.mark.parametrize("columns", [slice(None), slice(2, 3)])
def test_points_far_from_0_are_clustered_as_well_as_others(columns):
    points = embeddings(600, 16)
    far = points.clone()
    far[:, columns] += 1e4
    errors = [inertia(p, kmeans(p, 40, iterations=20, generator=generator())) for p in (points, far)]
    assert errors[1] == pytest.approx(errors[0], rel=0.03)


def test_centroids_without_points_go_beside_crowded_ones_and_leave_outliers_alone():
    crowd = torch.randn(500, 4, generator=generator(1))
    points = torch.cat([crowd, torch.full((1, 4), 50.0), torch.full((1, 4), -60.0)])
    unused = torch.full((6, 4), 1e4) + torch.arange(6)[:, None]
    centroids = torch.cat([torch.zeros(1, 4), unused])
    moved = refine(points, centroids, generator=generator())
    middle = points.mean(0)
    assert (moved - middle).norm(dim=1).max() < 1
    assert len(moved.unique(dim=0)) == len(moved)
    for _ in range(5):
        moved = refine(points, moved, generator=generator())
    sizes = nearest_codeword(points, moved).bincount(minlength=7)
    assert (sizes > 30).sum() >= 4


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


def squared_distance(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a.double() - b.double()).square().sum())


@pytest.mark.parametrize("n_points", [40, 500])
def test_seeds_are_drawn_by_their_squared_distance_from_those_before(n_points):
    """Of 500 points a sample of 64 a centroid is asked, here 192."""
    points = torch.randn(n_points, 4, generator=generator(1)) + 3
    random = generator(5)
    rows = torch.randperm(n_points, generator=random)[:192].tolist()
    literal = [rows[0]]
    for _ in range(2):
        weights = [min(squared_distance(points[row], points[seed]) for seed in literal) for row in rows]
        literal.append(rows[int(torch.multinomial(torch.tensor(weights, dtype=torch.float64), 1, generator=random))])
    assert _plus_plus_seeds(points, 3, generator(5)).tolist() == literal and len(set(literal)) == 3


def test_seeds_start_where_those_that_are_none_are_represented_best():
    for points, seeds in ((embeddings(200, 64), torch.arange(20)), (torch.eye(3).repeat(9, 1), torch.arange(3))):
        errors = []
        starts = [points.mean(0) + pull * (points[seeds] - points.mean(0)) for pull in PULLS]
        for start in starts:
            errors.append(sum(min(squared_distance(one, seed) for seed in start) for one in points[len(seeds) :]))
        expected = starts[errors.index(min(errors))]
        torch.testing.assert_close(_pulled(points, seeds), expected)


def test_a_step_puts_centroids_on_means_and_those_without_points_beside_crowded_ones():
    points = torch.cat([torch.randn(9, 3, generator=generator(1)), torch.full((2, 3), 9.0) + torch.eye(2, 3)])
    centroids = torch.cat([torch.zeros(1, 3), torch.full((1, 3), 9.0), torch.full((20, 3), 1e3)])
    assignment = nearest_codeword(points, centroids)
    members = [points[assignment == k] for k in range(2)]
    assert [len(part) for part in members] == [9, 2]  # which could give away 8 and 1
    random = generator(3)
    sizes = torch.tensor([len(members[0]) - 1, len(members[1]) - 1] + [0] * 20, dtype=torch.float64)
    chosen = torch.multinomial(sizes, 20, replacement=True, generator=random).tolist()
    signs = 2 * torch.randint(2, (20, 3), generator=random) - 1
    expected = [part.mean(0) for part in members]
    for k, sign in zip(chosen, signs):
        spread = (members[k] - members[k].mean(0)).square().mean().sqrt()
        expected.append(members[k].mean(0) + SPLIT * spread * sign)
    found = refine(points, centroids, generator=generator(3))
    torch.testing.assert_close(found, torch.stack(expected))


def test_a_centroid_without_points_stays_where_no_other_has_two():
    points, centroids = torch.tensor([[0.0], [5.0]]), torch.tensor([[1.0], [4.0], [100.0]])
    assert refine(points, centroids, generator=generator()).tolist() == [[0.0], [5.0], [100.0]]


def test_iterations_are_as_many_as_asked_for_unless_nothing_moves():
    points = torch.randn(300, 2, generator=generator(1))
    found = [kmeans(points, 9, iterations=n, generator=generator()) for n in (0, 1, 2, 300, 301)]
    assert not found[0].equal(found[1]) and not found[1].equal(found[2]) and found[3].equal(found[4])
    again = refine(points, found[0], generator=generator())
    torch.testing.assert_close(again, found[1])
