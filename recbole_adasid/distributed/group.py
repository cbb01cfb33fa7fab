"""A world of several processes on torch.distributed: gloo between CPUs, NCCL between GPUs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn import functional as F

from recbole_adasid.distributed.exchange import receive, send
from recbole_adasid.distributed.failure import FailureBoard, noted_on, wait_for
from recbole_adasid.distributed.world import Result, Share, World


class Group(World):
    """The ranks of torch.distributed's process group.

    Args:
        store: through which the processes found each other.
        board: where failures are recorded.
    """

    def __init__(self, *, store: Any, board: FailureBoard) -> None:
        self.rank, self.size = dist.get_rank(), dist.get_world_size()
        self.store, self.board = store, board
        self._announced = 0

    def share(self, rows: int, weights: Tensor | None = None) -> Share:
        """Return every W-th row, starting at this rank's number; see :class:`GroupShare`."""
        return GroupShare(self, rows, weights)

    def part(self, values: Tensor) -> Tensor:
        """See :meth:`World.part`."""
        return values[self.rank :: self.size]

    def all_reduce_sum(self, values: Tensor) -> Tensor:
        """See :meth:`World.all_reduce_sum`."""
        return _Sum.apply(values, self)

    def grad_all_reduce(self, values: Tensor) -> Tensor:
        """See :meth:`World.grad_all_reduce`."""
        return _GradAllReduce.apply(values, self)

    def sum_gradients(self, parameters: Iterable[Tensor]) -> None:
        """Sum all gradients in one exchange, as one vector; each parameter has a gradient on all ranks or none."""
        trained = [parameter for parameter in parameters if parameter.grad is not None]
        if not trained:
            return
        flat = torch.cat([parameter.grad.flatten() for parameter in trained if parameter.grad is not None])
        self.add_up(flat)
        for parameter, piece in zip(trained, flat.split([parameter.numel() for parameter in trained])):
            parameter.grad = piece.view_as(parameter)

    def add_up(self, values: Tensor) -> Tensor:
        """Replace ``values`` by their sum over ranks, in place, and return them."""
        with noted_on(self.board):
            dist.all_reduce(values)
        return values

    def all_rows(self, own: Tensor) -> Tensor:
        """Return the ranks' values [W, …], which have equal shapes, in rank order."""
        found = own.new_empty(self.size, *own.shape)
        with noted_on(self.board):
            dist.all_gather(list(found.unbind(0)), own.contiguous())
        return found

    def from_main(self, make: Callable[[], Result]) -> Result:
        """See :meth:`World.from_main`; the result must be picklable."""
        if self.is_main:
            result = make()
            self._announce((None, result))
            return result
        while True:
            function, content = self._announced_next()
            if function is None:
                return content
            function(*content)

    def call_others(self, function: Callable[..., object], *arguments: Any) -> None:
        """See :meth:`World.call_others`.

        Raises:
            RuntimeError: on any rank but 0.
        """
        if not self.is_main:
            raise RuntimeError(f"rank {self.rank} cannot call the others: let rank 0 do it, within World.from_main")
        self._announce((function, arguments))

    def hand_over(self, take: Callable[[], Result], give: Callable[[Result], object]) -> None:
        """See :meth:`World.hand_over`."""
        state = self.from_main(take)
        if not self.is_main:
            give(state)

    def require_same(self, what: str, find: Callable[[], object]) -> None:
        """See :meth:`World.require_same`."""
        own = find()
        if self.from_main(lambda: own) != own:
            raise ValueError(
                f"rank {self.rank} differs from rank 0 in its {what}: start all processes with the same command, "
                "settings files and data"
            )

    def seed_own(self, *numbers: int) -> None:
        """Seed torch with ``numbers``, this rank and the number of ranks."""
        seed = np.random.SeedSequence([*numbers, self.rank, self.size]).generate_state(2, np.uint32)
        torch.manual_seed(int(seed[0]) << 31 | int(seed[1]) >> 1)

    def _announce(self, message: tuple[Any, Any]) -> None:
        """Send what the others are waiting for.

        They wait on the store until there is something: rank 0 may work for hours, and an exchange would time out.
        """
        with noted_on(self.board):
            self.store.set(self._key(), "")
            send(message)
        self._announced += 1

    def _announced_next(self) -> Any:
        wait_for(self.store, self._key(), self.board)
        with noted_on(self.board):
            message = receive()
        self._announced += 1
        return message

    def _key(self) -> str:
        return f"announced/{self._announced}"


