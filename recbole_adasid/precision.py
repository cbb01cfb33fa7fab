"""Which number formats a processor computes with fast."""

from __future__ import annotations

import torch


def has_bfloat16(device: torch.device) -> bool:
    """Tell whether matrix products in bfloat16 are fast on a device: emulated ones cost more than they save."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    in_hardware = getattr(torch.cpu, "_is_avx512_bf16_supported", torch.ops.mkldnn._is_mkldnn_bf16_supported)
    return bool(in_hardware())
