"""What ranks exchange, and the gradients of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from recbole_adasid.distributed.joining import joined
from recbole_adasid.distributed.world import World, world

SIZES = [1, 2, 3, 5, 7]


def rows(n: int) -> torch.Tensor:
    return torch.randn(n, 2, generator=torch.Generator().manual_seed(n))


def loss_of_all(weight: torch.Tensor, batch: torch.Tensor, share: Any) -> torch.Tensor:
    """A loss with a mean over rows and a term of all pairs of rows, which no sum of terms of ranks gives."""
    hidden = torch.tanh(share.of(batch) @ weight)
    (gathered,) = share.gather(hidden)
    return share.mean(hidden.square().mean()) + torch.softmax(gathered @ gathered.t(), 1).diagonal().log().mean()


def exchange() -> dict[str, Any]:
    found: dict[str, Any] = {"of": [], "gathered": [], "numbers": [], "losses": [], "gradients": []}
    with joined() as group:
        for n in SIZES:
            share = group.share(n)
            found["of"].append(share.of(np.arange(n)).tolist())
            gathered = share.gather(share.of(rows(n)), share.of(torch.arange(n)))
            found["gathered"].append(gathered[0])
            found["numbers"].append(gathered[1])
            weight = torch.eye(2, 3).requires_grad_()
            loss = loss_of_all(weight, rows(n), share)
            loss.backward()
            group.sum_gradients([weight, torch.nn.Parameter(torch.ones(1))])
            found["losses"].append(loss.detach())
            found["gradients"].append(weight.grad)
    return found


@pytest.mark.parametrize("size", [2, 3])
def test_shares_gathers_means_and_gradients_are_those_of_one_process(ranks, size):
    found = ranks(exchange, size).results()
    for place, n in enumerate(SIZES):
        real = [row for rank in range(min(size, n)) for row in found[rank]["of"][place]]
        assert sorted(real) == list(range(n))  # every row once, and stand-ins below only
        assert all(found[rank]["of"][place] == [0] for rank in range(n, size))
        weight = torch.eye(2, 3).requires_grad_()
        loss = loss_of_all(weight, rows(n), World().share(n))
        loss.backward()
        for one in found:
            assert one["gathered"][place].equal(rows(n)) and one["numbers"][place].equal(torch.arange(n))
            torch.testing.assert_close(one["losses"][place], loss.detach())
            torch.testing.assert_close(one["gradients"][place], weight.grad)
            assert one["gradients"][place].equal(found[0]["gradients"][place])


CALLS: list[Any] = []


def note(values: np.ndarray, tensor: torch.Tensor, text: str) -> None:
    values += 1  # what arrives may be written to
    CALLS.append((values.tolist(), tensor.clone(), text))


def led() -> dict[str, Any]:
    def make() -> dict[str, Any]:
        assert world().is_main
        frozen = np.arange(4.0)
        frozen.flags.writeable = False
        world().call_others(note, np.arange(3), torch.eye(2, dtype=torch.bfloat16), "first")
        world().call_others(note, np.zeros(0), torch.arange(6).view(2, 3).t(), "second")
        return {"table": frozen, "tensor": torch.tensor(7)}

    with joined() as group:
        result = group.from_main(make)
        state = {"rank": group.rank}
        group.hand_over(lambda: {"rank": state["rank"]}, state.update)
        group.require_same("numbers", lambda: [1, 2])
        group.seed_own(5, 1)
        random = torch.rand(3)
        group.seed_own(5, 1)
        again, later = torch.rand(3), (group.seed_own(5, 2), torch.rand(3))[1]
        return {"result": result, "calls": CALLS, "state": state, "random": [random, again, later]}


def test_rank_0_leads_and_the_others_follow_its_calls(ranks):
    first, second = ranks(led, 2).results()
    assert first["calls"] == [] and first["state"] == second["state"] == {"rank": 0}
    assert second["result"]["table"].tolist() == [0, 1, 2, 3] and second["result"]["tensor"] == 7
    (numbers, eye, text), (empty, table, other) = second["calls"]
    assert (
        numbers == [1, 2, 3]
        and eye.equal(torch.eye(2, dtype=torch.bfloat16))
        and (text, other)
        == (
            "first",
            "second",
        )
    )
    assert empty == [] and table.equal(torch.arange(6).view(2, 3).t())
    random = [*first["random"], *second["random"]]
    equal = {(i, j) for i in range(6) for j in range(i) if random[i].equal(random[j])}
    assert equal == {(1, 0), (4, 3)}


def different() -> None:
    with joined() as group:
        group.require_same("settings", lambda: group.rank)


def test_ranks_with_other_settings_are_refused(ranks):
    found = ranks(different, 2).wait()
    assert found[1] == (
        "ValueError",
        "rank 1 differs from rank 0 in its settings: "
        "start all processes with the same command, settings files and data",
    )


def test_a_process_that_is_alone_gets_back_what_it_gave():
    alone, batch = World(), rows(3)
    share = alone.share(3)
    assert share.of(batch) is batch and share.gather(batch, batch)[1] is batch and share.mean(batch) is batch
    assert alone.from_main(lambda: 3) == 3 and alone.is_main
    before = torch.get_rng_state()
    alone.seed_own(1)
    assert torch.get_rng_state().equal(before)
    parameter = torch.nn.Parameter(torch.ones(2))
    parameter.grad = gradient = torch.ones(2)
    alone.sum_gradients([parameter])
    assert parameter.grad is gradient
    alone.call_others(pytest.fail, "nobody is there")
    alone.hand_over(pytest.fail, pytest.fail)
    alone.require_same("settings", pytest.fail)
    with joined() as found:
        assert found.size == 1
