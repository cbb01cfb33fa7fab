"""The device against the CPU, in float32 and with the same weights: what is trained on and what is recommended."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from benchmarks.on_gpu.report import Report
from benchmarks.on_gpu.scene import ITEMS, PAPER, TOKENS, Scene
from benchmarks.on_gpu.tokenizers import training_on
from recbole_adasid.model.tiger import TIGERModel

LARGEST_ERROR = 1e-4
"""Relative, of gradients and losses together; absolute, of log-probabilities. Sums in another order stay far below."""
LEAST_EQUAL = 0.999
"""Share of places of a list that hold the same item: rounding may swap two of equal score."""
K, BEAM_SIZE = 10, 20

Loss = Callable[[Any, torch.device], Tensor]


def measure(scene: Scene, report: Report) -> None:
    """Write whether losses, gradients and lists are those of the CPU."""

    def attempt(what: str, check: Callable[..., None], *arguments: Any) -> None:
        report.attempt(what, functools.partial(check, scene, report, what, *arguments))

    for size in scene.sizes:
        for name, network in (("items", ITEMS), ("tokens", TOKENS)):
            build = functools.partial(scene.tiger, size, **network)
            attempt(f"one pass of {name}, {size}: loss and gradients", _gradients, build, _one_pass_loss(scene))
        for name, network in (("a causal encoder of items", ITEMS), ("the paper's encoder", PAPER)):
            build = functools.partial(scene.tiger, size, **network)
            attempt(f"windows, {name}, {size}: loss and gradients", _gradients, build, _window_loss(scene))
            attempt(f"beam search, {name}, {size}: lists", _lists, build)
    liger = functools.partial(scene.liger, scene.sizes[0])
    attempt(f"LIGER's one pass, {scene.sizes[0]}: loss and gradients", _gradients, liger, _one_pass_loss(scene))
    attempt(f"LIGER's dense lists, {scene.sizes[0]}", _lists, liger)
    for name in ("rqvae", "adasid"):
        attempt(f"a step of {name}: loss and gradients", _tokenizer_step, name)


def _one_pass_loss(scene: Scene) -> Loss:
    items, lengths = scene.histories(scene.pick(256, 8))
    lengths = lengths.clamp(min=2)
    items = items.where(items > 0, 1)
    return lambda model, device: model.sequence_loss(items.to(device), lengths.to(device))


def _window_loss(scene: Scene) -> Loss:
    items, lengths = scene.histories(scene.pick(256, 8))
    target = torch.randint(1, len(scene.codes) + 1, (len(items),))
    return lambda model, device: model.training_loss(items.to(device), lengths.to(device), target.to(device))


def _gradients(scene: Scene, report: Report, what: str, build: Callable[[], TIGERModel], loss: Loss) -> None:
    """Compare without dropout, whose random numbers are other ones on every device."""
    model = build().eval()
    other = copy.deepcopy(model).to(scene.device)
    losses = [loss(one, where) for one, where in ((model, torch.device("cpu")), (other, scene.device))]
    for one in losses:
        one.backward()
    _compare(report, what, [float(one.detach()) for one in losses], [model.parameters(), other.parameters()])


def _compare(report: Report, what: str, losses: list[float], parameters: list[Iterable[Tensor]]) -> None:
    right, found = (torch.cat([_flat(p.grad) for p in some if p.grad is not None]) for some in parameters)
    error = float((found - right).norm() / right.norm())
    of_loss = abs(losses[1] / losses[0] - 1)
    ok = error <= LARGEST_ERROR and of_loss <= LARGEST_ERROR
    detail = f"loss {losses[1]:.6f} against {losses[0]:.6f}, {len(right):,} gradients"
    report.line(what, ok=ok, value=error, unit="relative error of the gradient", detail=detail)


def _flat(gradient: Tensor) -> Tensor:
    return gradient.detach().cpu().double().flatten()


def _lists(scene: Scene, report: Report, what: str, build: Callable[[], TIGERModel]) -> None:
    items, lengths = scene.histories(scene.pick(128, 6))
    model = build().eval()
    other = copy.deepcopy(model).to(scene.device)
    right = model.recommend(items.cpu(), lengths.cpu(), k=K, beam_size=BEAM_SIZE)
    found = [part.cpu() for part in other.recommend(items, lengths, k=K, beam_size=BEAM_SIZE)]
    equal = float((right[0] == found[0]).double().mean())
    error = float((right[1] - found[1]).abs().max())
    ok = error <= LARGEST_ERROR * max(1.0, float(right[1].abs().max())) and equal >= LEAST_EQUAL
    report.line(what, ok=ok, value=equal, unit="of places equal", detail=f"scores differ by {error:.1e} at most")


def _tokenizer_step(scene: Scene, report: Report, what: str, name: str) -> None:
    trainings = [training_on(scene, name, device, bf16=False) for device in (torch.device("cpu"), scene.device)]
    losses = [one.step(one.settings.steps // 2)["loss"] for one in trainings]
    _compare(report, what, losses, [one.autoencoder.parameters() for one in trainings])
