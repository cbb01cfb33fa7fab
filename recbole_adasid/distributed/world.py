"""The processes that work on one job, as the code sees them, and the world of one process.

Every rank draws the same batches from the same generators and computes its own rows of them. What needs the whole batch
is computed by every rank from the rows of all, or a part of it by each where that is much: pairs of rows. In the end
every rank has the whole job's loss and its gradient through the own rows, whose sum over ranks is that of one process.

Letters: n rows of a batch, W ranks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from torch import Tensor

Result = TypeVar("Result")


class Share:
    """The rows of a batch that this process computes: all of them, where it is alone."""

    def of(self, values: Any) -> Any:
        """Return the own rows of ``values`` [n, …]: a tensor, an array, or anything else that takes a slice."""
        return values

    def gather(self, *values: Tensor) -> tuple[Tensor, ...]:
        """Return each of ``values`` of all rows [n, …] from those of the own rows, in one exchange.

        Their gradients are taken through the own rows alone.
        """
        return values

    def mean(self, values: Tensor) -> Tensor:
        """Return means over the batch's rows from those over the own ones; rows with weights weigh in both.

        Their gradients are taken through the own rows alone.
        """
        return values


class World:
    """The ranks of a job, numbered from 0. This class is a job of a single process."""

    rank = 0
    size = 1

    @property
    def is_main(self) -> bool:
        """Whether this is rank 0, which reads and writes the job's files and speaks to people."""
        return self.rank == 0

    def share(self, rows: int, weights: Tensor | None = None) -> Share:
        """Return which of a batch's ``rows`` are this rank's; ``weights`` [n] are theirs in a mean, None: all alike."""
        return Share()

    def part(self, values: Tensor) -> Tensor:
        """Return this rank's part of ``values`` [n, …] that all ranks have, every W-th; it may be empty."""
        return values

    def all_reduce_sum(self, values: Tensor) -> Tensor:
        """Return the sum over ranks of what each has of ``values``; its gradient is taken through the own ones."""
        return values

    def grad_all_reduce(self, values: Tensor) -> Tensor:
        """Return ``values`` that all ranks have, for each to compute its part of a loss from; gradients add up.

        :meth:`all_reduce_sum` puts the parts together.
        """
        return values

    def sum_gradients(self, parameters: Iterable[Tensor]) -> None:
        """Replace the gradient of each parameter by the sum over ranks."""

    def from_main(self, make: Callable[[], Result]) -> Result:
        """Return what ``make`` returns on rank 0; the others wait for it, and call it not.

        While they wait they do what rank 0 calls them for, see :meth:`call_others`.
        """
        return make()

    def call_others(self, function: Callable[..., object], *arguments: Any) -> None:
        """Let the ranks that wait in :meth:`from_main` call a function of a module; on rank 0 only.

        It does not wait for them: what follows on rank 0 and the function meet in the same exchanges of rows and
        gradients.
        """

    def hand_over(self, take: Callable[[], Result], give: Callable[[Result], object]) -> None:
        """Bring all ranks to the state of rank 0, which ``take`` returns there and ``give`` puts in place elsewhere."""

    def require_same(self, what: str, find: Callable[[], object]) -> None:
        """Check that ``find`` returns the same on all ranks.

        Raises:
            ValueError: on a rank where it is not what it is on rank 0, naming ``what``.
        """

    def seed_own(self, *numbers: int) -> None:
        """Give each rank random numbers of its own, a function of ``numbers``, its rank and how many there are.

        A process that is alone goes on in its stream.
        """


_current = World()


def world() -> World:
    """Return the world that this process works in."""
    return _current


def enter(new: World) -> World:
    """Make ``new`` the world of this process and return the one before."""
    global _current
    before, _current = _current, new
    return before
