"""What the device is, and the two rates that nothing on it goes beyond: of copies and of matrix products."""

from __future__ import annotations

import functools
import platform

import torch

from benchmarks.on_gpu.report import Report
from benchmarks.on_gpu.scene import Scene
from benchmarks.on_gpu.timing import timed


def measure(scene: Scene, report: Report) -> None:
    """Write versions, the rate of a large copy and those of large matrix products."""
    name = torch.cuda.get_device_name(scene.device) if scene.device.type == "cuda" else platform.machine()
    detail = f"{name}, torch {torch.__version__}, CUDA {torch.version.cuda}, Python {platform.python_version()}"
    report.line("versions", detail=detail)
    report.attempt("copy", functools.partial(_copy, scene, report))
    for dtype in (torch.float32, torch.bfloat16):
        what = f"matrix product, {str(dtype).split('.')[1]}"
        report.attempt(what, functools.partial(_product, scene, report, what, dtype))


def _copy(scene: Scene, report: Report) -> None:
    source = torch.randn(scene.pick(2**30, 2**20), device=scene.device)
    one = timed(functools.partial(torch.empty_like(source).copy_, source), scene.device, seconds=1.0)
    report.line("copy", unit="GB/s read and written", **one.rate(2 * source.nbytes / 1e9))


def _product(scene: Scene, report: Report, what: str, dtype: torch.dtype) -> None:
    width = scene.pick(8192, 128)
    left, right = torch.randn(2, width, width, device=scene.device).to(dtype)
    one = timed(functools.partial(torch.mm, left, right), scene.device, seconds=1.0)
    report.line(what, unit="TFLOP/s", **one.rate(2 * width**3 / 1e12))
