"""RQ-OPQ (OneSearch, arXiv 2509.03236): residual k-means, then optimised product quantisation of the residual."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from tqdm import tqdm

from recbole_adasid.pairs.item_pairs import ItemPairs
from recbole_adasid.tokenizer.base import Keep, LogFunction
from recbole_adasid.tokenizer.clustering.opq import optimised_product_quantisation, subspace_widths
from recbole_adasid.tokenizer.clustering.rq_kmeans import ClusteringTokenizer, RQKMeansTokenizer
from recbole_adasid.tokenizer.nearest import nearest_codeword
from recbole_adasid.tokenizer.scaling import FeatureScaler


class RQOPQTokenizer(ClusteringTokenizer):
    """The first levels are RQ-KMeans, the last ones the subspaces of an OPQ of the remaining residual.

    OneSearch uses more than three tokens and does not say how to divide three. With L = 3 and two subspaces, level one
    is k-means and levels two and three are the OPQ: a single subspace would just be another k-means level.

    Args:
        scaler: centres and scales the features; ``none`` is the published method.
        width: d, number of feature columns.
        codebook_sizes: K of each level.
        n_subspaces: M, number of OPQ levels, from 1 to L − 1.
        iterations: maximum Lloyd iterations per level, and OPQ rounds.
        seed: seed of the k-means++ seeding.

    Raises:
        ValueError: if no level is left for k-means, or fewer columns than subspaces.
    """

    def __init__(
        self,
        *,
        scaler: FeatureScaler,
        width: int,
        codebook_sizes: Sequence[int],
        n_subspaces: int,
        iterations: int,
        seed: int,
    ) -> None:
        super().__init__()
        n_residual = len(codebook_sizes) - n_subspaces
        if len(codebook_sizes) < 2:
            raise ValueError("rqopq needs a sid_length of at least 2, got 1: raise it or choose another tokenizer")
        if n_subspaces < 1 or n_residual < 1:
            raise ValueError(
                f"opq_subspaces must lie between 1 and one less than sid_length, {len(codebook_sizes) - 1}, got "
                f"{n_subspaces}"
            )
        if n_subspaces > width:
            raise ValueError(f"opq_subspaces is {n_subspaces}, but the features have {width} columns: lower it")
        self.scaler, self.iterations, self.seed = scaler, iterations, seed
        self.residual_levels = RQKMeansTokenizer(
            scaler=FeatureScaler(width=width, mode="none"),
            width=width,
            codebook_sizes=codebook_sizes[:n_residual],
            iterations=iterations,
            seed=seed,
        )
        self.widths = subspace_widths(width, n_subspaces)
        self.rotation = torch.nn.Parameter(torch.eye(width), requires_grad=False)
        self.codebooks = torch.nn.ParameterList(
            torch.nn.Parameter(torch.zeros(size, part), requires_grad=False)
            for size, part in zip(codebook_sizes[n_residual:], self.widths)
        )

    @property
    def codebook_sizes(self) -> list[int]:
        """K of each level."""
        return [*self.residual_levels.codebook_sizes, *(len(codebook) for codebook in self.codebooks)]

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
        """Cluster ``features`` [N, d] level by level, then fit the OPQ; ``pairs`` are not used."""
        self.scaler.fit(features)
        scaled = self.scaler(features)
        self.residual_levels.fit(scaled, None, log=log, progress=progress)
        residual = scaled - self.residual_levels.decode(self.residual_levels.encode(scaled))
        with tqdm(total=1, desc="OPQ", unit="fit", disable=not progress) as bar:
            rotation, codebooks = optimised_product_quantisation(
                residual,
                [len(codebook) for codebook in self.codebooks],
                iterations=self.iterations,
                generator=torch.Generator().manual_seed(self.seed),
            )
            bar.update()
        self.rotation.copy_(rotation)
        for mine, fitted in zip(self.codebooks, codebooks):
            mine.copy_(fitted)
        if log is not None:
            error = scaled - self.quantized(self.encode(features))
            log(len(self.codebook_sizes) - 1, {"reconstruction_loss": float(error.square().mean())})

    @torch.no_grad()
    def _encode(self, features: Tensor) -> Tensor:
        scaled = self.scaler(features)
        first = self.residual_levels.encode(scaled)
        parts = ((scaled - self.residual_levels.decode(first)) @ self.rotation).split(self.widths, dim=1)
        rest = [nearest_codeword(part, codebook) for part, codebook in zip(parts, self.codebooks)]
        return torch.cat([first, torch.stack(rest, dim=1)], dim=1)

    @torch.no_grad()
    def quantized(self, codes: Tensor) -> Tensor:
        """Return the scaled features [M, d] that the Semantic IDs ``codes`` int64 [M, L] stand for."""
        n_residual = codes.shape[1] - len(self.codebooks)
        columns = codes[:, n_residual:].t()
        coded = torch.cat([codebook[column] for codebook, column in zip(self.codebooks, columns)], dim=1)
        return self.residual_levels.decode(codes[:, :n_residual]) + coded @ self.rotation.t()
