"""Users a second: beam search against Hugging Face's constrained `generate`, and LIGER's dense lists."""

from __future__ import annotations

import importlib.util

import torch

from benchmarks import networks
from benchmarks.beam_search import K, children_of_prefixes, peer_search
from benchmarks.on_gpu.report import Report
from benchmarks.on_gpu.scene import ITEMS, PAPER, Scene
from benchmarks.on_gpu.timing import timed
from recbole_adasid.model.tiger import TIGERModel

PEER = "Hugging Face generate(prefix_allowed_tokens_fn=…)"
UNIT = "users/s"


def measure(scene: Scene, report: Report) -> None:
    """Write the peer's rate for a few users and ours for many, by size and beam."""
    for size in scene.sizes:
        for beam_size in scene.pick((20, 50), (10,)):
            peer = None
            what = f"{PEER}, {size}, beam {beam_size}"
            with report.attempt(what, 40):
                peer = _peer(scene, report, what, size, beam_size)
            for name, network in (("items", ITEMS), ("the paper's encoder", PAPER)):
                for bfloat16 in (False, True):
                    precision = "bfloat16" if bfloat16 else "float32"
                    what = f"beam search, {name}, {size}, beam {beam_size}, {precision}"
                    with report.attempt(what, 20):
                        model = scene.tiger(size, **network).to(scene.device).eval()
                        _ours(scene, report, what, model, beam_size, peer, bfloat16=bfloat16)
        what = f"LIGER's dense lists, {size}"
        with report.attempt(what, 20):  # against the last, widest beam
            model = scene.liger(size).to(scene.device).eval()
            _ours(scene, report, what, model, K, peer, bfloat16=False)


def _ours(
    scene: Scene, report: Report, what: str, model: TIGERModel, beam_size: int, peer: float | None, *, bfloat16: bool
) -> None:
    users = scene.pick(4096, 8)
    items, lengths = scene.histories(users)

    def search() -> None:
        with torch.autocast(scene.device.type, dtype=torch.bfloat16, enabled=bfloat16):
            model.recommend(items, lengths, k=K, beam_size=beam_size)

    one = timed(search, scene.device, seconds=scene.pick(2.0, 0.1))
    report.line(what, unit=UNIT, detail=f"{users:,} users", **one.rate(users, peer))


def _peer(scene: Scene, report: Report, what: str, size: str, beam_size: int) -> float | None:
    if importlib.util.find_spec("transformers") is None:
        report.line(what, error="transformers is not installed")
        return None
    catalogue = scene.tiger(size).catalogue
    model = networks.peer_model(catalogue, size).to(scene.device).eval()
    tokens = networks.peer_tokens(catalogue)
    children, tokens = children_of_prefixes(tokens[1:]), tokens.to(scene.device)
    users = scene.pick(32, 2)
    items, _ = scene.histories(users)
    one = timed(
        lambda: peer_search(model, tokens, children, items, beam_size),
        scene.device,
        seconds=scene.pick(4.0, 0.1),
        warm_up=1,
    )
    found = one.rate(users)
    report.line(what, unit=UNIT, detail=f"{users} users", **found)
    return found["value"]
