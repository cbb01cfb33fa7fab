"""The breakdown of a test as a readable page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recbole_adasid.evaluation.breakdown import COLD, WARM
from recbole_adasid.io.markdown import table

_QUOTED = ": the figure to quote"
EXPLANATION = f"""\
A hit on *items* is the held-out item itself{_QUOTED}. A hit on *Semantic IDs* is any item with the held-out
one's Semantic ID, ranked among the distinct Semantic IDs of the list, as in much published code; it is never lower.
*Optimistic*, *expected* and *pessimistic* are hits on items if a Semantic ID returned all of its items in a row, with
the held-out one first, at a random position, or last."""
_SAMPLED = "Held-out items are ranked among a few sampled items only ({}): values are higher than among all items."


def render(found: Mapping[str, Any], title: str, *, sampled: str = "", beam: bool = True) -> str:
    """Render the result of :func:`~recbole_adasid.evaluation.breakdown.breakdown` as Markdown.

    Args:
        found: the breakdown.
        title: of the page.
        sampled: mode in which held-out items were ranked among sampled ones; empty: among all.
        beam: whether a beam found the lists.
    """
    with_semantic_ids = "semantic_ids" in found
    parts = [f"# {title}", _tested(found)]
    parts += [_SAMPLED.format(sampled)] if sampled else []
    if with_semantic_ids:
        parts.append(EXPLANATION.replace(_QUOTED, "") if sampled else EXPLANATION)
    parts += [
        _metrics(found)
        if with_semantic_ids
        else _table(["metric", "items"], [[*row] for row in found["items"].items()]),
        f"## By the held-out item\n\n{_slices(found['slices'])}",
        f"## Items that were never trained on\n\n{_cold_start(found)}",
    ]
    lost = "Where the beam lost the item" if beam else "How close the lists come"
    parts += [f"## {lost}\n\n{_prefix(found)}"] if with_semantic_ids else []
    return "\n\n".join(parts) + "\n"


def _repeated(found: Mapping[str, Any]) -> bool:
    """Tell whether users have several held-out items; breakdowns of earlier versions do not count these."""
    return bool(found.get("interactions", found["users"]) != found["users"])


def _tested(found: Mapping[str, Any]) -> str:
    if not _repeated(found):
        return f"{found['users']:,} users, one held-out item each."
    return (
        f"{found['interactions']:,} interactions of {found['users']:,} users. Metrics are means over interactions, and "
        "intervals come from resampling users, each with all of their interactions."
    )


def _metrics(found: Mapping[str, Any]) -> str:
    heads = ["metric", "items", "Semantic IDs", "optimistic", "expected", "pessimistic"]
    rows = [
        [name, value, found["semantic_ids"][name], *found["shared_semantic_ids"][name].values()]
        for name, value in found["items"].items()
    ]
    return _table(heads, rows)


def _slices(slices: Mapping[str, Mapping[str, float]]) -> str:
    metrics = [name for name in next(iter(slices.values())) if name != "users"]
    rows = [[name, f"{found['users']:,.0f}", *(found[m] for m in metrics)] for name, found in slices.items()]
    return _table(["held-out item", "users", *metrics], rows)


def _cold_start(found: Mapping[str, Any]) -> str:
    cold, warm = (found["slices"][name] for name in (COLD, WARM))
    intervals = [found["intervals"][name] for name in (COLD, WARM)]
    rows = [
        [name, cold[name], _interval(intervals[0].get(name)), warm[name], _interval(intervals[1].get(name))]
        for name in found["items"]
    ]
    heads = ["metric", f"cold, {cold['users']:,.0f} users", "95% interval"]
    return _table([*heads, f"warm, {warm['users']:,.0f} users", "95% interval"], rows)


def _interval(bounds: tuple[float, float] | None) -> str:
    return "-" if bounds is None else f"{bounds[0]:.4f} to {bounds[1]:.4f}"


def _prefix(found: Mapping[str, Any]) -> str:
    rows = [[str(length), share] for length, share in enumerate(found["prefix_recall"], start=1)]
    rates = ", ".join(f"{name} {value:.4f}" for name, value in found["rates"].items())
    note = "Share of users who were recommended an item with the held-out one's first codes."
    if _repeated(found):
        note = "Share of interactions for which an item with the held-out one's first codes was recommended."
    unit = "interactions" if _repeated(found) else "users"
    return f"{note}\n\n{_table(['codes', unit], rows)}\n\n{unit.capitalize()} with such recommendations: {rates}."


def _table(heads: list[str], rows: list[list[Any]]) -> str:
    return table(heads, ([_cell(value) for value in row] for row in rows))


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "-" if value != value else f"{value:.4f}"