class GroupShare(Share):
    """Rows r, r + W, r + 2W … of a batch for rank r, so that neighbours of similar cost go to different ranks.

    A rank without a row of its own recomputes the first one as padding, which counts neither in the gathered rows nor
    in a mean.

    Args:
        group: the ranks that share the rows.
        rows: n, rows of the batch.
        weights: [n], weights of the rows in a mean; None: equal.
    """

    def __init__(self, group: Group, rows: int, weights: Tensor | None) -> None:
        self.group, self.rows = group, rows
        self.own = len(range(group.rank, rows, group.size))
        self.slice = slice(group.rank, None, group.size) if self.own else slice(0, 1)
        self.weight = self.own / rows
        if weights is not None and self.own:
            self.weight = float(weights[self.slice].sum() / weights.sum())

    def of(self, values: Any) -> Any:
        """See :meth:`Share.of`."""
        return values[self.slice]

    def gather(self, *values: Tensor) -> tuple[Tensor, ...]:
        """See :meth:`Share.gather`."""
        return _Gather.apply(self, *values)

    def mean(self, values: Tensor) -> Tensor:
        """See :meth:`Share.mean`."""
        return self.group.all_reduce_sum(values * self.weight)

    def all_rows(self, values: Tensor) -> Tensor:
        """Return the rows [n, C] of all ranks, given this rank's."""
        per_rank = -(-self.rows // self.group.size)
        found = self.group.all_rows(F.pad(values[: self.own], (0, 0, 0, per_rank - self.own)))
        # Row r + W·i is at [r, i]; padding comes last, after all rows.
        return found.transpose(0, 1).flatten(0, 1)[: self.rows]


class _Gather(torch.autograd.Function):
    """Gathers all ranks' rows as bytes, whatever their types; gradients are those of the rank's own rows."""

    @staticmethod
    def forward(ctx: Any, share: GroupShare, *values: Tensor) -> tuple[Tensor, ...]:
        ctx.share, ctx.shapes = share, [value.shape for value in values]
        own = [_as_bytes(value) for value in values]
        pieces = share.all_rows(torch.cat(own, dim=1)).split([piece.shape[1] for piece in own], dim=1)
        return tuple(
            piece.clone(memory_format=torch.contiguous_format).view(value.dtype).view(share.rows, *value.shape[1:])
            for piece, value in zip(pieces, values)
        )

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        own = ctx.share.slice
        found = [grad[own] if ctx.share.own else grad.new_zeros(shape) for grad, shape in zip(grads, ctx.shapes)]
        return None, *found


def _as_bytes(values: Tensor) -> Tensor:
    """Return rows [m, …] as uint8 [m, bytes of a row]."""
    rows = values.reshape(len(values), math.prod(values.shape[1:]))
    return rows.clone(memory_format=torch.contiguous_format).view(torch.uint8)


class _Sum(torch.autograd.Function):
    """The sum over ranks; gradients are those of the own term."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, group: Group) -> Tensor:
        return group.add_up(values.clone())

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        return grad, None


class _GradAllReduce(torch.autograd.Function):
    """The identity; gradients are summed over ranks."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, group: Group) -> Tensor:
        ctx.group = group
        return values.view_as(values)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        return ctx.group.add_up(grad.clone(memory_format=torch.contiguous_format)), None
