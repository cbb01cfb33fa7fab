"""Which number formats a processor computes fast."""

from __future__ import annotations

import platform
from functools import cache
from pathlib import Path

import torch

CPU_INFO = Path("/proc/cpuinfo")


def has_bfloat16(device: torch.device) -> bool:
    """Tell whether matrix products in bfloat16 are faster on a device than those in float32.

    Based on the device's properties rather than measured, so that one machine always gives the same answer.
    """
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device)[0] >= 8  # older ones emulate it
    return _cpu_has_bfloat16()


@cache
def _cpu_has_bfloat16() -> bool:
    # torch without oneDNN, as on Macs, does not have the operator; where it says no, bfloat16 is emulated, and the
    # conversions cost more than they save.
    if not (torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()):
        return False
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return True  # Arm's bfloat16 products are twice as fast as its float32 ones
    known = _cpu_info()
    if "amx_bf16" in known:
        return True
    # With AVX-512 alone, AMD's products take less than half the time of float32, Intel's more: benchmarks/bfloat16.py.
    return "avx512_bf16" in known and "genuineintel" not in known


def _cpu_info() -> frozenset[str]:
    """Return the words of the system's description of its first processor, such as vendor and features."""
    if not CPU_INFO.is_file():
        abilities = {"avx512_bf16"} if getattr(torch.cpu, "_is_avx512_bf16_supported", bool)() else set()
        abilities |= {"amx_bf16"} if getattr(torch.cpu, "_is_amx_tile_supported", bool)() else set()
        return frozenset({*abilities, *platform.processor().lower().replace(",", " ").split()})
    first = CPU_INFO.read_text(encoding="ascii", errors="replace").split("\n\n")[0]
    return frozenset(first.lower().split())
