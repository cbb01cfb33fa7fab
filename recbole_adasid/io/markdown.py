"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[object]], *, compact: bool = False) -> str:
    """Return a table whose cells are Markdown, too; ``compact`` leaves out the spaces of the line below the head."""
    titles = "|" + "".join(f" {title} |" if title else " |" for title in head)
    below = "|" + ("---|" if compact else " --- |") * len(head)
    return "\n".join([titles, below, *(f"| {' | '.join(map(str, row))} |" for row in rows)])
