"""The processes of one job as the code sees them, and the world of a single process.

Every rank draws the same batches from the same generators and computes its own rows of them. Whatever needs the whole
batch is computed by every rank from all rows, or split between ranks if expensive (pairs of rows). In the end every
rank has the whole job's loss and its gradient through its own rows; summed over ranks this is a single process's.

Letters: n rows of a batch, W ranks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from torch import Tensor

Result = TypeVar("Result")


class Share:
    """The rows of a batch that this process computes; all, if it is alone."""

    def of(self, values: Any) -> Any:
        """Return the own rows of ``values`` [n, …]: a tensor, an array, or anything that supports slicing."""
        return values

    def gather(self, *values: Tensor) -> tuple[Tensor, ...]:
        """Return each of ``values`` for all rows [n, …], given those of the own rows, in one exchange.

        Gradients flow through the own rows only.
        """
        return values

    def mean(self, values: Tensor) -> Tensor:
        """Return means over the batch's rows, given those over the own rows; both are weighted if rows have weights.

        Gradients flow through the own rows only.
        """
        return values


class World:
    """The ranks of a job, numbered from 0. This class is a job of a single process."""

    rank = 0
    size = 1

    @property
    def is_main(self) -> bool:
        """Whether this is rank 0, which reads and writes the job's files and talks to the user."""
        return self.rank == 0

    def share(self, rows: int, weights: Tensor | None = None) -> Share:
        """Return this rank's share of a batch's ``rows``; ``weights`` [n] are their weights in a mean, None: equal."""
        return Share()

    def part(self, values: Tensor) -> Tensor:
        """Return this rank's part of ``values`` [n, …] that all ranks have: every W-th; may be empty."""
        return values

    def all_reduce_sum(self, values: Tensor) -> Tensor:
        """Return the sum of ``values`` over ranks; gradients flow through the own term only."""
        return values

    def grad_all_reduce(self, values: Tensor) -> Tensor:
        """Return ``values``, which all ranks have, for each to compute its part of a loss; gradients are summed.

        :meth:`all_reduce_sum` adds up the parts.
        """
        return values

    def sum_gradients(self, parameters: Iterable[Tensor]) -> None:
        """Replace the gradient of each parameter by the sum over ranks."""

    def from_main(self, make: Callable[[], Result]) -> Result:
        """Return the result of ``make`` on rank 0; the others wait for it without calling ``make``.

        While waiting, they run what rank 0 calls them for, see :meth:`call_others`.
        """
        return make()

    def call_others(self, function: Callable[..., object], *arguments: Any) -> None:
        """Let the ranks that wait in :meth:`from_main` call a module-level function; on rank 0 only.

        Does not wait for them: the code that follows on rank 0 and the function meet in the same exchanges of rows and
        gradients.
        """

    def hand_over(self, take: Callable[[], Result], give: Callable[[Result], object]) -> None:
        """Bring all ranks to rank 0's state, which ``take`` returns there and ``give`` applies elsewhere."""

    def require_same(self, what: str, find: Callable[[], object]) -> None:
        """Check that ``find`` returns the same on all ranks.

        Raises:
            ValueError: on a rank that differs from rank 0, naming ``what``.
        """

    def seed_own(self, *numbers: int) -> None:
        """Give each rank its own random numbers, determined by ``numbers``, its rank and the number of ranks.

        A single process continues its stream.
        """


_current = World()


def world() -> World:
    """Return the world that this process works in."""
    return _current


def enter(new: World) -> World:
    """Make ``new`` the world of this process and return the previous one."""
    global _current
    before, _current = _current, new
    return before
