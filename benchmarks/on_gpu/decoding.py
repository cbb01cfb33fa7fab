"""Users a second: beam search against Hugging Face's constrained `generate`, and LIGER's dense lists."""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch

from benchmarks import networks
from benchmarks.beam_search import K, children_of_prefixes, peer_search
from benchmarks.on_gpu.report import Report
from benchmarks.on_gpu.scene import ITEMS, PAPER, Scene, installed
from benchmarks.on_gpu.timing import timed
from recbole_adasid.model.tiger import TIGERModel

PEER = "Hugging Face generate(prefix_allowed_tokens_fn=…)"
UNIT = "users/s"


def measure(scene: Scene, report: Report) -> None:
    """Write the peer's rate for a few users and ours for many, by size and beam."""
    for size in scene.sizes:
        peer: dict[str, float] = {}
        for beam_size in scene.pick((20, 50), (10,)):
            peer.clear()
            what = f"{PEER}, {size}, beam {beam_size}"
            report.attempt(what, functools.partial(_peer, scene, report, what, size, beam_size, peer), 40)
            for name, network in (("items", ITEMS), ("the paper's encoder", PAPER)):
                build = functools.partial(scene.tiger, size, **network)
                for bf16 in (False, True):
                    what = f"beam search, {name}, {size}, beam {beam_size}, {'bfloat16' if bf16 else 'float32'}"
                    work = functools.partial(_ours, scene, report, what, build, beam_size, peer, bf16=bf16)
                    report.attempt(what, work, 20)
        what = f"LIGER's dense lists, {size}"
        liger = functools.partial(scene.liger, size)
        # Against the widest beam, which is the peer's last.
        report.attempt(what, functools.partial(_ours, scene, report, what, liger, K, peer, bf16=False), 20)


def _ours(
    scene: Scene,
    report: Report,
    what: str,
    build: Callable[[], TIGERModel],
    beam_size: int,
    peer: dict[str, float],
    *,
    bf16: bool,
) -> None:
    model = build().to(scene.device).eval()
    users = scene.pick(4096, 8)
    items, lengths = scene.histories(users)

    def search() -> None:
        with torch.autocast(scene.device.type, dtype=torch.bfloat16, enabled=bf16):
            model.recommend(items, lengths, k=K, beam_size=beam_size)

    one = timed(search, scene.device, seconds=scene.pick(1.5, 0.1))
    report.line(what, unit=UNIT, detail=f"{users:,} users", **one.rate(users, peer.get("value")))


def _peer(scene: Scene, report: Report, what: str, size: str, beam_size: int, found: dict[str, float]) -> None:
    installed("transformers")
    catalogue = scene.tiger(size).catalogue
    model = networks.peer_model(catalogue, size).to(scene.device).eval()
    tokens = networks.peer_tokens(catalogue)
    children, tokens = children_of_prefixes(tokens[1:]), tokens.to(scene.device)
    users = scene.pick(32, 2)
    items, _ = scene.histories(users)
    search = functools.partial(peer_search, model, tokens, children, items, beam_size)
    found |= timed(search, scene.device, seconds=scene.pick(4.0, 0.1), warm_up=1).rate(users)
    report.line(what, unit=UNIT, detail=f"{users} users", **found)
