"""RQ-KMeans (QARM, CIKM 2025): residual k-means on the item features themselves, no encoder."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from tqdm import tqdm

from recbole_adasid.pairs.item_pairs import ItemPairs
from recbole_adasid.tokenizer.base import ItemTokenizer, Keep, LogFunction
from recbole_adasid.tokenizer.clustering.kmeans import kmeans
from recbole_adasid.tokenizer.nearest import nearest_codeword
from recbole_adasid.tokenizer.scaling import FeatureScaler


class ClusteringTokenizer(ItemTokenizer):
    """A tokenizer whose codewords lie among the scaled features."""

    scaler: FeatureScaler

    @property
    def width(self) -> int:
        """Columns d of the features."""
        return self.scaler.width

    @torch.no_grad()
    def latent(self, features: Tensor) -> Tensor:
        """Return the scaled features [M, d]."""
        return self.scaler(features)

    @torch.no_grad()
    def decode(self, codes: Tensor) -> Tensor:
        """Return the features [N, d] that the Semantic IDs ``codes`` int64 [N, L] stand for."""
        return self.quantized(codes) * self.scaler.scale + self.scaler.mean


class RQKMeansTokenizer(ClusteringTokenizer):
    """r_0 = x; at level l the codebook C_l is k-means of r_{l−1}, and r_l = r_{l−1} − nearest codeword.

    Args:
        scaler: centres and scales the features; ``none`` is the published method.
        width: d, number of feature columns.
        codebook_sizes: K of each level.
        iterations: maximum Lloyd iterations per level.
        seed: seed of the k-means++ seeding.
    """

    def __init__(
        self, *, scaler: FeatureScaler, width: int, codebook_sizes: Sequence[int], iterations: int, seed: int
    ) -> None:
        super().__init__()
        self.scaler = scaler
        self.iterations, self.seed = iterations, seed
        self.codebooks = _empty_codebooks(codebook_sizes, width)

    @property
    def codebook_sizes(self) -> list[int]:
        """K of each level."""
        return [len(codebook) for codebook in self.codebooks]

    @torch.no_grad()
    def fit(
        self,
        features: Tensor,
        pairs: ItemPairs | None,
        *,
        log: LogFunction | None = None,
        progress: bool = False,
        keep: Keep | None = None,
    ) -> None:
        """Cluster the residuals of ``features`` [N, d] level by level; ``pairs`` are not used."""
        generator = torch.Generator().manual_seed(self.seed)
        self.scaler.fit(features)
        residual = self.scaler(features)
        for level, codebook in enumerate(tqdm(self.codebooks, desc="k-means", unit="level", disable=not progress)):
            codebook.copy_(kmeans(residual, len(codebook), iterations=self.iterations, generator=generator))
            residual = residual - codebook[nearest_codeword(residual, codebook)]
            if log is not None:
                log(level, {"reconstruction_loss": float(residual.square().mean())})

    @torch.no_grad()
    def _encode(self, features: Tensor) -> Tensor:
        residual, codes = self.scaler(features), []
        for codebook in self.codebooks:
            codes.append(nearest_codeword(residual, codebook))
            residual = residual - codebook[codes[-1]]
        return torch.stack(codes, dim=1)

    @torch.no_grad()
    def quantized(self, codes: Tensor) -> Tensor:
        """Return the scaled features [M, d] that the Semantic IDs ``codes`` int64 [M, L] stand for."""
        return torch.stack([codebook[column] for codebook, column in zip(self.codebooks, codes.t())]).sum(dim=0)


def _empty_codebooks(codebook_sizes: Sequence[int], width: int) -> torch.nn.ParameterList:
    """Return one untrained codebook [K, d] per level, part of the state but not trained by gradient."""
    return torch.nn.ParameterList(
        torch.nn.Parameter(torch.zeros(size, width), requires_grad=False) for size in codebook_sizes
    )
