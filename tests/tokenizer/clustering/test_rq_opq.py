"""k-means, OPQ and RQ-OPQ: against faiss, and round trips."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recbole_adasid.tokenizer.clustering.kmeans import kmeans, refine
from recbole_adasid.tokenizer.clustering.opq import balanced_axes, optimised_product_quantisation
from recbole_adasid.tokenizer.clustering.rq_kmeans import RQKMeansTokenizer
from recbole_adasid.tokenizer.clustering.rq_opq import RQOPQTokenizer
from recbole_adasid.tokenizer.nearest import nearest_codeword
from recbole_adasid.tokenizer.scaling import FeatureScaler

N, WIDTH = 3000, 8


@pytest.fixture(scope="module")
def points() -> torch.Tensor:
    """Columns of unequal variance, mixed, so that a rotation pays."""
    generator = torch.Generator().manual_seed(0)
    mixing = torch.linalg.qr(torch.randn(WIDTH, WIDTH, generator=generator))[0]
    spread = torch.tensor([4.0, 2.0, 1.5, 1.0, 0.5, 0.4, 0.2, 0.1])
    return torch.randn(N, WIDTH, generator=generator) * spread @ mixing + 1.0


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(1)


def opq_error(points: torch.Tensor, rotation: torch.Tensor, codebooks: list[torch.Tensor]) -> float:
    parts = (points @ rotation).split([len(book[0]) for book in codebooks], dim=1)
    coded = torch.cat([book[nearest_codeword(part, book)] for part, book in zip(parts, codebooks)], dim=1)
    return float((points - coded @ rotation.t()).square().sum(1).mean())


def test_kmeans_is_as_good_as_faiss(points):
    faiss = pytest.importorskip("faiss")
    peer = faiss.Kmeans(WIDTH, 32, niter=50, seed=1, nredo=3)
    peer.train(points.numpy())
    expected = peer.index.search(points.numpy(), 1)[0].mean()
    centroids = kmeans(points, 32, iterations=50, generator=generator())
    found = (points - centroids[nearest_codeword(points, centroids)]).square().sum(1).mean()
    assert found <= 1.01 * expected


def test_opq_distorts_no_more_than_faiss(points):
    faiss = pytest.importorskip("faiss")
    matrix = faiss.OPQMatrix(WIDTH, 2)
    matrix.train(points.numpy())
    turned = matrix.apply(points.numpy())
    product = faiss.ProductQuantizer(WIDTH, 2, 5)  # 32 codewords a subspace
    product.train(turned)
    expected = np.square(turned - product.decode(product.compute_codes(turned))).sum(1).mean()
    rotation, codebooks = optimised_product_quantisation(points, [32, 32], iterations=30, generator=generator())
    assert opq_error(points, rotation, codebooks) <= 1.01 * expected


def test_the_rotation_is_orthogonal_and_pays(points):
    rotation, codebooks = optimised_product_quantisation(points, [16, 16], iterations=20, generator=generator())
    torch.testing.assert_close(rotation @ rotation.t(), torch.eye(WIDTH), rtol=0, atol=1e-4)
    plain = [kmeans(part, 16, iterations=20, generator=generator()) for part in points.split(4, dim=1)]
    assert opq_error(points, rotation, codebooks) < 0.95 * opq_error(points, torch.eye(WIDTH), plain)


def test_rounds_of_opq_lower_the_distortion(points):
    errors = [
        opq_error(points, *optimised_product_quantisation(points, [16, 16], iterations=rounds, generator=generator()))
        for rounds in (1, 25)
    ]
    assert errors[1] < errors[0]


def test_a_lloyd_step_moves_centroids_to_the_means_of_their_points(points):
    centroids = points[:5].clone()
    assignment = nearest_codeword(points, centroids)
    expected = torch.stack([points[assignment == k].mean(0) for k in range(5)])
    torch.testing.assert_close(refine(points, centroids, generator=generator()), expected, rtol=1e-4, atol=1e-4)


def test_columns_that_do_not_divide_evenly_are_shared_out(points):
    _, codebooks = optimised_product_quantisation(points[:, :7], [4, 4, 4], iterations=3, generator=generator())
    assert [book.shape[1] for book in codebooks] == [3, 2, 2]


def energies(points: torch.Tensor, rotation: torch.Tensor, widths: list[int]) -> list[float]:
    return [float(part.square().sum()) for part in (points @ rotation).split(widths, dim=1)]


@pytest.mark.parametrize("factor", [1e-4, 1.0, 1000.0])
@pytest.mark.parametrize("n_subspaces", [2, 3])
def test_axes_are_dealt_out_so_that_subspaces_have_like_products_of_variances_at_any_scale(factor, n_subspaces):
    generator = torch.Generator().manual_seed(0)
    points = torch.randn(4000, 12, generator=generator) * torch.logspace(0, -2, 12)
    points -= points.mean(0)
    rotation, widths = balanced_axes(factor * points, n_subspaces)
    torch.testing.assert_close(rotation, balanced_axes(points, n_subspaces)[0], rtol=0, atol=1e-4)
    logs = (points @ rotation).square().mean(0).log().split(widths)
    # By the greatest of what is left to the subspace with the least so far, products differ by less than one axis.
    spread = max(float(part.sum()) for part in logs) - min(float(part.sum()) for part in logs)
    assert spread < float(torch.cat(logs).max() - torch.cat(logs).min())
    shares = energies(points, rotation, widths)
    assert max(shares) / sum(shares) < 0.75


@pytest.mark.parametrize("factor", [2.0**-12, 2.0**10])
def test_semantic_ids_do_not_depend_on_the_features_scale(points, factor):
    codes = []
    for features in (points, factor * points):
        tokenizer = RQOPQTokenizer(
            scaler=FeatureScaler(width=WIDTH, mode="none"),
            width=WIDTH,
            codebook_sizes=[8, 6, 4],
            n_subspaces=2,
            iterations=10,
            seed=0,
        )
        tokenizer.fit(features, None)
        codes.append(tokenizer.encode(features))
    assert (codes[0] == codes[1]).float().mean() > 0.999


@pytest.mark.parametrize("family", [RQKMeansTokenizer, RQOPQTokenizer])
def test_features_far_from_0_get_semantic_ids_as_good_as_others(points, family):
    more = {"n_subspaces": 2} if family is RQOPQTokenizer else {}
    errors = []
    for features in (points, points + 1e4):
        scaler = FeatureScaler(width=WIDTH, mode="none")
        tokenizer = family(scaler=scaler, width=WIDTH, codebook_sizes=[32, 16, 16], iterations=10, seed=0, **more)
        tokenizer.fit(features, None)
        errors.append(float((features - tokenizer.decode(tokenizer.encode(features))).square().mean()))
    assert errors[1] == pytest.approx(errors[0], rel=0.05)


@pytest.mark.parametrize("value", [0.0, 3.0])
def test_points_without_any_variance_are_no_obstacle(value):
    rotation, codebooks = optimised_product_quantisation(
        torch.full((20, 6), value), [2, 2], iterations=3, generator=generator()
    )
    assert rotation.isfinite().all() and all(book.isfinite().all() for book in codebooks)


def build(n_subspaces: int = 2) -> RQOPQTokenizer:
    return RQOPQTokenizer(
        scaler=FeatureScaler(width=WIDTH, mode="standardise"),
        width=WIDTH,
        codebook_sizes=[8, 6, 4],
        n_subspaces=n_subspaces,
        iterations=10,
        seed=0,
    )


@pytest.mark.parametrize("n_subspaces", [1, 2])
def test_more_levels_describe_the_features_better(points, n_subspaces):
    tokenizer = build(n_subspaces)
    tokenizer.fit(points, None)
    codes = tokenizer.encode(points)
    assert codes.max(0).values.tolist() == [7, 5, 3] and tokenizer.codebook_sizes == [8, 6, 4]
    first = RQKMeansTokenizer(
        scaler=FeatureScaler(width=WIDTH, mode="standardise"), width=WIDTH, codebook_sizes=[8], iterations=10, seed=0
    )
    first.fit(points, None)
    errors = [(points - t.decode(t.encode(points))).square().mean() for t in (first, tokenizer)]
    assert errors[1] < 0.8 * errors[0]


def test_levels_for_k_means_have_to_be_left(points):
    for n_subspaces in (0, 3):
        with pytest.raises(ValueError, match=f"one less than sid_length, 2, got {n_subspaces}"):
            build(n_subspaces)


def on_axes(logarithms: list[float]) -> torch.Tensor:
    """Points on the axes, whose variances have these logarithms."""
    lengths = torch.tensor(logarithms).div(2).exp() * len(logarithms) ** 0.5
    return torch.cat([torch.diag(lengths), -torch.diag(lengths)])


@pytest.mark.parametrize(
    ("logarithms", "subspaces"),
    [
        ([9.0, 1.0, 0.5, 0.0], [[0, 3], [1, 2]]),  # the second is full when it has the least product still
        # Each counts by its logarithm over the least plus 1: 4 against 2 + 1.5, so that the fourth joins these too.
        ([3.0, 1.0, 0.5, 0.2, 0.1, 0.0], [[0, 4, 5], [1, 2, 3]]),
    ],
)
def test_axes_are_dealt_out_by_the_least_product_with_room(logarithms, subspaces):
    for factor in (1.0, 1e-3):
        axes, widths = balanced_axes(factor * on_axes(logarithms), 2)
        assert widths == [len(subspaces[0])] * 2
        assert axes.abs().argmax(0).split(widths)[0].tolist() == subspaces[0]
        assert axes.abs().argmax(0).split(widths)[1].tolist() == subspaces[1]


def test_there_may_be_as_many_subspaces_as_columns_and_nothing_asks_for_a_gradient():
    settings = {"scaler": FeatureScaler(width=2, mode="none"), "width": 2, "iterations": 1, "seed": 0}
    tokenizer = RQOPQTokenizer(**settings, codebook_sizes=[4, 3, 3], n_subspaces=2)
    assert tokenizer.widths == [1, 1] and not any(parameter.requires_grad for parameter in tokenizer.parameters())
    with pytest.raises(ValueError, match="^opq_subspaces is 3, but the features have 2 columns: lower it$"):
        RQOPQTokenizer(**settings, codebook_sizes=[4, 3, 3, 3], n_subspaces=3)


@pytest.mark.parametrize("family", ["rq_kmeans", "rq_opq"])
def test_each_level_is_logged_with_what_it_leaves_over(points, family):
    scaler = FeatureScaler(width=WIDTH, mode="standardise")
    settings = {"scaler": scaler, "width": WIDTH, "codebook_sizes": [8, 6, 4], "iterations": 5, "seed": 0}
    made = RQKMeansTokenizer(**settings) if family == "rq_kmeans" else RQOPQTokenizer(**settings, n_subspaces=2)
    log: list[tuple[int, dict[str, float]]] = []
    made.fit(points, None, log=lambda level, numbers: log.append((level, numbers)))
    codes, scaled = made.encode(points), (points - points.mean(0)) / points.std(0, correction=0)
    torch.testing.assert_close(made.latent(points), scaled, rtol=1e-4, atol=1e-4)
    assert [level for level, _ in log] == ([0, 1, 2] if family == "rq_kmeans" else [0, 2])
    last = (scaled - made.quantized(codes)).square().mean().item()
    assert log[-1][1] == {"reconstruction_loss": pytest.approx(last, rel=1e-4)}
    levels = made if family == "rq_kmeans" else made.residual_levels
    first = scaled - levels.codebooks[0][codes[:, 0]]
    assert log[0][1] == {"reconstruction_loss": pytest.approx(first.square().mean().item(), rel=1e-4)}
    expected = made.quantized(codes) * points.std(0, correction=0) + points.mean(0)
    torch.testing.assert_close(made.decode(codes), expected, rtol=1e-4, atol=1e-4)
