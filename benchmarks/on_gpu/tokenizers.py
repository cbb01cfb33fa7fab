"""A tokenizer's training steps on the device, against the same step on vector-quantize-pytorch."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch

from benchmarks.on_gpu.report import Report
from benchmarks.on_gpu.scene import Scene, installed
from benchmarks.on_gpu.timing import timed
from benchmarks.tokenizer_step import peer_step
from recbole_adasid.settings.presets import read_props
from recbole_adasid.tokenizer.autoencoder_tokenizer import AutoencoderTokenizer
from recbole_adasid.tokenizer.registry import build_tokenizer, tokenizer_settings
from recbole_adasid.tokenizer.training.loop import TokenizerTraining
from recbole_adasid.tokenizer.training.sampling import PairBatch

PEER = "RQ-VAE on vector-quantize-pytorch"
ROUND = 10
"""Steps in a call."""


def measure(scene: Scene, report: Report) -> None:
    """Write steps a second of the peer, of RQ-VAE and of AdaSID, in float32 and in bfloat16."""
    peer: dict[str, float] = {}
    report.attempt(PEER, functools.partial(_peer, scene, report, peer), 20)
    for name in ("rqvae", "adasid"):
        for bf16 in (False, True):
            what = f"{name}, {'bfloat16' if bf16 else 'float32'}"
            report.attempt(what, functools.partial(_ours, scene, report, what, name, peer, bf16=bf16), 20)


def _peer(scene: Scene, report: Report, found: dict[str, float]) -> None:
    installed("vector_quantize_pytorch")
    features, items = scene.features.to(scene.device), _items(scene)
    with torch.device(scene.device):  # its parameters, and the batches it draws
        step = peer_step(features, items, read_props("tokenizers.yaml")["encoder_hidden"])
        one = timed(lambda: [step() for _ in range(ROUND)], scene.device, seconds=scene.pick(4.0, 0.1))
    found |= one.rate(ROUND)
    report.line(PEER, unit="steps/s", detail=f"{items:,} items", **found)


def _ours(scene: Scene, report: Report, what: str, name: str, peer: dict[str, float], *, bf16: bool) -> None:
    steps = _steps(training_on(scene, name, scene.device, bf16=bf16))
    one = timed(steps, scene.device, seconds=scene.pick(4.0, 0.1))
    report.line(what, unit="steps/s", detail=f"{_items(scene):,} items", **one.rate(ROUND, peer.get("value")))


def _settings(scene: Scene, name: str) -> dict[str, Any]:
    settings: dict[str, Any] = {**read_props("tokenizers.yaml"), **read_props(f"tokenizer/{name}.yaml"), "seed": 0}
    quick = {"tokenizer_batch_pairs": 24, "tokenizer_batch_solo_items": 16, "kmeans_iterations": 2}
    return settings | scene.pick({}, quick)


def _items(scene: Scene) -> int:
    settings = _settings(scene, "rqvae")
    return 2 * settings["tokenizer_batch_pairs"] + settings["tokenizer_batch_solo_items"]


def _steps(training: TokenizerTraining) -> Callable[[], object]:
    """Return some steps in the middle of a training, where all terms act and nothing is logged."""
    number = training.settings.steps // 2 + 1
    return lambda: [training.step(number) for _ in range(ROUND)]


def training_on(scene: Scene, name: str, device: torch.device, *, bf16: bool) -> TokenizerTraining:
    """Return a tokenizer's training on a device, its codebooks initialised on the CPU, where batches are drawn too."""
    settings = tokenizer_settings(_settings(scene, name))
    settings["tokenizer_bf16"] = bf16
    tokenizer = build_tokenizer(settings, width=scene.features.shape[1])
    assert isinstance(tokenizer, AutoencoderTokenizer)
    training = tokenizer.start_training(scene.features, scene.pairs)
    training.autoencoder.to(device)
    training.features = training.features.to(device)
    draw = training.sampler.draw
    training.sampler.draw = lambda: PairBatch(*(part.to(device) for part in draw()))  # type: ignore[method-assign]
    return training
