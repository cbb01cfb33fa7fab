"""Nearest items by Semantic ID next to nearest items by embedding."""

from __future__ import annotations

from dataclasses import dataclass

from recbole_adasid.report.content.left_out import LeftOut
from recbole_adasid.report.content.text import cut, sid_text
from recbole_adasid.report.finished_run import FinishedRun

SHOWN = 8


@dataclass(frozen=True)
class Near:
    """An item near another."""

    title: str
    sid: str
    note: str
    """How near it is."""
    in_both: bool
    """Whether the other list has it too."""


@dataclass(frozen=True)
class ItemNeighbours:
    """An item and its nearest items, by both measures."""

    title: str
    sid: str
    category: str
    chosen: str
    by_sid: list[Near]
    by_embedding: list[Near]

    @property
    def common(self) -> int:
        """Number of items in both lists."""
        return sum(near.in_both for near in self.by_sid)


def neighbours(run: FinishedRun) -> list[ItemNeighbours]:
    """Return the run's example items with their nearest items.

    Raises:
        LeftOut: if the run kept no neighbours by embedding.
    """
    examples = run.examples.get("items") or []
    if not examples:
        raise LeftOut("the run had no item features, so there are no neighbours by embedding")
    return [_of_item(run, **example) for example in examples]


def _of_item(run: FinishedRun, *, item: str, chosen: str, nearest: list[str], cosines: list[float]) -> ItemNeighbours:
    bundle, titles = run.bundle, run.title_of
    levels = len(bundle.sids.level_sizes)
    close = bundle.nearest(item, SHOWN)
    by_embedding = list(zip(nearest, cosines))[:SHOWN]
    both = {near.item for near in close} & {other for other, _ in by_embedding}

    def near(other: str, note: str) -> Near:
        return Near(titles[other], sid_text(bundle.codes_of([other])[0].tolist()), note, other in both)

    return ItemNeighbours(
        title=titles[item],
        sid=sid_text(bundle.codes_of([item])[0].tolist()),
        category=cut(bundle.labels[item].category) if item in bundle.labels else "",
        chosen=chosen,
        by_sid=[near(one.item, f"{one.shared_levels} of {levels} codes") for one in close],
        by_embedding=[near(other, f"cosine {cosine:.2f}") for other, cosine in by_embedding],
    )
