"""Latents to quantize."""

from __future__ import annotations

import pytest
import torch

from small_quantizers import DIM


@pytest.fixture
def latent() -> torch.Tensor:
    return torch.randn(40, DIM, generator=torch.Generator().manual_seed(0))
