"""The exchanges of ranks on GPUs: over NCCL where each has its own, over gloo where two have to share one."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.distributed as dist

from recbole_adasid.distributed.joining import join, leave
from recbole_adasid.distributed.world import world
from recbole_adasid.model.catalogue import Catalogue
from recbole_adasid.model.network.tiger_network import TIGERNetwork
from recbole_adasid.model.optimiser import adamw
from recbole_adasid.model.tiger import TIGERModel

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
SIZES = {"d_model": 32, "d_head": 8, "n_heads": 4, "d_ff": 64, "n_encoder_layers": 1, "n_decoder_layers": 1}


def train(device: torch.device) -> dict[str, Any]:
    """Train TIGER for ten batches, the last of one row, and recommend; every tensor on the GPU."""
    torch.manual_seed(0)
    catalogue = Catalogue(torch.randint(64, (200, 3)), [64] * 3)
    network = TIGERNetwork(level_sizes=catalogue.level_sizes, dropout=0.0, **SIZES)
    model = TIGERModel(network=network, catalogue=catalogue).to(device).train()
    optimizer, losses = adamw(model, learning_rate=1e-3, weight_decay=0.05), []
    for n in (*[37] * 9, 1):
        share = world().share(n)
        history, lengths, target = torch.randint(1, 201, (n, 8)), torch.randint(1, 9, (n,)), torch.randint(1, 201, (n,))
        own = (share.of(values).to(device) for values in (history, lengths, target))
        optimizer.zero_grad(set_to_none=True)
        loss = share.mean(model.training_loss(*own))
        loss.backward()
        world().sum_gradients(model.parameters())
        optimizer.step()
        losses.append(loss.item())
    share, history = world().share(21), torch.randint(1, 201, (21, 8), device=device)
    lengths = torch.full((21,), 8, device=device)
    items, scores = model.eval().recommend(share.of(history), share.of(lengths), k=5, beam_size=20)
    items, scores = share.gather(items, scores)
    return {"losses": losses, "items": items.cpu(), "scores": scores.cpu(), **pairs(device)}


def pairs(device: torch.device) -> dict[str, Any]:
    values = torch.randn(9, 4, generator=torch.Generator().manual_seed(1)).to(device).requires_grad_()
    share = world().share(9)
    (gathered,) = share.gather(share.of(values))
    world().all_reduce_sum(world().part(world().grad_all_reduce(gathered)).square().sum()).backward()
    world().sum_gradients([values])
    assert values.grad is not None
    return {"gradient": values.grad.cpu()}


def on_gpu(*, nccl: bool) -> dict[str, Any]:
    import os

    device = torch.device("cuda", int(os.environ["RANK"]) if nccl else 0)
    torch.cuda.set_device(device)
    if not nccl:
        dist.is_nccl_available = lambda: False
    alone = train(device)
    group = join("env://")
    found = {"alone": alone, "together": train(device), "told": group.from_main(lambda: [1, 2])}
    found["backend"] = dist.get_backend_config()
    group.seed_own(3)
    found["random"] = torch.rand(2, device=device).tolist()
    leave()
    return found


def over_nccl() -> dict[str, Any]:
    return on_gpu(nccl=True)


def over_gloo() -> dict[str, Any]:
    return on_gpu(nccl=False)


@pytest.mark.parametrize(("program", "size"), [(over_nccl, 1), (over_gloo, 2), (over_nccl, 2)])
def test_ranks_on_gpus_compute_what_one_computes(program, size, ranks):
    if program is over_nccl and torch.cuda.device_count() < size:
        pytest.skip("NCCL wants a GPU for every rank")
    found = ranks(program, size).results()
    for one in found:
        assert ("nccl" in one["backend"]) == (program is over_nccl) and one["told"] == [1, 2]
        assert one["together"]["losses"] == pytest.approx(one["alone"]["losses"], rel=1e-4)
        assert one["together"]["items"].equal(one["alone"]["items"])
        for name in ("scores", "gradient"):
            torch.testing.assert_close(one["together"][name], one["alone"][name], rtol=1e-3, atol=1e-4)
    assert len({tuple(one["random"]) for one in found}) == size
